"""A person to be erased, as everything is searched for them, and sealed until they are."""

import base64
import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from chassis import sealing
from services.erasing import Person, Subject
from services.leads.domain.contact import Contact, Profile

_NATIONAL = "+84"

T = TypeVar("T")

Key = tuple[str, str]
"""What people are found by in imports: its kind and the key."""


@dataclass(frozen=True)
class Sought:
    """Somebody with every address they had, those that others have among them.

    `spelled` are pairs of a key and another way to write it. `shared` are keys that others had at
    the order, `imports` those that were being run then; `looked` is what the last round looked for.
    """

    contact_ids: tuple[UUID, ...]
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    spelled: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = ()
    external_ids: tuple[Key, ...] = ()
    subjects: frozenset[Subject] = frozenset()
    shared: frozenset[str] = frozenset()
    imports: tuple[UUID, ...] = ()
    looked: frozenset[str] = frozenset()

    def found_by(self) -> set[Key]:
        """Return what imports find the person by."""
        return {
            *(("email", it) for it in self.emails),
            *(("phone", it) for it in self.phones),
            *self.external_ids,
        }

    def alone(self, shared: Collection[str]) -> Person:
        """Return the person by what is nobody else's; addresses that are `shared` are left out."""
        return Person(
            contact_ids=self.contact_ids,
            emails=tuple(it for it in self.emails if it not in shared),
            phones=tuple(it for it in self.phones if it not in shared),
            spellings=tuple(sorted({way for key, way in self.spelled if key not in shared})),
            names=self.names,
            subjects=self.subjects,
            shared=tuple(it for it in (*self.emails, *self.phones) if it in shared),
        )

    def learnt(self, subjects: Collection[Subject]) -> "Sought":
        """Return the person with what somebody said they had of them."""
        return replace(self, subjects=self.subjects | frozenset(subjects))

    def also(self, contacts: Iterable[Contact]) -> "Sought":
        """Return the person with contacts that are they, too."""
        whole = self
        for it in contacts:
            more = sought(it)
            whole = replace(
                whole,
                contact_ids=(*whole.contact_ids, *more.contact_ids),
                emails=_once(whole.emails, more.emails),
                phones=_once(whole.phones, more.phones),
                spelled=_once(whole.spelled, more.spelled),
                names=_once(whole.names, more.names),
                external_ids=_once(whole.external_ids, more.external_ids),
            )
        return whole


def _once(some: tuple[T, ...], others: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*some, *others)))


def sought(
    contact: Contact, *, shared: Collection[str] = (), imports: Collection[UUID] = ()
) -> Sought:
    """Returns the person that a contact is."""
    profile = contact.profile
    reaches = (*profile.emails, *profile.phones)
    spelled = {(it.key, it.address) for it in reaches}
    spelled |= {
        (it.key, f"0{it.key.removeprefix(_NATIONAL)}")
        for it in profile.phones
        if it.key.startswith(_NATIONAL)
    }
    return Sought(
        contact_ids=(contact.id,),
        emails=tuple(it.key for it in profile.emails),
        phones=tuple(it.key for it in profile.phones),
        spelled=tuple(sorted((key, way) for key, way in spelled if key != way)),
        names=names(profile),
        external_ids=tuple((f"id:{it.system}", it.id) for it in profile.external_ids),
        shared=frozenset(shared),
        imports=tuple(imports),
    )


def names(profile: Profile) -> tuple[str, ...]:
    """Returns the whole names of somebody; one of a single word is too many people's."""
    family, given = profile.family_name, profile.given_name
    found = {profile.display_name, f"{family} {given}", f"{given} {family}"}
    return tuple(sorted(it.strip() for it in found if " " in it.strip()))


def seal(found: Sought, seal_key: str) -> bytes:
    """Returns a person that only `unseal` with the same key reads."""
    plain = {
        **vars(found),
        "contact_ids": [str(it) for it in found.contact_ids],
        "imports": [str(it) for it in found.imports],
        "subjects": sorted(found.subjects),
        "shared": sorted(found.shared),
        "looked": sorted(found.looked),
    }
    return _fernet(seal_key).encrypt(json.dumps(plain).encode())


def unseal(sealed: bytes, seal_key: str) -> Sought:
    """Returns what was sealed; raises `SealBroken` when no key opens it."""
    try:
        plain = json.loads(_fernet(seal_key).decrypt(sealed))
    except InvalidToken:
        raise sealing.SealBroken("erasure") from None
    return Sought(
        contact_ids=tuple(UUID(it) for it in plain["contact_ids"]),
        emails=tuple(plain["emails"]),
        phones=tuple(plain["phones"]),
        spelled=tuple((key, way) for key, way in plain["spelled"]),
        names=tuple(plain["names"]),
        external_ids=tuple((system, its_id) for system, its_id in plain["external_ids"]),
        subjects=frozenset((kind, its_id) for kind, its_id in plain["subjects"]),
        shared=frozenset(plain["shared"]),
        imports=tuple(UUID(it) for it in plain["imports"]),
        looked=frozenset(plain["looked"]),
    )


def _fernet(seal_key: str) -> MultiFernet:
    keys = (hashlib.sha256(b"erasure\x00" + it.encode()).digest() for it in sealing.lines(seal_key))
    return MultiFernet([Fernet(base64.urlsafe_b64encode(it)) for it in keys])
