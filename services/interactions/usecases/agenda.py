"""What waits for people: several queues at once, and where their contacts stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.scope import Scope
from services.interactions.domain import agenda as rules
from services.interactions.domain.agenda import Queue, Waiting
from services.interactions.domain.standings import Standing
from services.interactions.storage import follow_ups, queues, standings


@dataclass(frozen=True)
class Reach:
    """How far a caller's rights to read follow-ups and contacts reach."""

    follow_ups: Scope
    contacts: Scope


@dataclass(frozen=True)
class Asked:
    """Whose queues are asked for, and the zone in which the day ends."""

    user_id: UUID | None
    team_id: UUID | None
    time_zone: str


@dataclass(frozen=True)
class Page:
    """Up to as many lines as were asked for, and whether there are more."""

    lines: Sequence[Waiting]
    has_more: bool

    @property
    def place(self) -> Sequence[Any]:
        """The sort keys of the last line, after which the next page begins."""
        last = self.lines[-1]
        if last.follow_up is None:
            return [last.contact_id]
        return [last.follow_up.start_time, last.follow_up.id]


async def pages(
    session: AsyncSession,
    wanted: Sequence[Queue],
    asked: Asked,
    reach: Reach,
    size: int,
    after: Any = None,
) -> tuple[Mapping[Queue, Page], Mapping[UUID, Standing]]:
    """Returns a page of each queue, from after a place, and where their contacts stand."""
    day = None
    if Queue.TODAY in wanted:
        day = rules.day(await db.ask(session, follow_ups.ask_time()), asked.time_zone)
    together = db.Together(session)
    answers = {it: together.add(_ask(it, asked, reach, day, size + 1, after)) for it in wanted}
    await together.send()
    found = {it: _page(answer(), size) for it, answer in answers.items()}
    lines = [line for page in found.values() for line in page.lines]
    ids = {it.contact_id for it in lines if it.contact_id is not None}
    return found, await standings.of(session, ids, reach.contacts, reach.follow_ups)


def _ask(
    queue: Queue,
    asked: Asked,
    reach: Reach,
    day: tuple[datetime, datetime] | None,
    size: int,
    after: Any,
) -> db.Ask[Sequence[Waiting]]:
    scope = reach.contacts if queue is Queue.NO_NEXT_STEP else reach.follow_ups
    whose = rules.whose(asked.user_id, asked.team_id, scope)
    scope = rules.left(whose, scope)
    if queue is Queue.NO_NEXT_STEP:
        return queues.ask_idle(whose, scope, size, after[0] if after else None)
    if queue is Queue.TODAY and day is not None:
        return queues.ask_today(whose, scope, day, size, after)
    return queues.ask_overdue(whose, scope, size, after)


def _page(found: Sequence[Waiting], size: int) -> Page:
    return Page(found[:size], len(found) > size)
