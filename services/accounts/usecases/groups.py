"""Teams and roles."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain import rights
from services.accounts.domain.people import Role, Team
from services.accounts.storage import groups
from services.accounts.usecases import announce, granting
from services.accounts.usecases.found import existing, unchanged


async def create_team(session: AsyncSession, columns: Mapping[str, object]) -> Team:
    """Adds a team whose columns were checked."""
    values = {"id": uuid_utils.compat.uuid7(), "revision": 1, **columns}
    added = await groups.add_team(session, values)
    await announce.team(session, "create", added)
    return added


async def update_team(
    session: AsyncSession, team_id: UUID, etag: str, columns: Mapping[str, object]
) -> Team:
    """Changes the given columns of a team."""
    before = existing(await groups.lock_team(session, team_id), "team", team_id)
    unchanged(etag, before.revision, "team", team_id)
    if not columns:
        return before
    now = await groups.change_team(session, team_id, columns)
    await announce.team(session, "update", now, before)
    return now


async def create_role(
    session: AsyncSession,
    columns: Mapping[str, object],
    granted: rights.Rights,
    hidden: Sequence[str],
) -> Role:
    """Adds a role that gives no more than the caller has."""
    granting.must_cover(granted, hidden)
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "builtin": False,
        **columns,
        "rights": granted,
        "hidden_fields": hidden,
    }
    added = await groups.add_role(session, values)
    await announce.role(session, "create", added)
    return added


async def update_role(
    session: AsyncSession, role_id: UUID, etag: str, columns: Mapping[str, object]
) -> Role:
    """Changes the given columns of a role of the organisation's own."""
    before = existing(await groups.role(session, role_id, lock=True), "role", role_id)
    if before.builtin:
        raise errors.FailedPrecondition(
            "STATE_FORBIDS",
            "a role that comes with the system cannot be changed",
            resource="role",
            state="builtin",
            to="changed",
        )
    unchanged(etag, before.revision, "role", role_id)
    granting.must_cover(before.rights, before.hidden_fields)
    if not columns:
        return before
    now = await groups.change_role(session, role_id, columns)
    granting.must_cover(now.rights, now.hidden_fields)
    await announce.role(session, "update", now, before)
    return now
