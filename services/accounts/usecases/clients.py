"""Programs that call."""

from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from services.accounts.domain import fields, rights, secrets
from services.accounts.domain.people import ApiClient
from services.accounts.storage import clients
from services.accounts.usecases import granting
from services.accounts.usecases.found import existing


async def create(
    session: AsyncSession, name: str, granted: rights.Rights, expire_time: datetime | None
) -> tuple[ApiClient, str]:
    """Adds a client and returns it with its secret, which is nowhere afterwards."""
    granting.must_cover(granted)
    secret = secrets.new()
    added = await clients.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "name": name,
            "name_key": fields.sort_key(name),
            "rights": granted,
            "secret_hash": secrets.digest(secret),
            "active": True,
            "expire_time": expire_time,
        },
    )
    await _record(session, "create", added)
    return added, secret


async def revoke(session: AsyncSession, client_id: UUID) -> ApiClient:
    """Ends a client's use; tokens it has live for minutes more. Once more does nothing."""
    existing(await clients.get(session, client_id), "api_client", client_id)
    ended = await clients.revoke(session, client_id)
    now = existing(await clients.get(session, client_id), "api_client", client_id)
    if ended:
        await _record(session, "revoke", now)
    return now


async def _record(session: AsyncSession, action: str, client: ApiClient) -> None:
    shown = {"name": client.name, "rights": client.rights, "expire_time": client.expire_time}
    await audit.record(
        session,
        action=f"api_client.{action}",
        subject_type="api_client",
        subject_id=str(client.id),
        after={**shown, "active": client.active},
    )
