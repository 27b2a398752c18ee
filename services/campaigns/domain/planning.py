"""Who of an audience is planned, and why the others are left out."""

import re
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.rendering import MAX_VALUE_CHARACTERS
from services.campaigns.domain.states import ExclusionReason

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(r"[^\s@<>\x00-\x1f\x7f]{1,64}@[^\s@<>\x00-\x1f\x7f]+\.[^\s@<>\x00-\x1f\x7f]+")
_LONGEST_EMAIL = 254


class Member(NamedTuple):
    """One person of a frozen audience, by what a run needs to know."""

    ordinal: int
    contact_id: UUID
    address: str
    address_key: str
    consented: bool
    gone: bool
    region: str
    time_zone: str
    locale: str
    values: list[str]


def exclusion(member: Member, channel: Channel, purpose: Purpose) -> ExclusionReason | None:
    """Return why a person is left out before addresses are compared; None if not."""
    if member.gone:
        return ExclusionReason.CONTACT_GONE
    if not member.address:
        return ExclusionReason.NO_ADDRESS
    if not member.address_key or not _fits(channel, member.address):
        return ExclusionReason.INVALID_ADDRESS
    if purpose.needs_consent and not member.consented:
        return ExclusionReason.NO_CONSENT
    return None


def capped(values: list[str]) -> list[str]:
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


def _fits(channel: Channel, address: str) -> bool:
    return _CHECKS[channel](address)
