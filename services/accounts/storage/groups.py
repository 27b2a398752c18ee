"""Queries of teams and roles."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.accounts.domain.people import Role, Team
from services.accounts.storage.tables import roles, teams
from services.accounts.storage.unique import taken

After = tuple[str, UUID] | None


async def lock_foundation(session: AsyncSession) -> None:
    """Waits for the other replicas that lay the foundation; held until the transaction ends."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtext('accounts foundation'))"))


async def put_builtin(session: AsyncSession, values: Mapping[str, object]) -> None:
    """Adds a role that comes with the system, or brings its rights up to date."""
    query = upsert(roles).values(values)
    await session.execute(
        query.on_conflict_do_update(
            index_elements=[roles.c.name_key],
            set_={"rights": query.excluded.rights, "revision": roles.c.revision + 1},
            where=roles.c.builtin & (roles.c.rights != query.excluded.rights),
        )
    )


async def role(session: AsyncSession, role_id: UUID, *, lock: bool = False) -> Role | None:
    """Returns one role; `lock` keeps others from changing it until the transaction ends."""
    query = select(roles).where(roles.c.id == role_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _role(row) if row else None


async def role_named(session: AsyncSession, name_key: str) -> Role | None:
    """Returns the role of this name; locks nothing."""
    row = (await session.execute(select(roles).where(roles.c.name_key == name_key))).first()
    return _role(row) if row else None


async def add_role(session: AsyncSession, values: Mapping[str, object]) -> Role:
    """Stores a new role; raises `AlreadyExists` for a name that is taken."""
    with taken("role", "name"):
        return _role((await session.execute(insert(roles).values(values).returning(roles))).one())


async def change_role(session: AsyncSession, role_id: UUID, values: Mapping[str, object]) -> Role:
    """Sets columns and raises the revision of a role that was locked before."""
    query = (
        update(roles)
        .where(roles.c.id == role_id)
        .values({**values, "revision": roles.c.revision + 1})
        .returning(roles)
    )
    with taken("role", "name"):
        return _role((await session.execute(query)).one())


async def page_of_roles(
    session: AsyncSession, size: int, after: After
) -> Sequence[tuple[str, Role]]:
    """Returns up to `size` roles by (name key, id) with their name keys."""
    query = select(roles).order_by(roles.c.name_key, roles.c.id).limit(size)
    if after is not None:
        query = query.where(tuple_(roles.c.name_key, roles.c.id) > after)
    return [(row.name_key, _role(row)) for row in await session.execute(query)]


async def team(session: AsyncSession, team_id: UUID) -> Team | None:
    """Returns one team; locks nothing."""
    row = (await session.execute(select(teams).where(teams.c.id == team_id))).first()
    return _team(row) if row else None


async def add_team(session: AsyncSession, values: Mapping[str, object]) -> Team:
    """Stores a new team; raises `AlreadyExists` for a name that is taken."""
    with taken("team", "name"):
        return _team((await session.execute(insert(teams).values(values).returning(teams))).one())


async def lock_team(session: AsyncSession, team_id: UUID) -> Team | None:
    """Returns one team and keeps others from changing it until the transaction ends."""
    query = select(teams).where(teams.c.id == team_id).with_for_update()
    row = (await session.execute(query)).first()
    return _team(row) if row else None


async def change_team(session: AsyncSession, team_id: UUID, values: Mapping[str, object]) -> Team:
    """Sets columns and raises the revision of a team that was locked before."""
    query = (
        update(teams)
        .where(teams.c.id == team_id)
        .values({**values, "revision": teams.c.revision + 1})
        .returning(teams)
    )
    with taken("team", "name"):
        return _team((await session.execute(query)).one())


async def page_of_teams(
    session: AsyncSession, size: int, after: After
) -> Sequence[tuple[str, Team]]:
    """Returns up to `size` teams by (name key, id) with their name keys."""
    query = select(teams).order_by(teams.c.name_key, teams.c.id).limit(size)
    if after is not None:
        query = query.where(tuple_(teams.c.name_key, teams.c.id) > after)
    return [(row.name_key, _team(row)) for row in await session.execute(query)]


def _role(row: Row[Any]) -> Role:
    return Role(
        id=row.id,
        revision=row.revision,
        name=row.name,
        rights=row.rights,
        builtin=row.builtin,
        hidden_fields=row.hidden_fields,
    )


def _team(row: Row[Any]) -> Team:
    return Team(id=row.id, revision=row.revision, name=row.name)
