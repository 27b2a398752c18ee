"""Advertisers, their sender identities, and contents."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.attachments import Attachment
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Content, Sender


@dataclass(frozen=True, slots=True)
class Advertiser:
    """A legal entity that messages are sent for."""

    id: UUID
    revision: int
    name: str
    postal_address: str
    contact: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a message seems to come from."""

    id: UUID
    revision: int
    advertiser_id: UUID
    channel: Channel
    address: str
    display_name: str
    reply_to: str
    expires_at: datetime | None
    created_at: datetime


async def add_advertiser(session: AsyncSession, new: Advertiser) -> Advertiser | None:
    """Stores it; None when the name is taken."""
    found = (await session.execute(_ADD_ADVERTISER, _fields(new))).first()
    return _advertiser(found) if found else None


async def advertiser(session: AsyncSession, id: UUID, *, lock: bool = False) -> Advertiser | None:
    """One advertiser; `lock` keeps others from changing it until the end."""
    statement = _LOCK_ADVERTISER if lock else _ADVERTISER
    found = (await session.execute(statement, {"id": id})).first()
    return _advertiser(found) if found else None


async def change_advertiser(session: AsyncSession, changed: Advertiser) -> bool:
    """Stores all fields; False when the name is taken. Lock it before."""
    taken = await session.scalar(_NAME_TAKEN, {"id": changed.id, "name": changed.name})
    if taken:
        return False
    await session.execute(_CHANGE_ADVERTISER, _fields(changed))
    return True


async def advertisers(
    session: AsyncSession, after: tuple[str, UUID] | None, limit: int
) -> list[Advertiser]:
    """Up to `limit` by name, after a name and id."""
    name, id = after or (None, None)
    found = await session.execute(_ADVERTISERS, {"name": name, "id": id, "limit": limit})
    return [_advertiser(row) for row in found]


async def add_identity(session: AsyncSession, new: Identity) -> Identity | None:
    """Stores it; None when the advertiser has the address already."""
    row = {**_fields(new), "channel": int(new.channel)}
    found = (await session.execute(_ADD_IDENTITY, row)).first()
    return _identity(found) if found else None


async def identity(session: AsyncSession, id: UUID, *, lock: bool = False) -> Identity | None:
    """One sender identity; `lock` keeps others from changing it until the end."""
    statement = _LOCK_IDENTITY if lock else _IDENTITY
    found = (await session.execute(statement, {"id": id})).first()
    return _identity(found) if found else None


async def change_identity(session: AsyncSession, changed: Identity) -> None:
    """Stores what can change of it. Lock it before."""
    await session.execute(_CHANGE_IDENTITY, _fields(changed))


async def of_address(session: AsyncSession, channel: Channel, address: str) -> UUID | None:
    """The advertiser of the identity with this address; None when none or several have it."""
    found = (
        await session.execute(_OF_ADDRESS, {"channel": int(channel), "address": address})
    ).all()
    return found[0].advertiser_id if len(found) == 1 else None


async def identities(
    session: AsyncSession,
    *,
    advertiser_id: UUID | None,
    channel: int,
    after: UUID | None,
    limit: int,
) -> list[Identity]:
    """Up to `limit` by id, after an id."""
    found = await session.execute(
        _IDENTITIES,
        {"advertiser_id": advertiser_id, "channel": channel, "after": after, "limit": limit},
    )
    return [_identity(row) for row in found]


async def senders(session: AsyncSession, identity_ids: Sequence[UUID]) -> dict[UUID, Sender]:
    """Identities with their advertisers, by identity id."""
    return await db.ask(session, ask_senders(identity_ids))


def ask_senders(identity_ids: Sequence[UUID]) -> db.Ask[dict[UUID, Sender]]:
    """As `senders`."""

    def read(found: db.Rows) -> dict[UUID, Sender]:
        return {
            row.identity_id: Sender(**{**row._asdict(), "channel": Channel(row.channel)})
            for row in found
        }

    return db.Ask(_SENDERS, {"ids": list(set(identity_ids))}, read)


async def contents(session: AsyncSession, hashes: Iterable[str]) -> dict[str, Content]:
    """Contents by hash."""
    found = await session.execute(_CONTENTS, {"hashes": list(set(hashes))})
    return {
        row.hash: Content(
            hash=row.hash,
            channel=Channel(row.channel),
            subject=row.subject,
            html=row.html,
            body=row.body,
            variables=tuple(row.variables),
            attachments=tuple(Attachment(**it) for it in row.attachments),
        )
        for row in found
    }


async def add_content(
    session: AsyncSession, content: Content, files: Mapping[str, bytes] | None = None
) -> None:
    """Keeps a content with its files by hash; what is there already is the same by its hash."""
    row = {
        **_fields(content),
        "channel": int(content.channel),
        "variables": list(content.variables),
        "attachments": json.dumps([asdict(it) for it in content.attachments]),
    }
    for hash, data in (files or {}).items():
        await session.execute(_ADD_FILE, {"hash": hash, "data": data})
    await session.execute(_ADD_CONTENT, row)


async def missing_files(session: AsyncSession, content: Content) -> list[str]:
    """The hashes of a content's attachments that are not kept here."""
    wanted = {it.hash for it in content.attachments}
    found = await session.execute(_KNOWN_FILES, {"hashes": list(wanted)})
    return sorted(wanted.difference(found.scalars()))


async def files(session: AsyncSession, content: Content) -> dict[str, bytes]:
    """The bytes of a content's attachments by hash."""
    found = await session.execute(_FILES, {"hashes": [it.hash for it in content.attachments]})
    return {row.hash: bytes(row.data) for row in found}


def _fields(it: Any) -> dict[str, Any]:
    return {name: getattr(it, name) for name in type(it).__dataclass_fields__}


def _advertiser(row: Any) -> Advertiser:
    return Advertiser(**{name: getattr(row, name) for name in Advertiser.__dataclass_fields__})


def _identity(row: Any) -> Identity:
    fields = {name: getattr(row, name) for name in Identity.__dataclass_fields__}
    return Identity(**{**fields, "channel": Channel(row.channel)})


_A = "id, revision, name, postal_address, contact, created_at"
_I = """id, revision, advertiser_id, channel, address, display_name, reply_to, expires_at,
    created_at"""
_ADD_ADVERTISER = text(f"""
    INSERT INTO advertisers ({_A})
    VALUES (:id, :revision, :name, :postal_address, :contact, :created_at)
    ON CONFLICT (lower(name)) DO NOTHING
    RETURNING {_A}
""")  # noqa: S608 (constant columns)
_ADVERTISER = text(f"SELECT {_A} FROM advertisers WHERE id = :id")  # noqa: S608
_LOCK_ADVERTISER = text(f"SELECT {_A} FROM advertisers WHERE id = :id FOR UPDATE")  # noqa: S608
_NAME_TAKEN = text(
    "SELECT 1 FROM advertisers WHERE lower(name) = lower(CAST(:name AS text)) AND id <> :id"
)
_CHANGE_ADVERTISER = text("""
    UPDATE advertisers SET revision = :revision, name = :name,
        postal_address = :postal_address, contact = :contact
    WHERE id = :id
""")
_ADVERTISERS = text(f"""
    SELECT {_A} FROM advertisers
    WHERE CAST(:name AS text) IS NULL
       OR (lower(name), id) > (lower(CAST(:name AS text)), CAST(:id AS uuid))
    ORDER BY lower(name), id
    LIMIT :limit
""")  # noqa: S608
_ADD_IDENTITY = text(f"""
    INSERT INTO sender_identities ({_I})
    VALUES (:id, :revision, :advertiser_id, :channel, :address, :display_name, :reply_to,
        :expires_at, :created_at)
    ON CONFLICT (advertiser_id, channel, lower(address)) DO NOTHING
    RETURNING {_I}
""")  # noqa: S608
_IDENTITY = text(f"SELECT {_I} FROM sender_identities WHERE id = :id")  # noqa: S608
_LOCK_IDENTITY = text(
    f"SELECT {_I} FROM sender_identities WHERE id = :id FOR NO KEY UPDATE"  # noqa: S608
)
_CHANGE_IDENTITY = text("""
    UPDATE sender_identities SET revision = :revision, display_name = :display_name,
        reply_to = :reply_to, expires_at = :expires_at
    WHERE id = :id
""")
_OF_ADDRESS = text("""
    SELECT DISTINCT advertiser_id FROM sender_identities
    WHERE channel = :channel AND lower(address) = lower(CAST(:address AS text))
    LIMIT 2
""")
_IDENTITIES = text(f"""
    SELECT {_I} FROM sender_identities
    WHERE (CAST(:advertiser_id AS uuid) IS NULL OR advertiser_id = :advertiser_id)
      AND (:channel = 0 OR channel = :channel)
      AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id
    LIMIT :limit
""")  # noqa: S608
_SENDERS = text("""
    SELECT i.id AS identity_id, i.advertiser_id, i.channel, i.address, i.display_name,
        i.reply_to, i.expires_at, a.name AS advertiser_name, a.postal_address
    FROM sender_identities i JOIN advertisers a ON a.id = i.advertiser_id
    WHERE i.id = ANY(CAST(:ids AS uuid[]))
""")
_CONTENTS = text("""
    SELECT hash, channel, subject, html, body, variables, attachments FROM contents
    WHERE hash = ANY(CAST(:hashes AS text[]))
""")
_ADD_CONTENT = text("""
    INSERT INTO contents (hash, channel, subject, html, body, variables, attachments)
    VALUES (:hash, :channel, :subject, :html, :body, :variables, CAST(:attachments AS jsonb))
    ON CONFLICT (hash) DO NOTHING
""")
_ADD_FILE = text("""
    INSERT INTO attachments (hash, data) VALUES (:hash, :data) ON CONFLICT (hash) DO NOTHING
""")
_KNOWN_FILES = text("SELECT hash FROM attachments WHERE hash = ANY(CAST(:hashes AS text[]))")
_FILES = text("SELECT hash, data FROM attachments WHERE hash = ANY(CAST(:hashes AS text[]))")
