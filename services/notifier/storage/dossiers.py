"""Everything that was ever sent to one address, for whoever answers its owner."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import Channel, Purpose
from services.notifier.storage import rows

Place = tuple[datetime, UUID]
FIRST: Place = (datetime(9999, 1, 1, tzinfo=UTC), UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class Regained:
    """A consent given after a withdrawal."""

    channel: Channel
    advertiser_id: UUID
    purpose: Purpose
    given_at: datetime
    evidence: str


async def page(
    session: AsyncSession, address_key: str, before: Place, limit: int
) -> list[rows.Message]:
    """Up to `limit` messages to an address before a place, newest first; locks nothing.

    One look into an index of each day's partition, however many messages there are.
    """
    await rows.through_indexes(session)
    at, id = before
    given = {"key": address_key, "at": at, "id": id, "limit": limit}
    here = [rows.message(row) for row in await session.execute(PAGE, given)]
    # After it, so that a day that is let go of in between is seen twice and not never.
    past = [rows.message(row) for row in await session.execute(_PAST, given)]
    found = {it.key: it for it in (*past, *here)}
    newest = sorted(found.values(), key=lambda it: (it.created_at, it.key.message_id), reverse=True)
    return newest[:limit]


async def campaigns(session: AsyncSession, run_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The campaign of each run."""
    found = await session.execute(_CAMPAIGNS, {"ids": arrays.uuids(set(run_ids))})
    return {row.run_id: row.campaign_id for row in found}


async def regained(session: AsyncSession, channel: Channel, address_key: str) -> list[Regained]:
    """Consents given again for an address, newest first."""
    given = {"channel": int(channel), "key": address_key}
    return [
        Regained(Channel(row.channel), row.advertiser_id, Purpose(row.purpose), *row[3:])
        for row in await session.execute(_REGAINED, given)
    ]


PAGE = text(f"""
    SELECT {rows.MESSAGE_COLUMNS} FROM messages m
    WHERE m.address_key = :key AND m.created_at <= :at
      AND (m.created_at, m.message_id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))
    ORDER BY m.created_at DESC, m.message_id DESC LIMIT :limit
""")  # noqa: S608 (constant columns)
_PAST = text(f"""
    SELECT {rows.PAST_COLUMNS} FROM past_messages m
    WHERE m.address_key = :key AND m.created_at <= :at
      AND (m.created_at, m.message_id) < (CAST(:at AS timestamptz), CAST(:id AS uuid))
    ORDER BY m.created_at DESC, m.message_id DESC LIMIT :limit
""")  # noqa: S608
_CAMPAIGNS = text("""
    SELECT run_id, campaign_id FROM runs
    WHERE run_id = ANY(CAST(:ids AS uuid[])) AND campaign_id IS NOT NULL
""")
_REGAINED = text("""
    SELECT channel, advertiser_id, purpose, given_at, evidence FROM regained
    WHERE channel = :channel AND address_key = :key ORDER BY given_at DESC
""")
