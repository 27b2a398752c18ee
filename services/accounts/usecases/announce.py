"""Tells the world of a change: the event and the audit entry, in the change's transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit, outbox
from services.accounts import messages
from services.accounts.domain.people import Role, Session, Team, User


async def user(session: AsyncSession, action: str, now: User, before: User | None = None) -> None:
    """Announces a user that was added or changed."""
    event = messages.user_changed(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    await audit.record(
        session,
        action=f"user.{action}",
        subject_type="user",
        subject_id=str(now.id),
        before=_user(before) if before else None,
        after=_user(now),
    )


async def team(session: AsyncSession, action: str, now: Team, before: Team | None = None) -> None:
    """Announces a team that was added or changed."""
    event = messages.team_changed(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    await audit.record(
        session,
        action=f"team.{action}",
        subject_type="team",
        subject_id=str(now.id),
        before={"name": before.name} if before else None,
        after={"name": now.name},
    )


async def role(session: AsyncSession, action: str, now: Role, before: Role | None = None) -> None:
    """Announces a role that was added or changed."""
    event = messages.role_changed(now)
    await outbox.add(session, event, to=outbox.Class.FACTS, key=str(now.id), revision=now.revision)
    await audit.record(
        session,
        action=f"role.{action}",
        subject_type="role",
        subject_id=str(now.id),
        before=_role(before) if before else None,
        after=_role(now),
    )


async def sessions_ended(session: AsyncSession, ended: Sequence[Session]) -> None:
    """Announces, without delay, that these sessions may be used no more."""
    for each in ended:
        event = messages.session_revoked(each)
        await outbox.add(session, event, to=outbox.Class.CONTROL, key=str(each.id))
        await audit.record(
            session,
            action="session.end",
            subject_type="user",
            subject_id=str(each.user_id),
            before={"session_id": each.id},
        )


def _user(kept: User) -> Mapping[str, object]:
    shown = (
        *("email", "display_name", "role_id", "team_id", "locale", "time_zone", "active"),
        "invited",
    )
    return {name: getattr(kept, name) for name in shown}


def _role(kept: Role) -> Mapping[str, object]:
    return {"name": kept.name, "rights": kept.rights, "hidden_fields": [*kept.hidden_fields]}
