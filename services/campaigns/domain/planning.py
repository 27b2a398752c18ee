"""Who of an audience is planned, and why the others are left out."""

import re
from collections.abc import Callable, Sequence
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


class Decision(NamedTuple):
    """What a run does about a person: a message (id of 16 bytes), or none for a reason."""

    member: Member
    message_id: bytes | None
    reason: ExclusionReason | None
    region: str
    values: Sequence[str]


def decide(
    run: Run, members: Sequence[Member], regions: Sequence[str], met: set[str]
) -> list[Decision]:
    """Return a decision for each person, as far as these people alone tell.

    The first of several with one address gets the message; `met` holds the addresses planned so
    far and grows. Who belongs to none of `regions` is sent from the first of them.
    """
    reachable = _CHECKS[run.channel]
    needs_consent = run.purpose.needs_consent
    message_id = keys.message_ids(run.key, run.channel)
    known = frozenset(regions)
    decisions = []
    for member in members:
        reason = _exclusion(member, reachable, needs_consent)
        address_key, region = member.address_key, member.region
        if region not in known:
            region = regions[0]
        if reason is None and address_key in met:
            reason = ExclusionReason.SHARED_ADDRESS
        if reason is not None:
            decisions.append(Decision(member, None, reason, region, ()))
            continue
        met.add(address_key)
        values = _capped(member.values)
        decisions.append(Decision(member, message_id(address_key), None, region, values))
    return decisions


def shared(decision: Decision) -> Decision:
    """Return the decision about somebody whose address the plan has already."""
    return decision._replace(message_id=None, reason=ExclusionReason.SHARED_ADDRESS, values=())


def _exclusion(
    member: Member, reachable: Callable[[str], bool], needs_consent: bool
) -> ExclusionReason | None:
    if member.gone:
        return ExclusionReason.CONTACT_GONE
    if not member.address:
        return ExclusionReason.NO_ADDRESS
    if not member.address_key or not reachable(member.address):
        return ExclusionReason.INVALID_ADDRESS
    if needs_consent and not member.consented:
        return ExclusionReason.NO_CONSENT
    return None


def _capped(values: list[str]) -> list[str]:
    """Return the values cut to the length a template was admitted with."""
    for value in values:
        if len(value) > MAX_VALUE_CHARACTERS:
            return [each[:MAX_VALUE_CHARACTERS] for each in values]
    return values


def _is_phone(address: str) -> bool:
    return _PHONE.fullmatch(address) is not None


def _is_email(address: str) -> bool:
    return len(address) <= _LONGEST_EMAIL and _EMAIL.fullmatch(address) is not None


_CHECKS: dict[Channel, Callable[[str], bool]] = {
    Channel.SMS: _is_phone,
    Channel.EMAIL: _is_email,
}
