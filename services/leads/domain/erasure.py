"""The erasure of a person: what everybody said of it, and when it is done."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import IntEnum
from uuid import UUID

_SOON, _PATIENCE, _LONGEST = timedelta(seconds=1), timedelta(seconds=10), timedelta(minutes=5)


class Reason(IntEnum):
    """Why; the numbers of crm.leads.v1.ErasureReason."""

    REQUESTED = 1
    CONSENT_WITHDRAWN = 2
    PURPOSE_ENDED = 3
    UNLAWFUL = 4
    LEGAL_OBLIGATION = 5


class State(IntEnum):
    """How far; the numbers of crm.leads.v1.ErasureState."""

    RUNNING = 1
    DONE = 2


@dataclass(frozen=True)
class Said:
    """What somebody answered in a round; `trouble` is why they did not."""

    counts: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    trouble: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found, and nothing is to come."""
        return not (self.trouble or self.waiting or any(self.counts.values()))


@dataclass(frozen=True)
class Part:
    """What a service, or the broker, said in all rounds, and last."""

    erased: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    clean: bool = False
    answer_time: datetime | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Erasure:
    """An order to erase somebody. `swept` is up to where each stream has nothing of them."""

    id: UUID
    contact_id: UUID
    reason: Reason
    state: State
    requester_id: str
    request_time: datetime
    end_time: datetime | None = None
    rounds: int = 0
    parts: Mapping[str, Part] = field(default_factory=dict)
    swept: Mapping[str, int] = field(default_factory=dict)
    quiet_since: datetime | None = None
    fence: int = 0


def heard(
    before: Erasure,
    said: Mapping[str, Said],
    *,
    now: datetime,
    settle: timedelta,
    learnt: bool,
) -> tuple[Erasure, timedelta]:
    """Return an erasure after a round, and how long until the next one.

    It is done when nobody found anything in two rounds at least `settle` apart: what was in
    flight in the first one has arrived before the second. `learnt` says that there is more to look
    for than before.
    """
    parts = {name: _part(before.parts.get(name, Part()), it, now) for name, it in said.items()}
    after = replace(before, parts={**before.parts, **parts}, rounds=before.rounds + 1)
    if learnt or not all(it.is_clean for it in said.values()):
        return replace(after, quiet_since=None), _pause(after, said.values())
    since = before.quiet_since or now
    if before.quiet_since is not None and now - since >= settle:
        return replace(after, state=State.DONE, end_time=now, quiet_since=since), settle
    return replace(after, quiet_since=since), max(settle - (now - since), _SOON)


def unreadable(before: Erasure, name: str) -> tuple[Erasure, timedelta]:
    """Return an erasure whose person no key of this process opens, and how long until the next try.

    Nothing of it is lost: `name` is whose trouble it is, and the round does not count.
    """
    part = replace(before.parts.get(name, Part()), clean=False, trouble="SEAL_BROKEN")
    parts = {**before.parts, name: part}
    return replace(before, parts=parts, quiet_since=None), _LONGEST


def _part(before: Part, said: Said, now: datetime) -> Part:
    if said.trouble:
        return replace(before, clean=False, trouble=said.trouble)
    kinds = {**before.erased, **said.counts}
    erased = {it: before.erased.get(it, 0) + said.counts.get(it, 0) for it in sorted(kinds)}
    return Part(erased, said.waiting, said.is_clean, now, "")


def _pause(erasure: Erasure, said: Collection[Said]) -> timedelta:
    """Soon while there is something to do, ever longer while somebody is away."""
    longest = _LONGEST if any(it.trouble for it in said) else _PATIENCE
    if any(it.trouble or it.waiting for it in said):
        return min(_SOON * (1 << min(erasure.rounds, 9)), longest)
    return _SOON
