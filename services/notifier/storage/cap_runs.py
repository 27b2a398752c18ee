"""Which runs sent for an advertiser through a channel lately, so that caps need not ask to whom.

A run has one message for an address. As long as fewer others than a cap allows sent in its hours,
nobody can be over it. All here is asked and noted under the lock that `caps` holds.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.notifier.domain.work import NOBODY, Claimed

# A run is noted so far ahead, and then not at each of its chunks.
_AHEAD = timedelta(minutes=1)


class Noted(NamedTuple):
    """Who sent in the hours of a cap.

    `others` are the runs but the one that asks; None where their number tells nothing of an
    address, which may have got several messages without a run. `days` are those of runs whose
    messages count by their own rows. `until` and `is_straight` are what is noted of the run that
    asks.
    """

    others: int | None
    days: list[date]
    until: datetime | None
    is_straight: bool

    def leaves_room(self, most: int) -> bool:
        """Whether no address can have got so many that one more were too many."""
        return self.others is not None and self.others < most


def ask_noted(seed: int, run_id: UUID | None, since: datetime) -> db.Ask[Noted]:
    """What is noted since a time; `run_id` is the one run that asks, NOBODY for none."""

    def read(rows: db.Rows) -> Noted:
        (row,) = rows
        is_bound = run_id not in (None, NOBODY) and not row.singles
        others = row.others if is_bound else None
        return Noted(others, row.days or [], row.until, bool(row.straight))

    given = {"seed": seed, "run_id": run_id, "nobody": NOBODY, "since": since}
    return db.Ask(_NOTED, given, read)


async def note(
    session: AsyncSession,
    seed: int,
    messages: Iterable[Claimed],
    now: datetime,
    known: Noted,
    *,
    is_straight: bool,
) -> None:
    """Notes the runs of messages that count from `now` on, and whether those do by their rows.

    Nothing is written where what is `known` of the one run that asks says so already.
    """
    if known.until is not None and known.until >= now and known.is_straight >= is_straight:
        return
    runs = {it.run_id or NOBODY: it.key.run_date for it in messages}
    if runs:
        given = {
            "seed": seed,
            "ids": arrays.uuids(runs),
            "dates": arrays.dates(runs.values()),
            "until": now + _AHEAD,
            "straight": is_straight,
        }
        await session.execute(_NOTE, given)


async def prune(session: AsyncSession, age: timedelta, limit: int) -> int:
    """Forgets runs that sent nothing for so long; returns how many. Passes over locked ones."""
    return len((await session.execute(_PRUNE, {"age": age, "limit": limit})).all())


_NOTED = text("""
    SELECT count(*) FILTER (WHERE run_id <> CAST(:run_id AS uuid)) AS others,
        bool_or(run_id = :nobody) AS singles,
        array_agg(DISTINCT run_date) FILTER (WHERE straight) AS days,
        max(until) FILTER (WHERE run_id = CAST(:run_id AS uuid)) AS until,
        bool_or(straight) FILTER (WHERE run_id = CAST(:run_id AS uuid)) AS straight
    FROM cap_runs WHERE seed = :seed AND until > :since
""")
_NOTE = text("""
    INSERT INTO cap_runs AS r (seed, run_id, run_date, straight, until)
    SELECT :seed, run_id, run_date, :straight, :until
    FROM unnest(CAST(:ids AS uuid[]), CAST(:dates AS date[])) AS g (run_id, run_date)
    ON CONFLICT (seed, run_id) DO UPDATE SET
        straight = r.straight OR excluded.straight, until = greatest(r.until, excluded.until)
""")
_PRUNE = text("""
    DELETE FROM cap_runs WHERE (seed, run_id) IN (
        SELECT seed, run_id FROM cap_runs
        WHERE until < now() - CAST(:age AS interval)
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING 1
""")
