"""Templates of proposals: each change is a new version."""

from collections.abc import Sequence
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import AlreadyExists
from services.interactions.domain.proposals.templates import RESOURCE, Block, Template
from services.interactions.storage import proposal_templates
from services.interactions.usecases import found, proposal_news


async def create(
    session: AsyncSession, author: str, name: str, blocks: Sequence[Block]
) -> Template:
    """Stores a template whose parts were checked."""
    template_id = uuid_utils.compat.uuid7()
    if not await proposal_templates.add(session, template_id, name):
        raise _taken()
    await proposal_templates.write(session, template_id, 1, blocks, author)
    await proposal_news.template_written(session, template_id, {"name": name, "version": 1})
    return await get(session, template_id, 0)


async def update(
    session: AsyncSession,
    author: str,
    template_id: UUID,
    etag: str,
    name: str | None,
    blocks: Sequence[Block] | None,
) -> Template:
    """Writes a new version where the blocks differ; a name alone makes none."""
    held = await proposal_templates.get(session, template_id, lock=True)
    kept = found.existing(held, RESOURCE, template_id)
    found.unchanged(etag, kept.revision, RESOURCE, template_id)
    wanted = kept.name if name is None else name
    newer = blocks is not None and tuple(blocks) != kept.blocks
    if wanted == kept.name and not newer:
        return kept
    if await proposal_templates.named(session, wanted) not in (None, template_id):
        raise _taken()
    version = kept.version + 1 if newer else kept.version
    if blocks is not None and newer:
        await proposal_templates.write(session, template_id, version, blocks, author)
    await proposal_templates.change(session, template_id, wanted, version)
    after = {"name": wanted, "version": version}
    await proposal_news.template_written(session, template_id, after)
    return await get(session, template_id, 0)


async def get(session: AsyncSession, template_id: UUID, version: int) -> Template:
    """Returns one in a version, the newest for 0; raises `NotFound`."""
    held = await proposal_templates.get(session, template_id, version)
    return found.existing(held, RESOURCE, template_id)


def _taken() -> AlreadyExists:
    return AlreadyExists(
        "RESOURCE_EXISTS", "the name is taken", resource=RESOURCE, field="template.name"
    )
