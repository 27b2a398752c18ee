"""Keeps advertisers and the identities they send as."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from chassis.errors import Aborted, AlreadyExists, NotFound
from services.notifier.storage import senders
from services.notifier.storage.senders import Advertiser, Identity


async def add_advertiser(session: AsyncSession, new: Advertiser) -> Advertiser:
    """Adds an advertiser; its name is unique."""
    stored = await senders.add_advertiser(session, new)
    if stored is None:
        raise _taken("advertiser", "name")
    await _record(session, "create", "advertiser", stored.id, None, asdict(stored))
    return stored


async def change_advertiser(
    session: AsyncSession, id: UUID, etag: str, changes: Mapping[str, Any]
) -> Advertiser:
    """Changes the named fields; `etag` is checked when given."""
    before = await advertiser(session, id, lock=True)
    if etag and etag != str(before.revision):
        raise Aborted(
            "ETAG_STALE",
            "the advertiser changed since it was read",
            resource="advertiser",
            id=id,
            etag=str(before.revision),
        )
    after = replace(before, **changes)
    if after == before:
        return before
    after = replace(after, revision=before.revision + 1)
    if not await senders.change_advertiser(session, after):
        raise _taken("advertiser", "name")
    await _record(session, "update", "advertiser", id, asdict(before), asdict(after))
    return after


async def advertiser(session: AsyncSession, id: UUID, *, lock: bool = False) -> Advertiser:
    """One advertiser."""
    found = await senders.advertiser(session, id, lock=lock)
    if found is None:
        raise _missing("advertiser", id)
    return found


async def add_identity(session: AsyncSession, new: Identity) -> Identity:
    """Adds a sender identity to an advertiser; the address is unique there."""
    await advertiser(session, new.advertiser_id)
    stored = await senders.add_identity(session, new)
    if stored is None:
        raise _taken("sender_identity", "address")
    await _record(session, "create", "sender_identity", stored.id, None, asdict(stored))
    return stored


async def identity(session: AsyncSession, id: UUID) -> Identity:
    """One sender identity."""
    found = await senders.identity(session, id)
    if found is None:
        raise _missing("sender_identity", id)
    return found


def _missing(resource: str, id: UUID) -> NotFound:
    return NotFound("RESOURCE_MISSING", f"no such {resource}", resource=resource, id=id)


def _taken(resource: str, field: str) -> AlreadyExists:
    return AlreadyExists(
        "RESOURCE_EXISTS",
        f"there is a {resource} with this {field}",
        resource=resource,
        field=field,
    )


async def _record(
    session: AsyncSession,
    action: str,
    kind: str,
    id: UUID,
    before: Mapping[str, object] | None,
    after: Mapping[str, object],
) -> None:
    await audit.record(
        session,
        action=action,
        subject_type=kind,
        subject_id=str(id),
        before=before,
        after=after,
    )
