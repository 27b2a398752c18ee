"""Whether a row's person is known already, and what the row adds to what is known."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import orjson

from services.leads.domain import text, unreadable
from services.leads.domain.contact import Address, Contact, Gender, Profile, Reach

PRINT_BYTES = 16
_LINES = ("reference_code", "salutation", "family_name", "given_name", "company", "job_title")


def matches(known: Profile, new: Profile) -> bool:
    """Return whether two profiles that share an address are one person.

    The same name is; a missing name may be; two names are two people (a family that shares a
    telephone), unless both telephone and e-mail address are shared.
    """
    ours, theirs = _name(known), _name(new)
    if not ours or not theirs or ours == theirs:
        return True
    return _share(known.phones, new.phones) and _share(known.emails, new.emails)


def _name(profile: Profile) -> str:
    """Return the folded name; empty where what is shown is only an address or the company."""
    shown = profile.display_name
    instead = (profile.company, *(it.address for it in (*profile.phones, *profile.emails)))
    return "" if shown in instead else text.fold(shown)


def _share(ours: Iterable[Reach], theirs: Iterable[Reach]) -> bool:
    return bool({it.key for it in ours} & {it.key for it in theirs})


def choose(candidates: Sequence[Contact], new: Profile) -> Contact | None:
    """Return the oldest of the candidates that is the same person, if any is."""
    same = (it for it in candidates if matches(it.profile, new))
    return min(same, key=lambda it: (it.create_time, it.id), default=None)


def merge(known: Profile, new: Profile) -> Profile:
    """Return the known profile with what the row says: values replace, lists grow.

    What a row does not say stays, and so does where the person first came from.
    """
    lines = {name: getattr(new, name) for name in _LINES if getattr(new, name)}
    if _name(new):
        lines["display_name"] = new.display_name
    return replace(
        known,
        **lines,
        phones=_reaches(known.phones, new.phones),
        emails=_reaches(known.emails, new.emails),
        gender=known.gender if new.gender == Gender.UNKNOWN else new.gender,
        birthday=new.birthday or known.birthday,
        address=_address(known.address, new.address),
        source_id=known.source_id or new.source_id,
        tags=_each(known.tags, new.tags),
        external_ids=tuple(dict.fromkeys((*known.external_ids, *new.external_ids))),
        description=_notes(known.description, new.description),
    )


def _reaches(known: tuple[Reach, ...], new: tuple[Reach, ...]) -> tuple[Reach, ...]:
    keys = {it.key for it in known}
    return (*known, *(it for it in new if it.key not in keys))[:10]


def _address(known: Address, new: Address) -> Address:
    return new if any((new.street, new.ward, new.province, new.postal_code)) else known


def _each(known: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    once: dict[str, str] = {}
    for tag in (*known, *new):
        once.setdefault(tag.casefold(), tag)
    return tuple(once.values())[:50]


def _notes(known: str, new: str) -> str:
    if not new or new in known or unreadable.is_so(known):
        return known
    return f"{known}\n{new}".strip()[:4_000]


def fingerprint(profile: Profile, *rest: object) -> bytes:
    """Return 16 bytes that are equal for rows that say the same, however they are written."""
    return hashlib.sha256(orjson.dumps((profile, rest))).digest()[:PRINT_BYTES]
