"""The address that a customer types, or that leads tells, in the form in which it is compared."""

import phonenumbers

from services.accounts.domain import fields
from services.accounts.domain.logins import Channel

_LONGEST_PHONE = 40
_HOME = "VN"


def key(written: str) -> str:
    """Returns what an address is compared by: E.164 for a phone, letters alike for an e-mail.

    What is no address has a key that no login has, and costs as much to look up.
    """
    text = written.strip()[: fields.LONGEST_EMAIL]
    return fields.email_key(text) if "@" in text else _phone(text) or f"none {text}"


def is_address(written: str) -> bool:
    """Whether anybody could be reached by this."""
    text = written.strip()
    return fields.is_email(text) if "@" in text else bool(_phone(text))


def channel_of(address_key: str) -> Channel:
    """Returns by which channel an address is reached."""
    return Channel.EMAIL if "@" in address_key else Channel.SMS


def part(written: str) -> str:
    """Returns what a part of an address is looked for by; that of a number without its first 0."""
    text = fields.email_key(written)
    digits = "".join(it for it in text if it.isascii() and it.isdigit())
    is_number = bool(digits) and not any(it.isalpha() or it == "@" for it in text)
    return digits.removeprefix("0") if is_number else text


def _phone(text: str) -> str:
    """Returns E.164 of a number as people of the house's country write it, empty for none."""
    if not text or len(text) > _LONGEST_PHONE:
        return ""
    try:
        parsed = phonenumbers.parse(text, _HOME)
    except phonenumbers.NumberParseException:
        return ""
    if parsed.extension or not phonenumbers.is_valid_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
