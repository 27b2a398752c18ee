"""What waits for people: the queues, whose they are, and when a day ends."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.context import Level
from services.interactions.domain.scope import Scope

# How long before the day something of today may have begun.
LONGEST_RUNNING = timedelta(days=31)


class Queue(StrEnum):
    """What waits."""

    OVERDUE = "overdue"
    TODAY = "today"
    NO_NEXT_STEP = "no_next_step"


@dataclass(frozen=True)
class Whose:
    """A person's queue, a team's, or with neither everybody's."""

    user_id: UUID | None = None
    team_id: UUID | None = None


def whose(user_id: UUID | None, team_id: UUID | None, reach: Scope) -> Whose:
    """Returns whose queue is meant; that of nobody named is as wide as the right reaches."""
    if user_id or team_id or reach.level is Level.ALL:
        return Whose(user_id, team_id)
    if reach.level is Level.TEAM and reach.team_id:
        return Whose(team_id=reach.team_id)
    return Whose(user_id=reach.user_id)


def day(now: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """Returns the first moments of today and of tomorrow in a zone, however long today is."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    starts = (datetime.combine(it, time(), zone) for it in (today, today + timedelta(days=1)))
    first, last = starts
    return first, last
