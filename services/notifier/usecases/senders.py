"""Keeps advertisers and the identities they send as."""

from collections.abc import Callable, Mapping
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
    _check_fresh(before, etag, "advertiser")
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


async def change_identity(
    session: AsyncSession, id: UUID, etag: str, change: Callable[[Identity], Identity]
) -> Identity:
    """Stores what `change` makes of the identity; `etag` is checked when given."""
    before = await identity(session, id, lock=True)
    _check_fresh(before, etag, "sender_identity")
    after = change(before)
    if after == before:
        return before
    after = replace(after, revision=before.revision + 1)
    await senders.change_identity(session, after)
    await _record(session, "update", "sender_identity", id, asdict(before), asdict(after))
    return after


async def identity(session: AsyncSession, id: UUID, *, lock: bool = False) -> Identity:
    """One sender identity."""
    found = await senders.identity(session, id, lock=lock)
    if found is None:
        raise _missing("sender_identity", id)
    return found


def _check_fresh(before: Advertiser | Identity, etag: str, resource: str) -> None:
    if etag and etag != str(before.revision):
        raise Aborted(
            "ETAG_STALE",
            f"the {resource} changed since it was read",
            resource=resource,
            id=before.id,
            etag=str(before.revision),
        )


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
