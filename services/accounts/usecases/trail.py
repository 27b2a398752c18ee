"""The audit trail: chaining what services tell, reading it, following it, erasing values."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db, sealing
from chassis.db import audit as own_audit
from services.accounts.domain import chain
from services.accounts.domain.chain import Entry, Happening
from services.accounts.domain.walking import Walk
from services.accounts.storage import audit, chained, erasing
from services.accounts.storage.audit import Filter, Kept, Place

_Keys = dict[audit.Subject, tuple[UUID, bytes]]

_COUNT_SECONDS = 120.0
_PAGE = 2_000
"""Rows of the chain that are followed at a time: some milliseconds, in which nothing else runs."""


@dataclass(frozen=True)
class Listed:
    """An entry with what can still be read of it."""

    sequence: int
    hash: bytes
    told: Happening
    erased: bool


class Trail:
    """Holds the key that seals the keys of the values."""

    def __init__(self, encryption_key: bytes) -> None:
        self._encryption_key = encryption_key

    async def chain(self, session: AsyncSession, happened: Sequence[Happening]) -> None:
        """Adds happenings as the newest entries, each once; one writer at a time."""
        subjects = list({_subject(it): None for it in happened if _has_values(it)})
        standing = await audit.stand(session, [it.id for it in happened], subjects)
        fresh = {
            it.id: _without_values(it) if _subject(it) in standing.erased else it
            for it in happened
            if it.id not in standing.known
        }
        if not fresh:
            return
        keys = await self._keys(session, fresh.values(), standing.keys)
        sequence, previous = standing.sequence, standing.hash
        rows = []
        for each in fresh.values():
            sequence += 1
            key_id, sealed = _sealed(each, keys)
            shared = {name: getattr(each, name) for name in _SHARED}
            entry = Entry(
                sequence=sequence, key_id=key_id, sealed=sealed, previous_hash=previous, **shared
            )
            covered = chain.packed(entry)
            previous = chain.digest(covered)
            rows.append(chain.row(covered, previous))
        await chained.append(session, rows)

    async def page(
        self,
        session: AsyncSession,
        wanted: Filter,
        size: int,
        before: Place | None,
        newest: int | None = None,
    ) -> Sequence[Listed]:
        """Returns entries, latest first; erased values are None."""
        found = await audit.page(session, wanted, size, before, newest)
        return [
            Listed(
                sequence=kept.entry.sequence,
                hash=kept.hash,
                told=self._opened(kept),
                erased=kept.entry.sealed is not None and kept.sealed_key is None,
            )
            for kept in found
        ]

    async def _keys(
        self,
        session: AsyncSession,
        happened: Iterable[Happening],
        in_use: Mapping[audit.Subject, audit.Sealed],
    ) -> _Keys:
        """Returns the key of each subject that has values, a new one where there was none."""
        subjects = {_subject(each): None for each in happened if _has_values(each)}
        keys: _Keys = {
            subject: (key_id, sealing.unseal(self._encryption_key, sealed, _key_place(key_id)))
            for subject, (key_id, sealed) in in_use.items()
            if subject in subjects
        }
        unnamed = [it for it in subjects if it not in keys]
        if unnamed:
            made = [(uuid_utils.compat.uuid7(), sealing.new_key()) for _ in unnamed]
            sealed = [
                (key_id, sealing.seal(self._encryption_key, key, _key_place(key_id)))
                for key_id, key in made
            ]
            await audit.add_keys(session, unnamed, sealed)
            keys |= zip(unnamed, made, strict=True)
        return keys

    def _opened(self, kept: Kept) -> Happening:
        entry, values = kept.entry, [None, None]
        if entry.sealed and entry.key_id and kept.sealed_key:
            key = sealing.unseal(self._encryption_key, kept.sealed_key, _key_place(entry.key_id))
            plain = sealing.unseal(key, entry.sealed, _entry_place(entry.id))
            values = json.loads(plain)
        shared: dict[str, Any] = {name: getattr(entry, name) for name in _SHARED}
        return Happening(before=values[0], after=values[1], **shared)


async def follow(session: AsyncSession, walk: Walk, heads: Mapping[int, bytes]) -> bool:
    """Goes on with a walk along the chain, some thousand rows; returns whether it has ended.

    `heads` are what the chain ended with once, by place.
    """
    rows = await chained.following(session, walk.place, _PAGE)
    walk.read(rows)
    walk.compare(rows, heads)
    if len(rows) < _PAGE:
        walk.end(heads)
    return walk.is_over or len(rows) < _PAGE


async def note_export(session: AsyncSession, wanted: Filter) -> int:
    """Notes who takes entries away, which and how many; returns the place of the last of them."""
    await db.allow(session, _COUNT_SECONDS)
    newest, _ = await audit.head(session)
    asked = {name: value for name, value in vars(wanted).items() if value}
    await own_audit.record(
        session,
        action="audit.export",
        subject_type="audit",
        subject_id="entries",
        after={**asked, "entries": await audit.count(session, wanted, newest)},
    )
    return newest


async def erase(session: AsyncSession, subject_type: str, subject_id: str) -> None:
    """Destroys the keys of the values kept of a subject; the chain over their ciphertext holds.

    What is told of it later is kept again: whoever erases a person does so by an erasure.
    """
    if await erasing.destroy(session, [(subject_type, subject_id)], later_too=False):
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


def _without_values(happened: Happening) -> Happening:
    return replace(happened, before=None, after=None)


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
