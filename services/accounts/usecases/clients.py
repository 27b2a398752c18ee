"""Programs that call."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from chassis.db import audit
from services.accounts.domain import clients as rules
from services.accounts.domain import rights, secrets
from services.accounts.domain.people import ApiClient, ClientSecret
from services.accounts.storage import clients
from services.accounts.usecases import granting
from services.accounts.usecases.found import existing, unchanged

Columns = Mapping[str, object]


async def create(
    session: AsyncSession, columns: Columns, granted: rights.Rights, now: datetime
) -> tuple[ApiClient, str]:
    """Adds a client and returns it with its secret, which is nowhere afterwards."""
    granting.must_cover(granted)
    secret = secrets.new()
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "active": True,
        "create_time": now,
        **columns,
        "rights": granted,
    }
    added = await clients.add(session, values, [ClientSecret(secrets.digest(secret), now, None)])
    await _record(session, "create", added)
    return added, secret


async def get(session: AsyncSession, client_id: UUID) -> ApiClient:
    """Returns one client; raises `NotFound`."""
    return existing(await clients.get(session, client_id), "api_client", client_id)


async def update(session: AsyncSession, client_id: UUID, etag: str, columns: Columns) -> ApiClient:
    """Changes the given columns of a client that can do no more than the caller, then as before."""
    before = await _held(session, client_id, etag, "changed")
    if not columns:
        return before
    now = await clients.change(session, client_id, columns)
    granting.must_cover(now.rights)
    await _record(session, "update", now, before)
    return now


async def rotate(
    session: AsyncSession, client_id: UUID, etag: str, lifetime: timedelta, now: datetime
) -> tuple[ApiClient, str]:
    """Gives a client another secret; the one in use lives on for `lifetime`.

    Who gets the secret may do what the client may: so no more than the caller.
    """
    before = await _held(session, client_id, etag, "rotated")
    secret = secrets.new()
    kept = rules.rotated(before, secrets.digest(secret), now, lifetime)
    changed = await clients.replace_secrets(session, client_id, kept)
    await _record(session, "rotate_secret", changed)
    return changed, secret


async def revoke(session: AsyncSession, client_id: UUID) -> ApiClient:
    """Ends a client's use; tokens it has live for minutes more. Once more does nothing."""
    before = existing(await clients.get(session, client_id, lock=True), "api_client", client_id)
    if not before.active:
        return before
    now = await clients.change(session, client_id, {"active": False})
    await _record(session, "revoke", now, before)
    return now


async def _held(session: AsyncSession, client_id: UUID, etag: str, to: str) -> ApiClient:
    """Returns a locked client that is not revoked and can do no more than the caller."""
    found = existing(await clients.get(session, client_id, lock=True), "api_client", client_id)
    granting.must_cover(found.rights)
    if not found.active:
        raise errors.FailedPrecondition(
            "STATE_FORBIDS",
            f"a revoked client cannot be {to}",
            resource="api_client",
            state="revoked",
            to=to,
        )
    unchanged(etag, found.revision, "api_client", client_id)
    return found


async def _record(
    session: AsyncSession, action: str, now: ApiClient, before: ApiClient | None = None
) -> None:
    await audit.record(
        session,
        action=f"api_client.{action}",
        subject_type="api_client",
        subject_id=str(now.id),
        before=_shown(before) if before else None,
        after=_shown(now),
    )


def _shown(client: ApiClient) -> dict[str, object]:
    ends = [it.expire_time for it in client.secrets if it.expire_time is not None]
    return {
        "name": client.name,
        "rights": client.rights,
        "expire_time": client.expire_time,
        "requests_per_minute": client.requests_per_minute,
        "active": client.active,
        "old_secret_expire_time": ends[0] if ends else None,
    }
