"""Recipients: copied in by the planner, listed, left behind by runs that end early."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Table, and_, case, func, literal, null, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db.paging import Page
from chassis.scope import Scope
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import RecipientState
from services.campaigns.storage import copying, owned, plans
from services.campaigns.storage.partitions import partition
from services.campaigns.storage.tables import (
    campaigns,
    chunks,
    past_recipients,
    recipients,
    run_regions,
    runs,
)


@dataclass(frozen=True)
class Recipient:
    """One person of a run, with the campaign's name."""

    run_date: date
    run_id: UUID
    ordinal: int
    campaign_id: UUID
    campaign_name: str
    contact_id: UUID
    channel: Channel
    message_id: UUID | None
    address: str
    state: RecipientState
    reason: str
    rule: str
    update_time: datetime


async def addresses(session: AsyncSession, run: Run, after: int, limit: int) -> tuple[bytes, int]:
    """Return the last 8 bytes of the ids of up to `limit` people's messages, after an ordinal.

    With them comes the ordinal of the last of these people, `after` if there are none.
    """
    given = {"run_date": run.run_date, "run_id": run.id, "after": after, "limit": limit}
    ((tails, last),) = await plans.by_index(session, _ADDRESSES, given)
    return bytes(tails or b""), last or after


async def copy(session: AsyncSession, rows: Sequence[bytes]) -> None:
    """Write rows, packed by `copying`, with COPY; the partition of their day is there."""
    raw = await db.driver(session)
    with plans.translated(raw):
        async with raw.cursor() as cursor, cursor.copy(_COPY) as stream:
            await stream.write(b"".join((copying.BEGIN, *rows, copying.END)))


async def learn(session: AsyncSession, run: Run) -> None:
    """Have the statistics of the run's partition taken, for whoever lists its recipients.

    The database would take them itself only a minute later.
    """
    await session.execute(text(f"ANALYZE {partition(run.run_date)}"))


async def leave_behind(
    session: AsyncSession, run: Run, region: str, after: int, to: RecipientState, limit: int
) -> tuple[int, int]:
    """Move up to `limit` of a region that were never handed over, which are those `after`.

    Returns how many, and the ordinal of the last. The caller holds the run's lock.
    """
    given = {
        "run_date": run.run_date,
        "run_id": run.id,
        "region": region,
        "after": after,
        "to": to.value,
        "limit": limit,
    }
    ((people, last),) = await plans.by_index(session, _LEAVE_BEHIND, given)
    return people, last or after


async def read_page(
    session: AsyncSession,
    page: Page,
    run: Run,
    states: Sequence[RecipientState],
    reason: str,
) -> Sequence[Recipient]:
    """Return one more recipient of a run than the page holds, if so many, by ordinal."""
    found = await session.execute(of_run(page, run, states, reason))
    return [_recipient(row) for row in found]


def of_run(page: Page, run: Run, states: Sequence[RecipientState], reason: str) -> Select[Any]:
    """Return the query of `read_page`."""
    query = _wanted(run, states, reason).order_by(recipients.c.ordinal)
    if page.after is not None:
        query = query.where(recipients.c.ordinal > page.after[0])
    return query.limit(page.size + 1)


async def count(
    session: AsyncSession, run: Run, states: Sequence[RecipientState], reason: str
) -> int:
    """Return how many recipients all pages of `read_page` have."""
    wanted = _wanted(run, states, reason).with_only_columns(func.count(recipients.c.ordinal))
    found: int = (await session.execute(wanted)).scalar_one()
    return found


def _wanted(run: Run, states: Sequence[RecipientState], reason: str) -> Select[Any]:
    query = _SELECT.where(recipients.c.run_date == run.run_date, recipients.c.run_id == run.id)
    if states:
        query = query.where(_STATE.in_(states))
    if reason:
        query = query.where(recipients.c.reason == reason)
    return query


async def read_contact_page(
    session: AsyncSession, page: Page, contact_id: UUID, scope: Scope
) -> Sequence[Recipient]:
    """Return one more recipient of a contact than the page holds, if so many, newest first.

    Those of campaigns within reach; of days that were let go of their short rows, without message
    and address.
    """
    # The past after the present, so that a day that is let go of in between is seen twice and not
    # never.
    here, past = [
        [_recipient(row) for row in await session.execute(query)]
        for query in (
            _of_contact(_SELECT, recipients, page, contact_id, scope),
            _of_contact(_PAST, past_recipients, page, contact_id, scope),
        )
    ]
    found = {(it.run_id, it.channel): it for it in (*past, *here)}
    newest = sorted(found.values(), key=lambda it: (it.run_date, it.run_id), reverse=True)
    return newest[: page.size + 1]


def _of_contact(
    query: Select[Any], table: Table, page: Page, contact_id: UUID, scope: Scope
) -> Select[Any]:
    query = query.where(table.c.contact_id == contact_id, owned.campaigns(scope))
    if page.after is not None:
        query = query.where(tuple_(table.c.run_date, table.c.run_id) < tuple_(*page.after))
    return query.order_by(table.c.run_date.desc(), table.c.run_id.desc()).limit(page.size + 1)


def _recipient(row: object) -> Recipient:
    values = {name: getattr(row, name) for name in Recipient.__dataclass_fields__}
    values["channel"] = Channel(values["channel"])
    values["state"] = RecipientState(values["state"])
    return Recipient(**values)


# A row is not touched when it is handed over: its region's cursor passes it.
_IS_HANDED_OVER = and_(
    recipients.c.state == RecipientState.PLANNED,
    recipients.c.ordinal <= func.coalesce(run_regions.c.handed_to, 0),
)
_STATE = case((_IS_HANDED_OVER, RecipientState.HANDED_OVER.value), else_=recipients.c.state)
_HANDED_OVER_AT = (
    select(chunks.c.hand_time)
    .where(
        chunks.c.run_id == recipients.c.run_id,
        chunks.c.region == recipients.c.region,
        chunks.c.to_ordinal >= recipients.c.ordinal,
    )
    .order_by(chunks.c.to_ordinal)
    .limit(1)
    .scalar_subquery()
)
_SELECT = (
    select(
        recipients.c.run_date,
        recipients.c.run_id,
        recipients.c.ordinal,
        recipients.c.contact_id,
        recipients.c.channel,
        recipients.c.message_id,
        recipients.c.address,
        recipients.c.reason,
        recipients.c.rule,
        _STATE.label("state"),
        case(
            (_IS_HANDED_OVER, func.coalesce(_HANDED_OVER_AT, recipients.c.update_time)),
            else_=recipients.c.update_time,
        ).label("update_time"),
        runs.c.campaign_id,
        campaigns.c.name.label("campaign_name"),
    )
    .join(runs, runs.c.id == recipients.c.run_id)
    .join(campaigns, campaigns.c.id == runs.c.campaign_id)
    .outerjoin(
        run_regions,
        and_(
            run_regions.c.run_id == recipients.c.run_id,
            run_regions.c.region == recipients.c.region,
        ),
    )
)

_PAST = (
    select(
        past_recipients.c.run_date,
        past_recipients.c.run_id,
        literal(0).label("ordinal"),
        past_recipients.c.contact_id,
        past_recipients.c.channel,
        null().label("message_id"),
        literal("").label("address"),
        past_recipients.c.reason,
        literal("").label("rule"),
        past_recipients.c.state,
        past_recipients.c.time.label("update_time"),
        runs.c.campaign_id,
        campaigns.c.name.label("campaign_name"),
    )
    .join(runs, runs.c.id == past_recipients.c.run_id)
    .join(campaigns, campaigns.c.id == runs.c.campaign_id)
)
_COPY = f"COPY recipients ({', '.join(copying.COLUMNS)}) FROM STDIN (FORMAT BINARY)"

_ADDRESSES = """
    SELECT string_agg(substr(uuid_send(message_id), 9), ''::bytea), max(ordinal)
    FROM (
        SELECT message_id, ordinal FROM recipients
        WHERE run_date = %(run_date)s AND run_id = %(run_id)s AND ordinal > %(after)s
        ORDER BY ordinal LIMIT %(limit)s
    ) AS planned
"""
# Messages are looked up by (run_date, message_id) alone: their ids are the run's own.
_LEAVE_BEHIND = """
    WITH waiting AS MATERIALIZED (
        SELECT message_id, ordinal FROM recipients
        WHERE run_date = %(run_date)s AND run_id = %(run_id)s AND ordinal > %(after)s
          AND region = %(region)s AND message_id IS NOT NULL AND state = 'PLANNED'
        ORDER BY ordinal
        LIMIT %(limit)s
    ), done AS (
        UPDATE recipients r SET state = %(to)s, update_time = now()
        FROM waiting
        WHERE r.run_date = %(run_date)s AND r.message_id = waiting.message_id
          AND r.message_id IS NOT NULL
    )
    SELECT count(*), max(ordinal) FROM waiting
"""
