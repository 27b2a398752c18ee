"""Addresses: what can be one, how two are compared, and how one is shown to a stranger."""

import re
import unicodedata
from datetime import datetime

import phonenumbers

from services.notifier.domain.states import Channel

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_EMAIL = re.compile(
    r"[^\s@<>\"(),:;\[\]\\\x00-\x1f\x7f]{1,64}@[^\s@<>\"(),:;\[\]\\_\x00-\x1f\x7f]{1,253}"
)


def normalised(channel: Channel, address: str) -> str | None:
    """The address as compared, or None when it cannot be right.

    Phones are E.164. E-mail addresses are NFC and lower case: spelling never tells people apart.
    """
    if channel is Channel.SMS:
        phone = re.sub(r"[ .()-]", "", address)
        return phone if _PHONE.fullmatch(phone) else None
    text = unicodedata.normalize("NFC", address.strip())
    if not _EMAIL.fullmatch(text) or len(text) > 254:
        return None
    local, _, domain = text.rpartition("@")
    if ".." in text or local.startswith(".") or local.endswith(".") or "." not in domain:
        return None
    if any(not label or label[0] == "-" or label[-1] == "-" for label in domain.split(".")):
        return None
    return text.lower()


def asked_for(text: str, country: str) -> tuple[Channel, str] | None:
    """What somebody who looks for an address means: its channel, and the address as compared.

    A phone may be written as in `country` (an ISO code), with or without its prefix, a mail
    address with a name around it. None when it can be neither.
    """
    text = text.strip()
    if "@" in text:
        found = re.search(r"<([^<>]+)>\s*$", text)
        key = normalised(Channel.EMAIL, found.group(1) if found else text)
        return (Channel.EMAIL, key) if key else None
    for written in (text, f"+{text}"):  # some copy 84912345678 from a list
        try:
            number = phonenumbers.parse(written, country)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_possible_number(number) and not number.extension:
            key = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return Channel.SMS, key
    return None


def masked(channel: Channel, address: str) -> str:
    """Shortened, to be recognised by its owner only."""
    if channel is Channel.SMS:
        return f"{address[:3]}***{address[-2:]}"
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}"


def brand_trouble(address: str, longest: int, symbols: str) -> str | None:
    """What is wrong with an SMS brand name, None when nothing is."""
    allowed = f"[A-Za-z0-9{re.escape(symbols)}]{{1,{longest}}}"
    if not re.fullmatch(allowed, address) or address != address.strip():
        named = ", ".join(f'"{it}"' for it in symbols if it != " ")
        spaces = " and spaces" if " " in symbols else ""
        return f"must be 1 to {longest} Latin letters, digits, {named}{spaces}"
    if not re.search("[A-Za-z]", address):
        return "must not consist of digits only: a brand name is never a phone number"
    return None


def registered_until(now: datetime, years: int) -> datetime:
    """When a brand name registered now ends."""
    try:
        return now.replace(year=now.year + years)
    except ValueError:  # 29 February
        return now.replace(year=now.year + years, day=28)
