"""What must be there before anybody can sign in: the system's roles and a first administrator."""

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain import fields, rights
from services.accounts.domain.people import User
from services.accounts.storage import groups, users
from services.accounts.usecases import announce
from services.accounts.usecases.found import existing


async def lay(session: AsyncSession) -> bool:
    """Adds the roles of the system; returns True if there is no user yet."""
    await groups.lock_foundation(session)
    for name, granted in rights.BUILTIN.items():
        values = {"id": uuid_utils.compat.uuid7(), "revision": 1, "name": name, "builtin": True}
        key = fields.sort_key(name)
        await groups.put_builtin(session, {**values, "name_key": key, "rights": granted})
    return not await users.exists_any(session)


async def add_first_user(session: AsyncSession, email: str, password_hash: str) -> User | None:
    """Adds the first administrator; None if another replica was faster."""
    await groups.lock_foundation(session)
    if await users.exists_any(session):
        return None
    admin = await groups.role_named(session, fields.sort_key(rights.ADMIN))
    role = existing(admin, "role", rights.ADMIN)
    problems = fields.Problems()
    given = {
        "email": email,
        "display_name": "Administrator",
        "role_id": str(role.id),
        "team_id": "",
        "locale": "",
        "time_zone": "",
    }
    columns = fields.user_columns(given, problems, prefix="first_user_")
    problems.raise_if_any()
    values = {"id": uuid_utils.compat.uuid7(), "revision": 1, "active": True, **columns}
    added = await users.add(session, {**values, "password_hash": password_hash})
    await announce.user(session, "create", added)
    return added
