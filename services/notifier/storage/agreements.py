"""What people agreed with an advertiser instead of the law's numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.rulebook import window
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Agreement


@dataclass(frozen=True, slots=True)
class Stored:
    """As recorded; `most` None and no `windows` leave the law's cap and hours as they are."""

    id: UUID
    advertiser_id: UUID
    channel: Channel
    address: str
    address_key: str
    contact_id: UUID | None
    most: int | None
    windows: Sequence[str]
    evidence: str
    actor: str
    expires_at: datetime | None
    created_at: datetime


def agreement(most: int | None, windows: Sequence[str]) -> Agreement:
    """What is kept of an agreement, as gates read it."""
    return Agreement(most, tuple(window(it) for it in windows) or None)


async def put(session: AsyncSession, new: Stored) -> Stored:
    """Records an agreement; it takes the place of the one before, whose id it keeps."""
    row = {name: getattr(new, name) for name in Stored.__dataclass_fields__}
    given = {**row, "channel": int(new.channel), "windows": list(new.windows)}
    return _stored((await session.execute(_PUT, given)).one())


async def remove(session: AsyncSession, id: UUID) -> Stored | None:
    """Deletes it and returns what it was; None when there is none."""
    found = (await session.execute(_REMOVE, {"id": id})).first()
    return _stored(found) if found else None


async def page(
    session: AsyncSession, address_key: str, after: UUID | None, limit: int
) -> list[Stored]:
    """Up to `limit` by id, after an id; of one address unless that is empty."""
    given = {"key": address_key, "after": after, "limit": limit}
    return [_stored(row) for row in await session.execute(_PAGE, given)]


def _stored(row: Any) -> Stored:
    fields = {name: getattr(row, name) for name in Stored.__dataclass_fields__}
    return Stored(**{**fields, "channel": Channel(row.channel), "windows": tuple(row.windows)})


_COLUMNS = """id, advertiser_id, channel, address, address_key, contact_id, most, windows, evidence,
    actor, expires_at, created_at"""
_PUT = text(f"""
    INSERT INTO agreements ({_COLUMNS})
    VALUES (:id, :advertiser_id, :channel, :address, :address_key, :contact_id, :most,
        CAST(:windows AS text[]), :evidence, :actor, :expires_at, :created_at)
    ON CONFLICT (address_key, advertiser_id, channel) DO UPDATE SET
        contact_id = excluded.contact_id, most = excluded.most, windows = excluded.windows,
        evidence = excluded.evidence, actor = excluded.actor, expires_at = excluded.expires_at,
        created_at = excluded.created_at
    RETURNING {_COLUMNS}
""")  # noqa: S608 (constant columns)
_REMOVE = text(f"DELETE FROM agreements WHERE id = :id RETURNING {_COLUMNS}")  # noqa: S608
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM agreements
    WHERE (CAST(:key AS text) = '' OR address_key = :key)
      AND (CAST(:after AS uuid) IS NULL OR id > :after)
    ORDER BY id
    LIMIT :limit
""")  # noqa: S608
