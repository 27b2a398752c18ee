"""Recipients that a run did not reach, and whether somebody wrote to them since."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.campaigns.domain.campaigns import Unreached
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import LASTING
from services.campaigns.storage import plans


class Some(NamedTuple):
    """Contacts by their ordinal in the run, 16 bytes each; `last` is where the next begin."""

    ids: list[bytes]
    last: int


async def page(session: AsyncSession, run: Run, wanted: Unreached, after: int, limit: int) -> Some:
    """Return up to `limit` of a run's unreached after an ordinal; locks nothing."""
    given = {
        "run_date": run.run_date,
        "run_id": run.id,
        "states": [it.value for it in wanted.states],
        "lasting": sorted(LASTING),
        "after": after,
        "limit": limit,
    }
    found = await plans.by_index(session, _PAGE, given)
    return Some([each.bytes for _, each in found], found[-1][0] if found else after)


async def written_since(session: AsyncSession, wanted: Unreached) -> Sequence[UUID]:
    """Return runs whose plan was frozen over some of the same; the caller locked the run.

    One that ended before its plan was frozen wrote to nobody.
    """
    given = {"run_id": wanted.run_id, "states": [it.value for it in wanted.states]}
    return (await session.scalars(_SINCE, given)).all()


_PAGE = """
    SELECT ordinal, contact_id FROM recipients
    WHERE run_date = %(run_date)s AND run_id = %(run_id)s AND ordinal > %(after)s
      AND message_id IS NOT NULL AND state = ANY(%(states)s) AND NOT reason = ANY(%(lasting)s)
    ORDER BY ordinal
    LIMIT %(limit)s
"""
_SINCE = text("""
    SELECT id FROM runs
    WHERE audience_query -> 'unreached' ->> 'run_id' = :run_id
      AND jsonb_exists_any(audience_query -> 'unreached' -> 'states', CAST(:states AS text[]))
      AND (plan_time IS NOT NULL OR end_time IS NULL)
""")
