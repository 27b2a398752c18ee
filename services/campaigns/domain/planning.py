"""Who of an audience is planned, and why the others are left out."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from services.campaigns.domain import keys
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.rendering import MAX_VALUE_CHARACTERS
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@<>\x00-\x1f\x7f]{1,64}@[^\s@<>\x00-\x1f\x7f]+\.[^\s@<>\x00-\x1f\x7f]+")
_LONGEST_EMAIL = 254


class Member(NamedTuple):
    """One person of a frozen audience, by what a run needs to know; the id is 16 bytes."""

    ordinal: int
    contact_id: bytes
    address: str
    address_key: str
    consented: bool
    gone: bool
    region: str
    time_zone: str
    locale: str
    values: list[str]


class People(NamedTuple):
    """A stretch of a frozen audience in columns, by ordinal without gaps.

    `marks` has a byte of each person, CONSENTED or GONE; `values` a column of each variable.
    """

    first_ordinal: int
    contact_ids: Sequence[bytes]
    marks: bytes
    addresses: Sequence[str]
    address_keys: Sequence[str]
    time_zones: Sequence[str]
    locales: Sequence[str]
    regions: Sequence[str]
    values: Sequence[Sequence[str]]


CONSENTED = 1
GONE = 2


class Decisions(NamedTuple):
    """What a run does about people: of each a message (id of 16 bytes), or none for a reason."""

    people: People
    message_ids: list[bytes | None]
    reasons: list[ExclusionReason | None]
    regions: Sequence[str]
    values: Sequence[Sequence[str]]


def decide(run: Run, people: People, regions: Sequence[str]) -> Decisions:
    """Return what is decided about people as far as they alone tell.

    The first of several with one address gets the message. Who belongs to none of `regions` is
    sent from the first of them.
    """
    reachable = _CHECKS[run.channel]
    needs_consent = run.purpose.needs_consent
    message_id = keys.message_ids(run.key, run.channel)
    met: set[bytes] = set()
    message_ids: list[bytes | None] = []
    reasons: list[ExclusionReason | None] = []
    for mark, address, key in zip(people.marks, people.addresses, people.address_keys, strict=True):
        if mark & GONE:
            reason = ExclusionReason.CONTACT_GONE
        elif not address:
            reason = ExclusionReason.NO_ADDRESS
        elif not key or not reachable(address):
            reason = ExclusionReason.INVALID_ADDRESS
        elif needs_consent and not mark & CONSENTED:
            reason = ExclusionReason.NO_CONSENT
        else:
            found = message_id(key)
            if found not in met:
                met.add(found)
                message_ids.append(found)
                reasons.append(None)
                continue
            reason = ExclusionReason.SHARED_ADDRESS
        message_ids.append(None)
        reasons.append(reason)
    values = [_capped(column) for column in people.values]
    return Decisions(people, message_ids, reasons, _known(people.regions, regions), values)


def share(decisions: Decisions, taken: Collection[bytes]) -> None:
    """Leave out those whose messages are `taken`: the plan has their addresses already."""
    if not taken:
        return
    for place, message_id in enumerate(decisions.message_ids):
        if message_id is not None and message_id in taken:
            decisions.message_ids[place] = None
            decisions.reasons[place] = ExclusionReason.SHARED_ADDRESS


def _known(wanted: Sequence[str], regions: Sequence[str]) -> Sequence[str]:
    known = frozenset(regions)
    if known.issuperset(wanted):
        return wanted
    return [each if each in known else regions[0] for each in wanted]


def _capped(column: Sequence[str]) -> Sequence[str]:
    """Return the values of a variable cut to the length a template was admitted with."""
    if max(map(len, column), default=0) <= MAX_VALUE_CHARACTERS:
        return column
    return [each[:MAX_VALUE_CHARACTERS] for each in column]


class Seen:
    """Which messages a plan may have already: a few too many, never one too few.

    A byte for each of 16 million slots, by three bytes of the id: a million messages leave one in
    seventeen to be asked for, and memory does not grow with the run. Whoever goes on with the plan
    of another has seen nothing, and `asks_always`.
    """

    def __init__(self, *, asks_always: bool) -> None:
        self._slots = bytearray(0 if asks_always else 1 << 24)

    def met(self, message_ids: Iterable[bytes | None]) -> list[bytes]:
        """Return those that may have been met before; all are met from now on."""
        ids = [each for each in message_ids if each is not None]
        slots = self._slots
        if not slots:
            return ids
        found = []
        for each in ids:
            slot = int.from_bytes(each[9:12], "big")
            if slots[slot]:
                found.append(each)
            else:
                slots[slot] = 1
        return found


def _is_phone(address: str) -> bool:
    return _PHONE.fullmatch(address) is not None


def _is_email(address: str) -> bool:
    return len(address) <= _LONGEST_EMAIL and _EMAIL.fullmatch(address) is not None


_CHECKS: dict[Channel, Callable[[str], bool]] = {
    Channel.SMS: _is_phone,
    Channel.EMAIL: _is_email,
}
