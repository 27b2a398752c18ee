"""Who of an audience is planned, and why the others are left out."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from services.campaigns.domain import keys
from services.campaigns.domain.addresses import Addresses
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.rendering import MAX_VALUE_CHARACTERS
from services.campaigns.domain.runs import Run
from services.campaigns.domain.states import ExclusionReason

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@<>\x00-\x1f\x7f]{1,64}@[^\s@<>\x00-\x1f\x7f]+\.[^\s@<>\x00-\x1f\x7f]+")
_LONGEST_EMAIL = 254

# Whole columns, an end after each entry; entries may be empty. What these do not match is looked
# at address by address: they may say no too often, never yes.
_PHONES = re.compile(r"(?:(?:\+[1-9][0-9]{6,14}+)?\x00)*+")
_EMAILS = re.compile(
    r"(?:(?:[^\s@<>\x00-\x1f\x7f]{1,64}+@(?:[^\s@<>.\x00-\x1f\x7f]++\.)++"
    r"[^\s@<>.\x00-\x1f\x7f]++)?\x00)*+"
)


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

    `marks` has a byte of each person, CONSENTED, GONE, INVALID; `values` a column of each variable.
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
INVALID = 4


class Decisions(NamedTuple):
    """What a run does about people: of each a message (id of 16 bytes), or none for a reason."""

    people: People
    message_ids: list[bytes | None]
    reasons: list[ExclusionReason | None]
    regions: Sequence[str]
    values: Sequence[Sequence[str]]


def decide(run: Run, people: People, regions: Sequence[str]) -> Decisions:
    """Return what is decided about people as far as each alone tells.

    Who belongs to none of `regions` is sent from the first of them.
    """
    message_ids: list[bytes | None] = [
        *keys.message_ids(run.key, run.channel)(people.contact_ids, people.address_keys)
    ]
    reasons: list[ExclusionReason | None] = [None] * len(message_ids)
    for place in _odd(run.channel, people):
        reason = _reason(run, people, place)
        if reason is not None:
            message_ids[place], reasons[place] = None, reason
    values = [_capped(column) for column in people.values]
    return Decisions(people, message_ids, reasons, _known(people.regions, regions), values)


def _odd(channel: Channel, people: People) -> Iterable[int]:
    """Return the places of those whom something may speak against, one by one."""
    if not _are_reachable(channel, people.addresses):
        return range(len(people.marks))
    return [
        place
        for place, (mark, address, key) in enumerate(
            zip(people.marks, people.addresses, people.address_keys, strict=True)
        )
        if mark != CONSENTED or not address or not key
    ]


def _reason(run: Run, people: People, place: int) -> ExclusionReason | None:
    """Return what speaks against a person, other people aside."""
    mark, address = people.marks[place], people.addresses[place]
    if mark & GONE:
        return ExclusionReason.CONTACT_GONE
    if not address:
        return ExclusionReason.INVALID_ADDRESS if mark & INVALID else ExclusionReason.NO_ADDRESS
    if not people.address_keys[place] or not _CHECKS[run.channel](address):
        return ExclusionReason.INVALID_ADDRESS
    if run.purpose.needs_consent and not mark & CONSENTED:
        return ExclusionReason.NO_CONSENT
    return None


def share(decisions: Decisions, addresses: Addresses) -> None:
    """Leave the message to the first of several with one address."""
    for place in addresses.meet(decisions.message_ids):
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


def _are_reachable(channel: Channel, addresses: Sequence[str]) -> bool:
    """Return whether every address there is can be sent to, as far as one look at all tells."""
    column = "\0".join((*addresses, ""))
    if channel is Channel.SMS:
        return _PHONES.fullmatch(column) is not None
    longest = max(map(len, addresses), default=0)
    return longest <= _LONGEST_EMAIL and _EMAILS.fullmatch(column) is not None


def _is_phone(address: str) -> bool:
    return _PHONE.fullmatch(address) is not None


def _is_email(address: str) -> bool:
    return len(address) <= _LONGEST_EMAIL and _EMAIL.fullmatch(address) is not None


_CHECKS: dict[Channel, Callable[[str], bool]] = {
    Channel.SMS: _is_phone,
    Channel.EMAIL: _is_email,
}
