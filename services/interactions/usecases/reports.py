"""Reports about the follow-ups that the caller may read."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain import reports as rules
from services.interactions.domain.reports import Cell, Grouping, Period, Report, Wanted
from services.interactions.storage import reports as storage

Key = tuple[int, UUID]


@dataclass(frozen=True)
class Asked:
    """A period, what its lines are, and whose follow-ups (None for everybody's)."""

    period: Period
    grouping: Grouping
    assignee_id: UUID | None = None

    @property
    def wanted(self) -> Wanted:
        """Every follow-up that is asked about."""
        times = self.period.start_time, self.period.end_time
        return Wanted(start_from=times[0], start_until=times[1], assignee_id=self.assignee_id)


async def follow_ups(
    session: AsyncSession, asked: Asked, scope: Scope, size: int, after: Key | None
) -> tuple[Report, Key | None]:
    """Count follow-ups of one moment; returns a page of lines and where the next one starts.

    Call it first in a transaction.
    """
    as_of = await storage.begin(session)
    wanted = asked.wanted
    counted = await storage.by_assignees(session, wanted, as_of, scope)
    total = rules.figures(None, wanted, as_of, (it for _, it in counted))
    many = Cell(await storage.to_many(session, wanted, scope), replace(wanted, to_many=True))
    if asked.grouping is Grouping.CONTACT:
        found = await storage.contacts(session, wanted, scope, size + 1, after)
        shown = found[:size]
        ids = [contact_id for _, contact_id in shown]
        of = rules.grouped(await storage.by_contacts(session, wanted, as_of, scope, ids))
        groups: Sequence[tuple[UUID | None, list[rules.Counted]]] = [(it, of[it]) for it in ids]
        following = shown[-1] if len(found) > size else None
    else:
        spread = rules.grouped(
            (it, each)
            for assignees, each in counted
            for it in (assignees or (None,))
            if asked.assignee_id in (None, it)
        )
        groups, following = _page(list(spread.items()), size, after)
    rows = [
        rules.figures(it, rules.of_group(wanted, asked.grouping, it), as_of, each)
        for it, each in groups
    ]
    return Report(asked.period, asked.grouping, as_of, total, many, rows), following


def _page(
    groups: list[tuple[UUID | None, list[rules.Counted]]], size: int, after: Key | None
) -> tuple[list[tuple[UUID | None, list[rules.Counted]]], Key | None]:
    """Return the users of a page, most follow-ups first; there are as many as colleagues."""

    def place(of: tuple[UUID | None, list[rules.Counted]]) -> Key:
        return sum(number for *_, number in of[1]), of[0] or UUID(int=0)

    ordered = sorted(groups, key=place, reverse=True)
    rest = [it for it in ordered if after is None or place(it) < after]
    return rest[:size], place(rest[size - 1]) if len(rest) > size else None
