"""Templates and their immutable contents."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, exists, select, tuple_, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.attachments import Attachment
from chassis.db.paging import Page
from chassis.errors import NotFound
from services.campaigns.domain.kinds import Channel, Markup
from services.campaigns.domain.templates import Content, Draft, Template
from services.campaigns.storage.tables import attachments, campaigns, contents, templates


async def get(session: AsyncSession, template_id: UUID, *, lock: bool = False) -> Template:
    """Return a template, locked for a change if asked; raises `NotFound`."""
    query = select(templates).where(templates.c.id == template_id)
    row = (await session.execute(query.with_for_update() if lock else query)).mappings().first()
    if row is None:
        raise NotFound("RESOURCE_MISSING", "no such template", resource="template", id=template_id)
    return _template(row)


async def read_page(
    session: AsyncSession, page: Page, channel: Channel | None
) -> Sequence[Template]:
    """Return one more template than the page holds, if there are so many, by name."""
    query = select(templates).order_by(templates.c.name, templates.c.id).limit(page.size + 1)
    if channel is not None:
        query = query.where(templates.c.channel == channel)
    if page.after is not None:
        query = query.where(tuple_(templates.c.name, templates.c.id) > tuple_(*page.after))
    return [_template(row) for row in (await session.execute(query)).mappings()]


async def name_taken(session: AsyncSession, name: str, other_than: UUID) -> bool:
    """Return whether another template has the name."""
    other = select(templates.c.id).where(templates.c.name == name, templates.c.id != other_than)
    return bool(await session.scalar(select(exists(other))))


async def add(session: AsyncSession, template: Template) -> bool:
    """Store a new template; False if its name is taken."""
    statement = postgresql.insert(templates).values(_row(template))
    statement = statement.on_conflict_do_nothing(index_elements=[templates.c.name])
    return (await session.execute(statement.returning(templates.c.id))).first() is not None


async def change(session: AsyncSession, template: Template) -> None:
    """Store a changed template, which `get` locked."""
    await session.execute(
        update(templates).where(templates.c.id == template.id).values(_row(template))
    )


async def is_used(session: AsyncSession, template_id: UUID) -> bool:
    """Return whether a campaign uses the template."""
    using = select(campaigns.c.id).where(campaigns.c.template_id == template_id)
    return bool(await session.scalar(select(exists(using))))


async def remove(session: AsyncSession, template_id: UUID) -> None:
    """Delete a template, which `get` locked; its contents stay for the runs that name them."""
    await session.execute(delete(templates).where(templates.c.id == template_id))


async def keep_content(session: AsyncSession, content: Content) -> None:
    """Store a content unless its hash is there already."""
    row = {
        "hash": content.hash,
        "channel": content.channel,
        "subject": content.subject,
        "html": content.html,
        "text": content.text,
        "variables": list(content.variables),
        "attachments": [asdict(it) for it in content.attachments],
    }
    await session.execute(postgresql.insert(contents).values(row).on_conflict_do_nothing())


async def get_content(session: AsyncSession, content_hash: str) -> Content:
    """Return a content; raises `NotFound`."""
    query = select(contents).where(contents.c.hash == content_hash)
    row = (await session.execute(query)).mappings().first()
    if row is None:
        raise NotFound("RESOURCE_MISSING", "no such content", resource="content", id=content_hash)
    return Content(
        hash=row["hash"],
        channel=Channel(row["channel"]),
        subject=row["subject"],
        html=row["html"],
        text=row["text"],
        variables=tuple(row["variables"]),
        attachments=_attachments(row["attachments"]),
    )


async def keep_file(session: AsyncSession, file_hash: str, data: bytes) -> None:
    """Store the bytes of an attachment unless their hash is there already."""
    row = {"hash": file_hash, "data": data}
    await session.execute(postgresql.insert(attachments).values(row).on_conflict_do_nothing())


async def get_file(session: AsyncSession, file_hash: str) -> bytes:
    """Return the bytes of an attachment; raises `NotFound`."""
    query = select(attachments.c.data).where(attachments.c.hash == file_hash)
    data: bytes | None = await session.scalar(query)
    if data is None:
        raise NotFound(
            "RESOURCE_MISSING", "no such attachment", resource="attachment", id=file_hash
        )
    return data


def _attachments(rows: Sequence[Mapping[str, Any]]) -> tuple[Attachment, ...]:
    return tuple(Attachment(**row) for row in rows)


def _template(row: RowMapping) -> Template:
    return Template(
        id=row["id"],
        revision=row["revision"],
        draft=Draft(
            name=row["name"],
            channel=Channel(row["channel"]),
            subject=row["subject"],
            html=row["html"],
            text=row["text"],
            markup=Markup(row["markup"]),
            attachments=_attachments(row["attachments"]),
        ),
        variables=tuple(row["variables"]),
        content_hash=row["content_hash"],
        create_time=row["create_time"],
        update_time=row["update_time"],
    )


def _row(template: Template) -> dict[str, Any]:
    draft = template.draft
    return {
        "id": template.id,
        "revision": template.revision,
        "name": draft.name,
        "channel": draft.channel,
        "subject": draft.subject,
        "html": draft.html,
        "text": draft.text,
        "markup": draft.markup,
        "attachments": [asdict(it) for it in draft.attachments],
        "variables": list(template.variables),
        "content_hash": template.content_hash,
        "create_time": template.create_time,
        "update_time": template.update_time,
    }
