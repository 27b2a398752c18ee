"""Tells the world of a change: the event and the audit entry, in the change's transaction."""

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit, outbox
from services.accounts.domain.logins import ContactLogin, ContactSession
from services.accounts.domain.people import Role, Session, Team, User
from services.accounts.messages import logins as login_messages
from services.accounts.messages import people, sessions

NOBODY = "nobody"
"""The subject of what was tried in the name of an address that nobody has."""


async def user(session: AsyncSession, action: str, now: User, before: User | None = None) -> None:
    """Announces a user that was added or changed."""
    event = people.user_changed(now)
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
    event = people.team_changed(now)
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
    event = people.role_changed(now)
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
        event = sessions.session_revoked(each)
        await outbox.add(session, event, to=outbox.Class.CONTROL, key=str(each.id))
        await audit.record(
            session,
            action="session.end",
            subject_type="user",
            subject_id=str(each.user_id),
            before={"session_id": each.id},
        )


async def login(
    session: AsyncSession,
    action: str,
    now: ContactLogin | None,
    before: ContactLogin | None = None,
) -> None:
    """Records what became of a customer's login, as something that was done with the contact.

    So its values go when those of the contact are erased.
    """
    subject = now or before
    if subject is None:
        raise ValueError("a login that never was")
    await audit.record(
        session,
        action=f"contact.{action}",
        subject_type="contact",
        subject_id=str(subject.contact_id),
        before=_login(before) if before else None,
        after=_login(now) if now else None,
    )


async def login_deed(session: AsyncSession, action: str, subject: ContactLogin | None) -> None:
    """Records what was done with a login that did not change it, or in the name of nobody's."""
    await audit.record(
        session,
        action=f"contact.{action}",
        subject_type="contact",
        subject_id=str(subject.contact_id) if subject else NOBODY,
        after={"login_id": subject.id if subject else NOBODY},
    )


async def contact_sessions_ended(
    session: AsyncSession, subject: ContactLogin, ended: Sequence[ContactSession]
) -> None:
    """Announces, without delay, that these sessions of a customer may be used no more."""
    for each in ended:
        event = login_messages.session_revoked(each)
        await outbox.add(session, event, to=outbox.Class.CONTROL, key=str(each.id))
        await audit.record(
            session,
            action="contact.end_session",
            subject_type="contact",
            subject_id=str(subject.contact_id),
            before={"session_id": each.id},
        )


def _login(kept: ContactLogin) -> Mapping[str, object]:
    shown = ("id", "display_name", "language", "channel", "address", "state", "problem")
    return {name: getattr(kept, name) for name in shown}


def _user(kept: User) -> Mapping[str, object]:
    shown = (
        *("email", "display_name", "role_id", "team_id", "locale", "time_zone", "active"),
        "invited",
    )
    return {name: getattr(kept, name) for name in shown}


def _role(kept: Role) -> Mapping[str, object]:
    return {"name": kept.name, "rights": kept.rights, "hidden_fields": [*kept.hidden_fields]}
