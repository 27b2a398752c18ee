"""Staff: adding, changing, shutting out."""

from collections.abc import Mapping
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from services.accounts.domain import rights
from services.accounts.domain.fields import Problems, sort_key
from services.accounts.domain.letters import Kind
from services.accounts.domain.people import Role, User
from services.accounts.storage import challenges, groups, links, sessions, users
from services.accounts.usecases import announce, granting, letters
from services.accounts.usecases.found import existing, unchanged
from services.accounts.usecases.post import Post


async def create(session: AsyncSession, columns: Mapping[str, object], password_hash: str) -> User:
    """Adds a user whose columns were checked; one without a password is invited to choose it."""
    await _known_places(session, columns)
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "active": True,
        **columns,
        "password_hash": password_hash,
    }
    added = await users.add(session, values)
    await announce.user(session, "create", added)
    if added.invited:
        await letters.invite(session, added)
    return added


async def get(session: AsyncSession, user_id: UUID) -> User:
    """Returns one user; raises `NotFound`."""
    return existing(await users.get(session, user_id), "user", user_id)


async def update(
    session: AsyncSession, user_id: UUID, etag: str, columns: Mapping[str, object]
) -> User:
    """Changes the given columns of a user, with a new revision if any differs."""
    before, role = await _with_covered_role(session, user_id)
    unchanged(etag, before.revision, "user", user_id)
    await _known_places(session, columns)
    if columns.get("role_id", role.id) != role.id:
        await _keep_an_admin(session, role, user_id)
    now = await users.change(session, user_id, columns) if columns else before
    if now.email != before.email:
        # What was mailed to the old address is no longer this user's.
        await links.end_all(session, user_id)
    if columns:
        await announce.user(session, "update", now, before)
    return now


async def deactivate(session: AsyncSession, user_id: UUID) -> User:
    """Shuts a user out and ends the user's sessions; once more does nothing."""
    before, role = await _with_covered_role(session, user_id)
    if not before.active:
        return before
    await _keep_an_admin(session, role, user_id)
    now = await users.change(session, user_id, {"active": False})
    await _end_openings(session, user_id)
    await announce.sessions_ended(session, await sessions.end_all(session, user_id))
    await announce.user(session, "deactivate", now, before)
    return now


async def set_password(
    session: AsyncSession,
    post: Post,
    user_id: UUID,
    password_hash: str,
    keep_session: UUID | None,
    *,
    own: bool,
) -> None:
    """Replaces a password and ends the user's sessions, except the one it was asked from.

    The user is told of it; `own` says that it was the user who asked.
    """
    before = existing(await users.get(session, user_id, lock=True), "user", user_id)
    now = await replace_password(session, before, password_hash, keep_session)
    await announce.user(session, "set_password", now)
    await post.notify(session, user_id, Kind.PASSWORD_CHANGED if own else Kind.PASSWORD_SET)


async def replace_password(
    session: AsyncSession, before: User, password_hash: str, keep_session: UUID | None
) -> User:
    """Gives a locked user another password; ends links, challenges and sessions but that one."""
    now = before
    if before.invited:
        # That there is a password now can be seen, so it is a new revision.
        now = await users.change(session, before.id, {"password_hash": password_hash})
        await announce.user(session, "update", now, before)
    else:
        await users.set_password_hash(session, before.id, password_hash)
    await _end_openings(session, before.id)
    ended = await sessions.end_all(session, before.id, but=keep_session)
    await announce.sessions_ended(session, ended)
    return now


async def covered(session: AsyncSession, user_id: UUID) -> User:
    """Returns a locked user; raises unless they may do nothing that the caller may not."""
    user, _ = await _with_covered_role(session, user_id)
    return user


async def _end_openings(session: AsyncSession, user_id: UUID) -> None:
    """Ends what could become a session: challenges and links to choose a password."""
    await challenges.end_all(session, user_id)
    await links.end_all(session, user_id)


async def _with_covered_role(session: AsyncSession, user_id: UUID) -> tuple[User, Role]:
    user = existing(await users.get(session, user_id, lock=True), "user", user_id)
    role = existing(await groups.role(session, user.role_id), "role", user.role_id)
    granting.must_cover(role.rights, role.hidden_fields)
    return user, role


async def _known_places(session: AsyncSession, columns: Mapping[str, object]) -> None:
    """Raises unless the role and team exist and the role is no more than the caller's rights."""
    problems = Problems()
    role_id, team_id = columns.get("role_id"), columns.get("team_id")
    role = await groups.role(session, role_id) if isinstance(role_id, UUID) else None
    if role_id is not None and role is None:
        problems.add("user.role_id", "no such role")
    if isinstance(team_id, UUID) and await groups.team(session, team_id) is None:
        problems.add("user.team_id", "no such team")
    problems.raise_if_any()
    if role is not None:
        granting.must_cover(role.rights, role.hidden_fields)


async def _keep_an_admin(session: AsyncSession, role: Role, leaving: UUID) -> None:
    """Raises `FailedPrecondition` if nobody else could administer the system."""
    admin = await groups.role_named(session, sort_key(rights.ADMIN))
    if admin is None or role.id != admin.id:
        return
    active = await users.lock_active_of_role(session, admin.id)
    if set(active) <= {leaving}:
        raise errors.FailedPrecondition(
            "RESOURCE_IN_USE", "the last administrator must stay", resource="user", id=str(leaving)
        )
