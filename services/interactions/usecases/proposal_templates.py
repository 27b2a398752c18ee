"""Templates of proposals: each change is a new version."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.attachments import Attachment, File, added
from chassis.errors import AlreadyExists
from services.interactions.domain.proposals import attachments
from services.interactions.domain.proposals.templates import RESOURCE, Block, Template
from services.interactions.storage import proposal_attachments as files
from services.interactions.storage import proposal_templates
from services.interactions.usecases import found, proposal_attachments, proposal_news

OF = "a template"


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
    kept = await _locked(session, template_id, etag)
    wanted = kept.name if name is None else name
    newer = blocks is not None and tuple(blocks) != kept.blocks
    if wanted == kept.name and not newer:
        return kept
    if await proposal_templates.named(session, wanted) not in (None, template_id):
        raise _taken()
    if blocks is not None and newer:
        return await _written(session, author, replace(kept, name=wanted, blocks=tuple(blocks)))
    await proposal_templates.change(session, template_id, wanted, kept.version)
    after = {"name": wanted, "version": kept.version}
    await proposal_news.template_written(session, template_id, after)
    return await get(session, template_id, 0)


async def attach(
    session: AsyncSession, author: str, template_id: UUID, etag: str, file: File
) -> Template:
    """Writes a new version with one more file; raises `InvalidArgument` naming what forbids it."""
    kept = await _locked(session, template_id, etag)
    new = await proposal_attachments.stored(session, kept.attachments, file, OF)
    return await _written(session, author, replace(kept, attachments=added(kept.attachments, new)))


async def detach(
    session: AsyncSession, author: str, template_id: UUID, etag: str, name: str
) -> Template:
    """Writes a new version without a file; raises `NotFound` when it has none of this name."""
    kept = await _locked(session, template_id, etag)
    gone = proposal_attachments.named(kept.attachments, name, template_id)
    left = tuple(it for it in kept.attachments if it != gone)
    return await _written(session, author, replace(kept, attachments=left))


async def get(session: AsyncSession, template_id: UUID, version: int) -> Template:
    """Returns one in a version, the newest for 0; raises `NotFound`."""
    held = await proposal_templates.get(session, template_id, version)
    return found.existing(held, RESOURCE, template_id)


async def read(
    session: AsyncSession, template_id: UUID, version: int, name: str
) -> tuple[Attachment, bytes]:
    """Returns a file of a version, the newest for 0, with its content; raises `NotFound`."""
    kept = await get(session, template_id, version)
    held = await files.read_of_template(session, template_id, kept.version, name)
    return found.existing(held, attachments.RESOURCE, template_id)


async def _locked(session: AsyncSession, template_id: UUID, etag: str) -> Template:
    held = await proposal_templates.get(session, template_id, lock=True)
    kept = found.existing(held, RESOURCE, template_id)
    found.unchanged(etag, kept.revision, RESOURCE, template_id)
    return kept


async def _written(session: AsyncSession, author: str, wanted: Template) -> Template:
    """Writes the version after the one that a template, locked and then changed, had."""
    version = wanted.version + 1
    await proposal_templates.write(session, wanted.id, version, wanted.blocks, author)
    await files.put_of_template(session, wanted.id, version, wanted.attachments)
    await proposal_templates.change(session, wanted.id, wanted.name, version)
    names = [it.name for it in wanted.attachments]
    after = {"name": wanted.name, "version": version, "attachments": names}
    await proposal_news.template_written(session, wanted.id, after)
    return await get(session, wanted.id, 0)


def _taken() -> AlreadyExists:
    return AlreadyExists(
        "RESOURCE_EXISTS", "the name is taken", resource=RESOURCE, field="template.name"
    )
