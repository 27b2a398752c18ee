"""Who must not be written to; every change raises one version that workers watch."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import Channel
from services.notifier.domain.work import NOBODY, Suppressed


@dataclass(frozen=True, slots=True)
class Suppression:
    """As stored; advertiser NOBODY means every one, purpose 0 every one but TRANSACTIONAL."""

    id: UUID
    channel: Channel
    address: str
    address_key: str
    advertiser_id: UUID
    purpose: int
    reason: str
    evidence: str
    contact_id: UUID | None
    actor: str
    expires_at: datetime | None
    created_at: datetime


async def add(session: AsyncSession, new: Suppression) -> tuple[Suppression, bool]:
    """Stores it, or finds the one that is there already; True when something changed.

    One that ends later or never replaces one that ends sooner. Locks the version until the
    transaction ends, so that versions become visible in their order.
    """
    parameters = {
        **{name: getattr(new, name) for name in Suppression.__dataclass_fields__},
        "channel": int(new.channel),
    }
    stored = (await session.execute(_ADD, parameters)).first()
    if stored is not None:
        return _suppression(stored), True
    found = (await session.execute(_SAME, parameters)).one()
    return _suppression(found), False


async def remove(session: AsyncSession, id: UUID) -> Suppression | None:
    """Deletes it and returns what it was; None when there is none."""
    found = (await session.execute(_REMOVE, {"id": id})).first()
    if found is None:
        return None
    await session.execute(_BUMP)
    return _suppression(found)


async def page(
    session: AsyncSession,
    *,
    channel: int,
    address_keys: Sequence[str],
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Suppression]:
    """Up to `limit`, newest first, after a creation time and id."""
    at, id = after or (None, None)
    found = await session.execute(
        _PAGE,
        {
            "channel": channel,
            "keys": arrays.texts(address_keys),
            "at": at,
            "id": id,
            "limit": limit,
        },
    )
    return [_suppression(row) for row in found]


async def covering(
    session: AsyncSession, channel: Channel, address_keys: Sequence[str]
) -> dict[str, list[Suppressed]]:
    """The suppressions in force of each address; locks nothing."""
    found = await session.execute(
        _COVERING, {"channel": int(channel), "keys": arrays.texts(address_keys)}
    )
    by_key: dict[str, list[Suppressed]] = {}
    for row in found:
        by_key.setdefault(row.address_key, []).append(suppressed(row))
    return by_key


async def version(session: AsyncSession) -> int:
    """The version of now."""
    return int((await session.execute(_VERSION)).scalar_one())


async def since(session: AsyncSession, version: int, limit: int) -> list[Suppressed]:
    """Suppressions added after a version, oldest first."""
    found = await session.execute(_SINCE, {"version": version, "limit": limit})
    return [suppressed(row) for row in found]


async def regain(
    session: AsyncSession,
    channel: Channel,
    address_key: str,
    advertiser_id: UUID,
    purpose: int,
    given_at: datetime,
    evidence: str,
) -> bool:
    """Notes a consent given; it lifts withdrawals before it. False when a later one is known."""
    row = {
        "channel": int(channel),
        "key": address_key,
        "advertiser_id": advertiser_id,
        "purpose": purpose,
        "at": given_at,
        "evidence": evidence,
    }
    return (await session.execute(_REGAIN, row)).first() is not None


def suppressed(row: Any) -> Suppressed:
    """A row of `SUPPRESSED_COLUMNS`."""
    return Suppressed(
        version=row.version,
        channel=Channel(row.channel),
        address_key=row.address_key,
        advertiser_id=row.advertiser_id,
        purpose=row.purpose,
        regained=frozenset((UUID(advertiser), purpose) for advertiser, purpose in row.regained),
        reason=row.reason,
    )


def _suppression(row: Any) -> Suppression:
    return Suppression(
        id=row.id,
        channel=Channel(row.channel),
        address=row.address,
        address_key=row.address_key,
        advertiser_id=row.advertiser_id or NOBODY,
        purpose=row.purpose,
        reason=row.reason,
        evidence=row.evidence,
        contact_id=row.contact_id,
        actor=row.actor,
        expires_at=row.expires_at,
        created_at=row.created_at,
    )


_COLUMNS = """id, channel, address, address_key, advertiser_id, purpose, reason, evidence,
    contact_id, actor, expires_at, created_at"""
# Who comes back lifts what they withdrew, and nothing that a provider or an operator suppressed.
SUPPRESSED_COLUMNS = """version, channel, address_key, advertiser_id, purpose, reason,
    coalesce((SELECT json_agg(json_build_array(g.advertiser_id, g.purpose)) FROM regained g
              WHERE g.address_key = suppressions.address_key AND g.channel = suppressions.channel
                AND g.given_at > suppressions.created_at
                AND suppressions.reason IN ('withdrawn', 'unsubscribed', 'no answer')),
        '[]') AS regained"""
_REGAIN = text("""
    INSERT INTO regained AS r (channel, address_key, advertiser_id, purpose, given_at, evidence)
    VALUES (:channel, :key, :advertiser_id, :purpose, :at, :evidence)
    ON CONFLICT (address_key, channel, advertiser_id, purpose) DO UPDATE
    SET given_at = excluded.given_at, evidence = excluded.evidence
    WHERE r.given_at < excluded.given_at
    RETURNING 1
""")
_BUMP = text("UPDATE suppression_version SET version = version + 1")
_VERSION = text("SELECT version FROM suppression_version")
# Version and row in one statement: everybody who suppresses waits for the version's lock.
_ADD = text(f"""
    WITH next AS (UPDATE suppression_version SET version = version + 1 RETURNING version)
    INSERT INTO suppressions AS s ({_COLUMNS}, version)
    SELECT :id, :channel, :address, :address_key, :advertiser_id, :purpose, :reason, :evidence,
        :contact_id, :actor, CAST(:expires_at AS timestamptz), CAST(:created_at AS timestamptz),
        next.version
    FROM next
    ON CONFLICT (address_key, channel, advertiser_id, purpose) DO UPDATE SET
        reason = excluded.reason, evidence = excluded.evidence, actor = excluded.actor,
        contact_id = coalesce(excluded.contact_id, s.contact_id),
        expires_at = excluded.expires_at, version = excluded.version,
        created_at = excluded.created_at
    WHERE (s.expires_at IS NOT NULL
           AND (excluded.expires_at IS NULL OR excluded.expires_at > s.expires_at))
       OR EXISTS (SELECT 1 FROM regained g
                  WHERE g.address_key = s.address_key AND g.channel = s.channel
                    AND g.given_at > s.created_at AND g.given_at < excluded.created_at)
    RETURNING {_COLUMNS}
""")  # noqa: S608 (constant columns)
_SAME = text(f"""
    SELECT {_COLUMNS} FROM suppressions
    WHERE address_key = :address_key AND channel = :channel
      AND advertiser_id = :advertiser_id AND purpose = :purpose
""")  # noqa: S608
_REMOVE = text(f"DELETE FROM suppressions WHERE id = :id RETURNING {_COLUMNS}")  # noqa: S608
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM suppressions
    WHERE (:channel = 0 OR channel = :channel)
      AND (cardinality(CAST(:keys AS text[])) = 0 OR address_key = ANY(CAST(:keys AS text[])))
      AND (CAST(:at AS timestamptz) IS NULL
           OR (created_at, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY created_at DESC, id DESC
    LIMIT :limit
""")  # noqa: S608
_COVERING = text(f"""
    SELECT {SUPPRESSED_COLUMNS} FROM suppressions
    WHERE address_key = ANY(CAST(:keys AS text[])) AND channel = :channel
      AND (expires_at IS NULL OR expires_at > now())
""")  # noqa: S608
_SINCE = text(f"""
    SELECT {SUPPRESSED_COLUMNS} FROM suppressions
    WHERE version > :version AND (expires_at IS NULL OR expires_at > now())
    ORDER BY version
    LIMIT :limit
""")  # noqa: S608
