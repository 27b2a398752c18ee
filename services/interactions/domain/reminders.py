"""Reminders: some minutes before a follow-up starts, to those who do it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.interactions.domain.fields import Problems

MOST = 5
LONGEST = 40_320
"""Four weeks, in minutes."""


class Channel(StrEnum):
    """How somebody is reminded."""

    IN_APP = "in_app"
    EMAIL = "email"


@dataclass(frozen=True)
class Due:
    """One whose time has come: `due_time` was meant for the start that it was planned for."""

    follow_up_id: UUID
    minutes_before: int
    due_time: datetime

    @property
    def start_time(self) -> datetime:
        """The start that it was planned for."""
        return self.due_time + timedelta(minutes=self.minutes_before)

    @property
    def occasion(self) -> int:
        """What tells this reminder from every other of the same follow-up."""
        return int(self.start_time.timestamp()) * (LONGEST + 1) + self.minutes_before


def checked(
    given: Sequence[Mapping[str, Any]], field: str, problems: Problems
) -> list[dict[str, Any]]:
    """Returns reminders as they are kept, the earliest first; notes the bad ones.

    Each has `minutes_before` and `channels`, which are IN_APP where none was said.
    """
    if len(given) > MOST:
        problems.add(field, f"more than {MOST}")
    found: dict[int, list[str]] = {}
    for at, each in enumerate(given[:MOST]):
        minutes = each["minutes_before"]
        if not 0 < minutes <= LONGEST:
            problems.add(f"{field}[{at}].minutes_before", f"needs 1 to {LONGEST}")
        elif minutes in found:
            problems.add(f"{field}[{at}].minutes_before", "is there twice")
        channels = sorted(set(each["channels"])) or [Channel.IN_APP]
        found[minutes] = [str(it) for it in channels]
    return [
        {"minutes_before": minutes, "channels": found[minutes]}
        for minutes in sorted(found, reverse=True)
    ]


def planned(
    kept: Sequence[Mapping[str, Any]], start: datetime, now: datetime
) -> dict[int, datetime]:
    """Returns by minutes when each is due; what has passed is left out."""
    minutes = [int(it["minutes_before"]) for it in kept]
    times = {it: start - timedelta(minutes=it) for it in minutes}
    return {it: due for it, due in times.items() if due > now}


def channels(kept: Sequence[Mapping[str, Any]], minutes_before: int) -> Collection[str]:
    """Returns how the reminder of so many minutes is given."""
    return [
        it for each in kept if each["minutes_before"] == minutes_before for it in each["channels"]
    ]
