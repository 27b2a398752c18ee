"""The audit trail: chaining what services tell, reading it, verifying it, erasing values."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit as own_audit
from services.accounts.domain import chain, sealing
from services.accounts.domain.chain import Entry, Happening
from services.accounts.storage import audit
from services.accounts.storage.audit import Kept

_Keys = dict[audit.Subject, tuple[UUID, bytes]]


@dataclass(frozen=True)
class Verdict:
    """Whether the chain holds: entries read, the first that does not fit (0), newest hash."""

    intact: bool
    entries: int
    broken_at: int
    head: bytes


class Trail:
    """Holds the key that seals the keys of the values."""

    def __init__(self, encryption_key: bytes) -> None:
        self._encryption_key = encryption_key

    async def chain(self, session: AsyncSession, happened: Sequence[Happening]) -> None:
        """Adds happenings as the newest entries, each once; one writer at a time."""
        await audit.lock_chain(session)
        known = await audit.known(session, [each.id for each in happened])
        fresh = {each.id: each for each in happened if each.id not in known}
        if not fresh:
            return
        sequence, previous = await audit.head(session)
        keys = await self._keys(session, list(fresh.values()))
        entries = []
        for each in fresh.values():
            sequence += 1
            key_id, sealed = _sealed(each, keys)
            entry = Entry(
                sequence=sequence,
                key_id=key_id,
                sealed=sealed,
                previous_hash=previous,
                **{name: getattr(each, name) for name in _SHARED},
            )
            previous = chain.link(entry)
            entries.append((entry, previous))
        await audit.append(session, entries)

    async def page(
        self, session: AsyncSession, wanted: audit.Filter, size: int, before: int | None
    ) -> Sequence[tuple[int, bytes, Happening]]:
        """Returns place, hash and contents of entries, newest first; erased values are None."""
        found = await audit.page(session, wanted, size, before)
        return [(kept.entry.sequence, kept.hash, self._opened(kept)) for kept in found]

    async def _keys(self, session: AsyncSession, happened: Sequence[Happening]) -> _Keys:
        """Returns the key of each subject that has values, a new one where there was none."""
        subjects = {_subject(each): None for each in happened if _has_values(each)}
        if not subjects:
            return {}
        in_use = await audit.keys_in_use(session, list(subjects))
        keys: _Keys = {
            subject: (key_id, sealing.unseal(self._encryption_key, sealed, _key_place(key_id)))
            for subject, (key_id, sealed) in in_use.items()
        }
        rows = []
        for subject in subjects.keys() - keys.keys():
            key_id, key = uuid_utils.compat.uuid7(), sealing.new_key()
            keys[subject] = key_id, key
            sealed = sealing.seal(self._encryption_key, key, _key_place(key_id))
            names = {"subject_type": subject[0], "subject_id": subject[1]}
            rows.append({"id": key_id, **names, "sealed_key": sealed})
        if rows:
            await audit.add_keys(session, rows)
        return keys

    def _opened(self, kept: Kept) -> Happening:
        entry, values = kept.entry, [None, None]
        if entry.sealed and entry.key_id and kept.sealed_key:
            key = sealing.unseal(self._encryption_key, kept.sealed_key, _key_place(entry.key_id))
            plain = sealing.unseal(key, bytes(entry.sealed), _entry_place(entry.id))
            values = json.loads(plain)
        shared: dict[str, Any] = {name: getattr(entry, name) for name in _SHARED}
        return Happening(before=values[0], after=values[1], **shared)


async def verify(session: AsyncSession) -> Verdict:
    """Recomputes the chain from its first entry, a batch at a time."""
    read, expected = 0, chain.FIRST
    while batch := await audit.links(session, read):
        for kept in batch:
            entry = kept.entry
            fits = entry.sequence == read + 1 and bytes(entry.previous_hash) == expected
            if not fits or chain.link(entry) != kept.hash:
                return Verdict(intact=False, entries=read, broken_at=read + 1, head=expected)
            read, expected = entry.sequence, kept.hash
    return Verdict(intact=True, entries=read, broken_at=0, head=expected)


async def erase(session: AsyncSession, subject_type: str, subject_id: str) -> None:
    """Destroys the keys of a subject's values; the chain over their ciphertext still holds."""
    if await audit.destroy_keys(session, subject_type, subject_id):
        await own_audit.record(
            session, action="audit.erase", subject_type=subject_type, subject_id=subject_id
        )


_SHARED = (
    "id",
    "time",
    "service",
    "actor_id",
    "actor_kind",
    "acting_service",
    "action",
    "subject_type",
    "subject_id",
    "request_id",
)


def _subject(happened: Happening) -> audit.Subject:
    return happened.subject_type, happened.subject_id


def _has_values(happened: Happening) -> bool:
    return happened.before is not None or happened.after is not None


def _sealed(happened: Happening, keys: _Keys) -> tuple[UUID | None, bytes | None]:
    if not _has_values(happened):
        return None, None
    key_id, key = keys[_subject(happened)]
    plain = json.dumps([happened.before, happened.after], ensure_ascii=False).encode()
    return key_id, sealing.seal(key, plain, _entry_place(happened.id))


def _key_place(key_id: UUID) -> str:
    return f"audit key/{key_id}"


def _entry_place(entry_id: str) -> str:
    return f"audit entry/{entry_id}"
