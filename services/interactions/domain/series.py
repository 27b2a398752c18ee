"""Series: follow-ups that recur, by the calendar or by what a contact bought and owes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from chassis.errors import FailedPrecondition
from chassis.scope import Scope
from services.interactions.domain import recurrence
from services.interactions.domain.follow_ups import Type
from services.interactions.domain.recurrence import Calendar, Cursor

MOST_EXCEPTIONS = 1_000


class State(StrEnum):
    """Whether it still plans."""

    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True)
class AfterOrder:
    """So many days after a contact's last order, at a time of the zone's clock."""

    days: int
    clock: time
    zone: str


@dataclass(frozen=True)
class InvoiceDue:
    """So many days after the day on which an unpaid invoice is due, before it when negative."""

    days: int
    clock: time
    zone: str


Rule = Calendar | AfterOrder | InvoiceDue


@dataclass(frozen=True)
class Series:
    """A series as it is kept.

    `cursor` is where the planning of a calendar rule goes on, None when it gives no more; what
    comes before `since` is passed over. At `due_time` a worker looks at it next, None for never.
    """

    id: UUID
    revision: int
    title: str
    type: Type
    contact_ids: tuple[UUID, ...]
    assignee_ids: tuple[UUID, ...]
    duration: timedelta
    description: str
    category: str
    team_id: UUID | None
    rule: Rule
    paused: bool
    cursor: Cursor | None
    since: datetime
    due_time: datetime | None
    previous_series_id: UUID | None
    creator_id: str
    create_time: datetime
    update_time: datetime
    message: Mapping[str, Any] | None = None
    segment_id: UUID | None = None
    reminders: Sequence[Mapping[str, Any]] = ()

    def within(self, scope: Scope) -> bool:
        """Returns True if a right of this reach holds for the series."""
        return scope.covers(self.assignee_ids, self.team_id, self.creator_id)

    @property
    def state(self) -> State:
        """Whether it still plans."""
        over = isinstance(self.rule, Calendar) and self.cursor is None
        if over or not self.has_somebody:
            return State.PAUSED if self.paused else State.ENDED
        return State.PAUSED if self.paused else State.ACTIVE

    @property
    def has_somebody(self) -> bool:
        """Whether there is anybody it may plan for."""
        return bool(self.contact_ids) or self.segment_id is not None

    @property
    def audience(self) -> tuple[UUID | None, ...]:
        """The contact of each follow-up that one time by the calendar gives.

        A message to several is one follow-up, whose contact is None.
        """
        if self.message is None or len(self.contact_ids) == 1:
            return self.contact_ids
        return (None,)

    def calendar(self) -> Calendar:
        """Returns its calendar rule; raises `FailedPrecondition` when it has another."""
        if isinstance(self.rule, Calendar):
            return self.rule
        raise FailedPrecondition(
            "STATE_FORBIDS",
            "only a series by the calendar has times of its own",
            resource="series",
            state="after_order",
            to="changed at one time",
        )


@dataclass(frozen=True)
class Planned:
    """One follow-up to be: of which series, for whom (None: a message to several), when (UTC).

    `time` is when the rule wants it, by which it is known, `start` when it is.
    """

    id: UUID
    series_id: UUID
    contact_id: UUID | None
    time: datetime
    start: datetime


def begun(rule: Rule, now: datetime, since: datetime) -> dict[str, Any]:
    """Returns where planning begins: the values of `cursor`, `since` and `due_time`."""
    if not isinstance(rule, Calendar):
        return {"cursor": None, "since": since, "due_time": now}
    at = recurrence.cursor(rule, since)
    return {"cursor": at, "since": since, "due_time": now if at else None}


Wanted = frozenset[tuple[UUID, datetime]]
"""Which contacts are to be followed up, and when (UTC)."""


def after(rule: AfterOrder, orders: Mapping[UUID, datetime]) -> Wanted:
    """Returns when each contact is to be followed up, by the times of their last orders."""
    return frozenset(
        (contact_id, recurrence.days_after(ordered, rule.days, rule.clock, rule.zone))
        for contact_id, ordered in orders.items()
    )


def due(rule: InvoiceDue, days: Iterable[tuple[UUID, date]]) -> Wanted:
    """Returns when contacts are to be followed up, by the days on which they are to pay."""
    return frozenset(
        (contact_id, recurrence.at_clock(day + timedelta(days=rule.days), rule.clock, rule.zone))
        for contact_id, day in days
    )
