"""Recipients: copied in by the planner, claimed for chunks, moved by reports and by sweeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

import psycopg
from sqlalchemy import select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import RecipientState
from services.campaigns.storage import copying
from services.campaigns.storage.partitions import partition
from services.campaigns.storage.tables import campaigns, recipients, runs


class Waiting(NamedTuple):
    """A recipient to hand over."""

    contact_id: UUID
    message_id: UUID
    address: str
    address_key: str
    time_zone: str
    locale: str
    values: list[str]


class News(NamedTuple):
    """What a notifier says of one message."""

    message_id: UUID
    state: RecipientState
    reason: str
    revision: int
    time: datetime


class Moved(NamedTuple):
    """How many recipients of a chunk went from one state to another."""

    chunk_id: UUID | None
    before: RecipientState
    after: RecipientState
    people: int


@dataclass(frozen=True)
class Recipient:
    """One person of a run, with the campaign's name."""

    run_date: date
    run_id: UUID
    campaign_id: UUID
    campaign_name: str
    contact_id: UUID
    channel: Channel
    message_id: UUID | None
    address: str
    state: RecipientState
    reason: str
    update_time: datetime


async def already_planned(
    session: AsyncSession, run: Run, message_ids: Sequence[bytes]
) -> set[bytes]:
    """Return which of a run's messages, and so of its addresses, the plan has already."""
    # As one text: the driver needs longer for a thousand ids than the database for the answer.
    ids = ",".join(each.hex() for each in message_ids)
    given = {"run_date": run.run_date, "ids": f"{{{ids}}}"}
    return {each.bytes for each in await session.scalars(_PLANNED, given)}


async def copy(session: AsyncSession, rows: Sequence[bytes]) -> None:
    """Write rows, packed by `copying`, with COPY; the partition of their day is there."""
    connection = await session.connection()
    raw = (await connection.get_raw_connection()).driver_connection
    if not isinstance(raw, psycopg.AsyncConnection):
        raise TypeError("COPY needs psycopg")
    async with raw.cursor() as cursor, cursor.copy(_COPY) as stream:
        await stream.write(b"".join((copying.BEGIN, *rows, copying.END)))


async def learn(session: AsyncSession, run: Run) -> None:
    """Have the statistics of the run's partition taken.

    Without any the database takes a million rows of a day for a handful and reads them all for
    every batch; it would take them itself only a minute later.
    """
    await session.execute(text(f"ANALYZE {partition(run.run_date)}"))


async def claim(session: AsyncSession, run: Run, region: str, limit: int) -> Sequence[Waiting]:
    """Lock and return recipients that wait in a region; the caller holds the run's lock."""
    given = {"run_date": run.run_date, "run_id": run.id, "region": region, "limit": limit}
    return [Waiting(*row) for row in await session.execute(_CLAIM, given)]


async def hand_over(
    session: AsyncSession, run: Run, chunk_id: UUID, message_ids: Sequence[UUID]
) -> None:
    """Mark claimed recipients as handed over in a chunk."""
    given = {
        "run_date": run.run_date,
        "chunk_id": chunk_id,
        "ids": list(message_ids),
    }
    await session.execute(_HAND_OVER, given)


async def apply(session: AsyncSession, run_date: date, news: Sequence[News]) -> Sequence[Moved]:
    """Move the recipients whose news is newer than what is known; returns where they went.

    Locks the moved rows in order of their message ids.
    """
    given = {
        "run_date": run_date,
        "ids": [each.message_id for each in news],
        "states": [each.state.value for each in news],
        "reasons": [each.reason for each in news],
        "revisions": [each.revision for each in news],
        "times": [each.time for each in news],
    }
    return [
        Moved(row.chunk_id, RecipientState(row.before), RecipientState(row.after), row.people)
        for row in await session.execute(_APPLY, given)
    ]


async def leave_behind(session: AsyncSession, run: Run, to: RecipientState, limit: int) -> int:
    """Move up to `limit` recipients that were never handed over; returns how many."""
    given = {"run_date": run.run_date, "run_id": run.id, "to": to.value, "limit": limit}
    return int(await session.scalar(_LEAVE_BEHIND, given) or 0)


async def read_page(
    session: AsyncSession,
    page: Page,
    run: Run,
    states: Sequence[RecipientState],
    reason: str,
) -> Sequence[Recipient]:
    """Return one more recipient of a run than the page holds, if so many, by contact id."""
    query = _SELECT.where(
        recipients.c.run_date == run.run_date, recipients.c.run_id == run.id
    ).order_by(recipients.c.contact_id)
    if states:
        query = query.where(recipients.c.state.in_(states))
    if reason:
        query = query.where(recipients.c.reason == reason)
    if page.after is not None:
        query = query.where(recipients.c.contact_id > page.after[0])
    return [_recipient(row) for row in await session.execute(query.limit(page.size + 1))]


async def read_contact_page(
    session: AsyncSession, page: Page, contact_id: UUID
) -> Sequence[Recipient]:
    """Return one more recipient of a contact than the page holds, if so many, newest first."""
    keys = tuple_(recipients.c.run_date, recipients.c.run_id)
    query = _SELECT.where(recipients.c.contact_id == contact_id).order_by(
        recipients.c.run_date.desc(), recipients.c.run_id.desc()
    )
    if page.after is not None:
        query = query.where(keys < tuple_(*page.after))
    return [_recipient(row) for row in await session.execute(query.limit(page.size + 1))]


def _recipient(row: object) -> Recipient:
    values = {name: getattr(row, name) for name in Recipient.__dataclass_fields__}
    values["channel"] = Channel(values["channel"])
    values["state"] = RecipientState(values["state"])
    return Recipient(**values)


_SELECT = (
    select(
        recipients,
        runs.c.campaign_id,
        campaigns.c.name.label("campaign_name"),
    )
    .join(runs, runs.c.id == recipients.c.run_id)
    .join(campaigns, campaigns.c.id == runs.c.campaign_id)
)

_COPY = f"COPY recipients ({', '.join(copying.COLUMNS)}) FROM STDIN (FORMAT BINARY)"

# Messages are looked up by (run_date, message_id) alone: their ids are the run's own.
_PLANNED = text("""
    SELECT message_id FROM recipients
    WHERE run_date = :run_date AND message_id = ANY(CAST(:ids AS uuid[]))
""")
_CLAIM = text("""
    SELECT contact_id, message_id, address, address_key, time_zone, locale, values
    FROM recipients
    WHERE run_date = :run_date AND run_id = :run_id AND region = :region
      AND chunk_id IS NULL AND message_id IS NOT NULL AND state = 'PLANNED'
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
""")
_HAND_OVER = text("""
    UPDATE recipients SET state = 'HANDED_OVER', chunk_id = :chunk_id, update_time = now()
    WHERE run_date = :run_date AND message_id = ANY(CAST(:ids AS uuid[]))
""")
_APPLY = text("""
    WITH news AS (
        SELECT * FROM unnest(
            CAST(:ids AS uuid[]), CAST(:states AS text[]), CAST(:reasons AS text[]),
            CAST(:revisions AS bigint[]), CAST(:times AS timestamptz[])
        ) AS given (message_id, state, reason, revision, time)
    ), old AS (
        SELECT r.message_id, r.chunk_id, r.state
        FROM recipients r JOIN news USING (message_id)
        WHERE r.run_date = :run_date AND r.revision < news.revision
        ORDER BY r.message_id
        FOR UPDATE OF r
    ), done AS (
        UPDATE recipients r
        SET state = news.state, reason = news.reason, revision = news.revision,
            update_time = news.time
        FROM news JOIN old USING (message_id)
        WHERE r.run_date = :run_date AND r.message_id = news.message_id
        RETURNING old.chunk_id, old.state AS before, r.state AS after
    )
    SELECT chunk_id, before, after, count(*) AS people FROM done
    GROUP BY chunk_id, before, after
""")
_LEAVE_BEHIND = text("""
    WITH waiting AS (
        SELECT message_id FROM recipients
        WHERE run_date = :run_date AND run_id = :run_id
          AND chunk_id IS NULL AND message_id IS NOT NULL AND state = 'PLANNED'
        LIMIT :limit
        FOR UPDATE SKIP LOCKED
    ), done AS (
        UPDATE recipients r SET state = :to, update_time = now()
        FROM waiting
        WHERE r.run_date = :run_date AND r.message_id = waiting.message_id
        RETURNING 1
    )
    SELECT count(*) FROM done
""")
