"""Queries of proposals' templates and their versions."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.proposals.templates import Block, Kind, Template
from services.interactions.storage import proposal_attachments
from services.interactions.storage.proposal_tables import (
    template_attachments,
    template_versions,
    templates,
)


async def add(session: AsyncSession, template_id: UUID, name: str) -> bool:
    """Stores a template without a version yet; False when another has the name."""
    values = {"id": template_id, "revision": 1, "name": name, "version": 1}
    query = upsert(templates).values(values).on_conflict_do_nothing(index_elements=["name"])
    return (await session.execute(query.returning(templates.c.id))).first() is not None


async def write(
    session: AsyncSession, template_id: UUID, version: int, blocks: Sequence[Block], author: str
) -> None:
    """Stores the blocks of a version."""
    values = {
        "template_id": template_id,
        "version": version,
        "blocks": [asdict(it) for it in blocks],
        "author_id": author,
        "update_time": func.now(),
    }
    await session.execute(insert(template_versions).values(values))


async def change(session: AsyncSession, template_id: UUID, name: str, version: int) -> None:
    """Sets name and newest version of one that was locked before, and raises its revision."""
    values = {"name": name, "version": version, "revision": templates.c.revision + 1}
    await session.execute(update(templates).where(templates.c.id == template_id).values(values))


async def named(session: AsyncSession, name: str) -> UUID | None:
    """Returns the template of this name."""
    query = select(templates.c.id).where(templates.c.name == name)
    found: UUID | None = (await session.execute(query)).scalar()
    return found


async def get(
    session: AsyncSession, template_id: UUID, version: int = 0, *, lock: bool = False
) -> Template | None:
    """Returns one in a version, the newest for 0; `lock` keeps others from changing it."""
    wanted = templates.c.id == template_id
    if lock:
        # First and alone: who waited for another sees the version which that one wrote.
        await session.execute(select(templates.c.id).where(wanted).with_for_update())
    row = (await session.execute(_select(version).where(wanted))).first()
    return _template(row) if row else None


async def page(
    session: AsyncSession, size: int, after: tuple[str, UUID] | None
) -> Sequence[Template]:
    """Returns up to `size` in their newest versions, by name, from after the given place."""
    query = _select(0).order_by(templates.c.name, templates.c.id).limit(size)
    if after is not None:
        query = query.where(tuple_(templates.c.name, templates.c.id) > after)
    return [_template(row) for row in await session.execute(query)]


def _select(version: int) -> Select[Any]:
    wanted: Any = version or templates.c.version
    joined = templates.join(
        template_versions,
        (template_versions.c.template_id == templates.c.id)
        & (template_versions.c.version == wanted),
    )
    return select(
        templates.c.id,
        templates.c.revision,
        templates.c.name,
        templates.c.create_time,
        template_versions.c.version,
        template_versions.c.blocks,
        template_versions.c.author_id,
        template_versions.c.update_time,
        proposal_attachments.together(
            template_attachments,
            template_versions,
            template_attachments.c.template_id == template_versions.c.template_id,
            template_attachments.c.version == template_versions.c.version,
        ),
    ).select_from(joined)


def _template(row: Row[Any]) -> Template:
    blocks = tuple(Block(Kind(it["kind"]), it["heading"], it["text"]) for it in row.blocks)
    files = proposal_attachments.unpacked(row.attachments)
    return Template(**{**row._mapping, "blocks": blocks, "attachments": files})
