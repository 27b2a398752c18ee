"""Queries of the log of interactions."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.interactions import Direction, Interaction, Kind, Result
from services.interactions.storage.tables import interactions


async def add(session: AsyncSession, values: Mapping[str, Any]) -> Interaction:
    """Stores a new interaction."""
    query = insert(interactions).values(values).returning(interactions)
    return _interaction((await session.execute(query)).one())


async def get(
    session: AsyncSession, interaction_id: UUID, *, lock: bool = False
) -> Interaction | None:
    """Returns one; `lock` keeps others from changing it until the transaction ends."""
    query = select(interactions).where(interactions.c.id == interaction_id)
    row = (await session.execute(query.with_for_update() if lock else query)).first()
    return _interaction(row) if row else None


async def drop(session: AsyncSession, interaction_id: UUID) -> None:
    """Deletes one that was locked before."""
    await session.execute(delete(interactions).where(interactions.c.id == interaction_id))


async def drop_of_contact(session: AsyncSession, contact_id: UUID) -> Sequence[Interaction]:
    """Deletes and returns all of a contact."""
    of_contact = interactions.c.contact_id == contact_id
    query = delete(interactions).where(of_contact).returning(interactions)
    return [_interaction(row) for row in await session.execute(query)]


def _interaction(row: Row[Any]) -> Interaction:
    values: dict[str, Any] = {str(name): value for name, value in row._mapping.items()}
    values["kind"], values["result"] = Kind(values["kind"]), Result(values["result"])
    values["direction"] = Direction(values["direction"])
    return Interaction(**values)
