"""What notifiers tell of messages, applied to recipients by one statement."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.campaigns.domain.states import RecipientState
from services.campaigns.storage import plans


class News(NamedTuple):
    """What a notifier says of one message; the time is in microseconds since 1970."""

    state: str
    reason: str
    revision: int
    time: int
    rule: str = ""


class Moved(NamedTuple):
    """How many recipients of a region went from one state and reason to another."""

    region: str
    before: RecipientState
    after: RecipientState
    old_reason: str
    reason: str
    people: int


async def apply(
    session: AsyncSession, run_id: UUID, run_date: date, news: Mapping[bytes, News]
) -> Sequence[Moved]:
    """Move the recipients whose news is newer than what is known; returns where they went.

    Locks the moved rows in order of their message ids.
    """
    given = {"run_id": run_id, "run_date": run_date, **_arrays(news)}
    return [
        Moved(region, RecipientState(before), RecipientState(after), *rest)
        for region, before, after, *rest in await plans.by_index(session, _APPLY, given)
    ]


def _arrays(news: Mapping[bytes, News]) -> dict[str, str]:
    """Return the news as array literals, in order of the message ids."""
    ids = sorted(news)
    ordered = [news[each] for each in ids]
    return {
        "ids": arrays.raw_uuids(ids),
        "states": arrays.of([each.state for each in ordered]),
        "reasons": arrays.texts([each.reason for each in ordered]),
        "rules": arrays.texts([each.rule for each in ordered]),
        "revisions": arrays.numbers([each.revision for each in ordered]),
        "times": arrays.numbers([each.time for each in ordered]),
    }


# before takes state and reason as the row had them when it was locked, which RETURNING could not
# tell otherwise.
# A row that is PLANNED still was handed over if its region's cursor has passed it.
# IS TRUE hides the run from the planner: with no statistics yet, it takes the rows of a run for a
# single one, reads them all by (run_id, ordinal) and compares each with all the news.
_APPLY = """
    WITH news AS MATERIALIZED (
        SELECT * FROM unnest(
            CAST(%(ids)s AS uuid[]), CAST(%(states)s AS text[]), CAST(%(reasons)s AS text[]),
            CAST(%(rules)s AS text[]), CAST(%(revisions)s AS bigint[]),
            CAST(%(times)s AS bigint[])
        ) AS given (message_id, state, reason, rule, revision, time)
    ), done AS (
        UPDATE recipients r
        SET before = r.state || ' ' || r.reason, state = news.state, reason = news.reason,
            rule = news.rule,
            revision = news.revision,
            update_time = timestamptz 'epoch' + news.time * interval '1 microsecond'
        FROM news
        WHERE r.run_date = %(run_date)s AND r.message_id = news.message_id
          AND r.message_id IS NOT NULL
          AND (r.run_id = %(run_id)s) IS TRUE AND r.revision < news.revision
        RETURNING r.region, r.ordinal, split_part(r.before, ' ', 1) AS before,
            split_part(r.before, ' ', 2) AS old_reason, r.state, r.reason
    )
    SELECT done.region,
           CASE WHEN before = 'PLANNED' AND ordinal <= at.handed_to
                THEN 'HANDED_OVER' ELSE before END,
           state, old_reason, reason, count(*)
    FROM done LEFT JOIN run_regions at ON at.run_id = %(run_id)s AND at.region = done.region
    GROUP BY 1, 2, 3, 4, 5
"""
