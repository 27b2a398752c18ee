"""What waits for people: the queues, whose they are, and when a day ends."""

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis.context import Level
from chassis.scope import Scope
from services.interactions.domain.follow_ups import FollowUp

# How long before the day something of today may have begun.
LONGEST_RUNNING = timedelta(days=31)


class Queue(StrEnum):
    """What waits."""

    OVERDUE = "overdue"
    TODAY = "today"
    NO_NEXT_STEP = "no_next_step"


@dataclass(frozen=True)
class Waiting:
    """One line of a queue: a follow-up, and in NO_NEXT_STEP a contact alone."""

    contact_id: UUID | None
    follow_up: FollowUp | None = None


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


def left(whose: Whose, reach: Scope) -> Scope:
    """Returns the reach that is still to be asked for: all, where whose it is says it already.

    A condition that holds anyway is taken for one that few meet, and has whole tables read.
    """
    is_own = whose.user_id is not None and whose.user_id == reach.user_id
    is_teams = whose.team_id is not None and whose.team_id == reach.team_id
    is_within = (is_own and reach.level in (Level.OWN, Level.TEAM)) or (
        is_teams and reach.level is Level.TEAM
    )
    return replace(reach, level=Level.ALL) if is_within else reach


def day(now: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """Returns the first moments of today and of tomorrow in a zone, however long today is."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    starts = (datetime.combine(it, time(), zone) for it in (today, today + timedelta(days=1)))
    first, last = starts
    return first, last
