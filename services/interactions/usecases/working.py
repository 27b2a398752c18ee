"""Working hours: who changes whose."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.context import Level
from chassis.db import audit
from chassis.scope import Scope
from services.interactions.domain.working import Hours
from services.interactions.messages import working as messages
from services.interactions.storage import working
from services.interactions.usecases.found import forbidden, stale, unchanged

RESOURCE = "working_hours"


async def update(
    session: AsyncSession,
    caller: Scope,
    team_id: UUID | None,
    etag: str,
    columns: Mapping[str, Any],
) -> Hours:
    """Changes those of the organisation or a team.

    Raises `PermissionDenied` for whose right to write follow-ups does not reach all of them, and
    `Aborted` when somebody else changed them meanwhile.
    """
    theirs = caller.level is Level.TEAM and team_id is not None and team_id == caller.team_id
    if caller.level is not Level.ALL and not theirs:
        raise forbidden("follow_ups", "write")
    before = await working.get(session, team_id) or Hours(team_id=team_id)
    unchanged(etag, before.revision, RESOURCE, team_id or _NOBODY)
    after = await working.put(session, before, columns)
    if after is None:
        raise stale(before.revision, RESOURCE, team_id or _NOBODY)
    await audit.record(
        session,
        action="working_hours.update",
        subject_type="working_hours",
        subject_id=str(team_id or ""),
        before=messages.values(before),
        after=messages.values(after),
    )
    return after


_NOBODY = UUID(int=0)
