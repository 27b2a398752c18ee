"""A person to be erased, as everything is searched for them, and sealed until they are."""

import base64
import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from chassis import sealing
from services.erasing import Person
from services.leads.domain.contact import Contact, Profile

_NATIONAL = "+84"


def person(contact: Contact, others: Collection[str]) -> Person:
    """Returns the person that a contact is; addresses that `others` have, too, are left out."""
    profile = contact.profile
    emails = [it for it in profile.emails if it.key not in others]
    phones = [it for it in profile.phones if it.key not in others]
    keys = {it.key for it in (*emails, *phones)}
    written = {it.address for it in (*emails, *phones)}
    national = {f"0{it.removeprefix(_NATIONAL)}" for it in keys if it.startswith(_NATIONAL)}
    return Person(
        contact_ids=(contact.id,),
        emails=tuple(it.key for it in emails),
        phones=tuple(it.key for it in phones),
        spellings=tuple(sorted((written | national) - keys)),
        names=names(profile),
    )


def names(profile: Profile) -> tuple[str, ...]:
    """Returns the whole names of somebody; one of a single word is too many people's."""
    family, given = profile.family_name, profile.given_name
    found = {profile.display_name, f"{family} {given}", f"{given} {family}"}
    return tuple(sorted(it.strip() for it in found if " " in it.strip()))


def digits(found: Person) -> list[str]:
    """Returns the numbers as files may have them: without a sign or the country."""
    return [it.removeprefix(_NATIONAL).removeprefix("+") for it in found.phones]


def seal(found: Person, seal_key: str) -> bytes:
    """Returns a person that only `unseal` with the same key reads."""
    plain = {**vars(found), "contact_ids": [str(it) for it in found.contact_ids]}
    plain["subjects"] = sorted(found.subjects)
    return _fernet(seal_key).encrypt(json.dumps(plain).encode())


def unseal(sealed: bytes, seal_key: str) -> Person:
    """Returns what was sealed; raises `SealBroken` when no key opens it: nobody knows them then."""
    try:
        plain = json.loads(_fernet(seal_key).decrypt(sealed))
    except InvalidToken:
        raise sealing.SealBroken("erasure") from None
    texts = {it: tuple(plain[it]) for it in ("emails", "phones", "spellings", "names")}
    return Person(
        contact_ids=tuple(UUID(it) for it in plain["contact_ids"]),
        subjects=frozenset((kind, its_id) for kind, its_id in plain["subjects"]),
        **texts,
    )


def learnt(found: Person, subjects: Collection[tuple[str, str]]) -> Person:
    """Returns the person with what somebody said they had of them."""
    return replace(found, subjects=found.subjects | frozenset(subjects))


def _fernet(seal_key: str) -> MultiFernet:
    keys = (hashlib.sha256(b"erasure\x00" + it.encode()).digest() for it in sealing.lines(seal_key))
    return MultiFernet([Fernet(base64.urlsafe_b64encode(it)) for it in keys])
