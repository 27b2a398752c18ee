"""What notifiers tell of messages, applied to recipients by one statement."""

import struct
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.campaigns.domain.states import RecipientState
from services.campaigns.storage import plans


class News(NamedTuple):
    """What a notifier says of messages."""

    state: str
    reason: str
    revision: int
    time: datetime
    rule: str = ""


class Told(NamedTuple):
    """Messages of which the same is said: their ids, of 16 bytes each, one after another."""

    message_ids: bytes
    news: News


class Moved(NamedTuple):
    """How many recipients of a region went from one state and reason to another."""

    region: str
    before: RecipientState
    after: RecipientState
    old_reason: str
    reason: str
    people: int


async def apply(
    session: AsyncSession, run_id: UUID, run_date: date, told: Sequence[Told]
) -> Sequence[Moved]:
    """Move the recipients whose news is newer than what is known; returns where they went.

    Locks the moved rows in order of their message ids.
    """
    numbers = newest(told)
    ids = sorted(numbers)
    ordered = [numbers[each] for each in ids]
    given = {"run_id": run_id, "run_date": run_date, "ids": arrays.raw_uuids(ids)}
    if len(told) <= _FEW:
        given |= {"numbers": arrays.numbers(ordered), **_columns([each.news for each in told])}
        rows = await plans.by_index(session, _APPLY_ALIKE, given)
    else:
        given |= _columns([told[number - 1].news for number in ordered])
        rows = await plans.by_index(session, _APPLY_APART, given)
    return [_moved(*row) for row in rows]


def newest(told: Sequence[Told]) -> dict[bytes, int]:
    """Return by message id which of what is told counts, from 1 on.

    Of several about one message it is that of the greatest revision, of these the first.
    """
    found: dict[bytes, int] = {}
    # What is put there later replaces what was there.
    falling = range(len(told), 0, -1)
    for number in sorted(falling, key=lambda it: told[it - 1].news.revision):
        ids = [each for (each,) in _IDS.iter_unpack(told[number - 1].message_ids)]
        found.update(dict.fromkeys(ids, number))
    return found


def _columns(news: Sequence[News]) -> dict[str, str]:
    return {
        "states": arrays.of([each.state for each in news]),
        "reasons": arrays.texts([each.reason for each in news]),
        "rules": arrays.texts([each.rule for each in news]),
        "revisions": arrays.numbers([each.revision for each in news]),
        "times": arrays.times([each.time for each in news]),
    }


def _moved(
    region: str, before: str, was_handed: bool | None, state: str, reason: str, people: int
) -> Moved:
    old, _, old_reason = before.partition(" ")
    was = RecipientState.HANDED_OVER if was_handed else RecipientState(old)
    return Moved(region, was, RecipientState(state), old_reason, reason, people)


_IDS = struct.Struct("16s")

# To find an element of an array of texts takes as long as there are elements before it.
_FEW = 32

_ALIKE = """(
    SELECT message_id, (CAST(%(states)s AS text[]))[number] AS state,
           (CAST(%(reasons)s AS text[]))[number] AS reason,
           (CAST(%(rules)s AS text[]))[number] AS rule,
           (CAST(%(revisions)s AS bigint[]))[number] AS revision,
           (CAST(%(times)s AS timestamptz[]))[number] AS time
    FROM unnest(CAST(%(ids)s AS uuid[]), CAST(%(numbers)s AS integer[]))
        AS given (message_id, number)
) AS news"""
_APART = """unnest(
    CAST(%(ids)s AS uuid[]), CAST(%(states)s AS text[]), CAST(%(reasons)s AS text[]),
    CAST(%(rules)s AS text[]), CAST(%(revisions)s AS bigint[]), CAST(%(times)s AS timestamptz[])
) AS news (message_id, state, reason, rule, revision, time)"""

# before takes state and reason as the row had them when it was locked, which RETURNING could not
# tell otherwise.
# A row that is PLANNED still was handed over if its region's cursor has passed it. The regions of
# a run are few: read once and compared with each row, instead of looked up for each.
# IS TRUE hides the run from the planner: with no statistics yet, it takes the rows of a run for a
# single one, reads them all by (run_id, ordinal) and compares each with all the news.
_APPLY = """
    WITH done AS (
        UPDATE recipients r
        SET before = r.state || ' ' || r.reason, state = news.state, reason = news.reason,
            rule = news.rule, revision = news.revision, update_time = news.time
        FROM {news}
        WHERE r.run_date = %(run_date)s AND r.message_id = news.message_id
          AND r.message_id IS NOT NULL
          AND (r.run_id = %(run_id)s) IS TRUE AND r.revision < news.revision
        RETURNING r.region, r.ordinal, r.before, r.state, r.reason
    ), reached AS MATERIALIZED (
        SELECT region, handed_to FROM run_regions WHERE run_id = %(run_id)s
    )
    SELECT done.region, before, before LIKE 'PLANNED %%' AND ordinal <= handed_to, state, reason,
           count(*)
    FROM done LEFT JOIN reached ON reached.region = done.region
    GROUP BY 1, 2, 3, 4, 5
"""
_APPLY_ALIKE = _APPLY.format(news=_ALIKE)
_APPLY_APART = _APPLY.format(news=_APART)
