"""Reminders: some minutes before a follow-up starts, to those who do it and to the contact."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from services.interactions.domain import senders
from services.interactions.domain.fields import Problems
from services.interactions.domain.senders import Sender

MOST = 5
LONGEST = 40_320
"""Four weeks, in minutes."""


class Channel(StrEnum):
    """How a colleague is reminded."""

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

    Each has `minutes_before` and `channels`, which are IN_APP where nobody was said, and may have
    `to_contact`.
    """
    if len(given) > MOST:
        problems.add(field, f"more than {MOST}")
    found: dict[int, dict[str, Any]] = {}
    for at, each in enumerate(given[:MOST]):
        minutes = each["minutes_before"]
        if not 0 < minutes <= LONGEST:
            problems.add(f"{field}[{at}].minutes_before", f"needs 1 to {LONGEST}")
        elif minutes in found:
            problems.add(f"{field}[{at}].minutes_before", "is there twice")
        asked = each.get("to_contact")
        channels = sorted(set(each["channels"])) or ([] if asked else [Channel.IN_APP])
        found[minutes] = {"minutes_before": minutes, "channels": [str(it) for it in channels]}
        if asked:
            sender = senders.checked(asked, f"{field}[{at}].to_contact", problems)
            found[minutes]["to_contact"] = sender
    return [found[minutes] for minutes in sorted(found, reverse=True)]


def must_fit(
    kept: Sequence[Mapping[str, Any]], *, is_met: bool, field: str, problems: Problems
) -> None:
    """Notes reminders to the contact of what is no call or meeting with one."""
    if not is_met and any(it.get("to_contact") for it in kept):
        problems.add(field, "only the contact of a call or meeting is reminded")


def planned(
    kept: Sequence[Mapping[str, Any]], start: datetime, now: datetime
) -> dict[int, datetime]:
    """Returns by minutes when each is due; what has passed is left out."""
    minutes = [int(it["minutes_before"]) for it in kept]
    times = {it: start - timedelta(minutes=it) for it in minutes}
    return {it: due for it, due in times.items() if due > now}


def channels(kept: Sequence[Mapping[str, Any]], minutes_before: int) -> Collection[str]:
    """Returns how the reminder of so many minutes is given to colleagues."""
    return [it for each in _of(kept, minutes_before) for it in each["channels"]]


def to_contact(kept: Sequence[Mapping[str, Any]], minutes_before: int) -> Sender | None:
    """Returns how the reminder of so many minutes goes to the contact; None where it does not."""
    found = [it["to_contact"] for it in _of(kept, minutes_before) if it.get("to_contact")]
    return senders.loaded(found[0]) if found else None


def _of(kept: Sequence[Mapping[str, Any]], minutes_before: int) -> Sequence[Mapping[str, Any]]:
    return [it for it in kept if it["minutes_before"] == minutes_before]
