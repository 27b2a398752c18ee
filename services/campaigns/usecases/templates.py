"""Templates are stored with the content that runs will name."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.attachments import Attachment, File, added
from chassis.db import audit
from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    FieldViolation,
    InvalidArgument,
    NotFound,
)
from services.campaigns.domain import attachments
from services.campaigns.domain import templates as domain
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.templates import Admitted, Template
from services.campaigns.storage import templates as stored


async def create(session: AsyncSession, admitted: Admitted, now: datetime) -> Template:
    """Store an admitted draft; raises `AlreadyExists` when its name is taken."""
    content = domain.content(admitted)
    template = Template(
        id=uuid_utils.compat.uuid7(),
        revision=1,
        draft=admitted.draft,
        variables=content.variables,
        content_hash=content.hash,
        create_time=now,
        update_time=now,
    )
    await stored.keep_content(session, content)
    if not await stored.add(session, template):
        raise _name_taken()
    await _record(session, "create", None, template)
    return template


async def change(
    session: AsyncSession,
    read: Template,
    admitted: Admitted,
    now: datetime,
) -> Template:
    """Store a draft admitted against the template as it was `read`.

    Raises `Aborted` when somebody else changed it since, `AlreadyExists` when the name is taken.
    """
    before = await stored.get(session, read.id, lock=True)
    if before.revision != read.revision:
        raise stale(read.id, str(read.revision))
    if await stored.name_taken(session, admitted.draft.name, read.id):
        raise _name_taken()
    content = domain.content(admitted)
    after = replace(
        before,
        revision=before.revision + 1,
        draft=admitted.draft,
        variables=content.variables,
        content_hash=content.hash,
        update_time=now,
    )
    await stored.keep_content(session, content)
    await stored.change(session, after)
    await _record(session, "update", before, after)
    return after


async def attach(
    session: AsyncSession, template_id: UUID, etag: str, file: File, now: datetime
) -> Template:
    """Store a template with one more file; raises `InvalidArgument` naming what forbids it."""
    before = await _to_attach(session, template_id, etag)
    held = before.draft.attachments
    wrong = attachments.violations(held, file)
    if before.draft.channel is not Channel.EMAIL:
        wrong = [FieldViolation("data", "an SMS has no files")]
    if wrong:
        raise InvalidArgument("FIELDS_INVALID", "the file cannot be attached", violations=wrong)
    new = attachments.described(file)
    await stored.keep_file(session, new.hash, file.data)
    return await _with(session, before, added(held, new), now)


async def detach(
    session: AsyncSession, template_id: UUID, etag: str, name: str, now: datetime
) -> Template:
    """Store a template without a file; its bytes stay for the runs that name them.

    Raises `NotFound` when the template has no such file.
    """
    before = await _to_attach(session, template_id, etag)
    left = tuple(it for it in before.draft.attachments if it.name != name)
    if len(left) == len(before.draft.attachments):
        raise NotFound("RESOURCE_MISSING", "no such attachment", resource="attachment", id=name)
    return await _with(session, before, left, now)


async def _to_attach(session: AsyncSession, template_id: UUID, etag: str) -> Template:
    before = await stored.get(session, template_id, lock=True)
    check_etag(before, etag)
    return before


async def _with(
    session: AsyncSession, before: Template, files: tuple[Attachment, ...], now: datetime
) -> Template:
    # What was admitted stays as it is: files are not rendered.
    content = await stored.get_content(session, before.content_hash)
    content = domain.with_attachments(content, files)
    after = replace(
        before,
        revision=before.revision + 1,
        draft=replace(before.draft, attachments=files),
        content_hash=content.hash,
        update_time=now,
    )
    await stored.keep_content(session, content)
    await stored.change(session, after)
    await _record(session, "update", before, after)
    return after


async def delete(session: AsyncSession, template_id: UUID) -> None:
    """Delete a template; raises `FailedPrecondition` while a campaign uses it."""
    before = await stored.get(session, template_id, lock=True)
    if await stored.is_used(session, template_id):
        raise FailedPrecondition(
            "RESOURCE_IN_USE",
            "a campaign uses this template",
            resource="template",
            id=template_id,
        )
    await stored.remove(session, template_id)
    await _record(session, "delete", before, None)


def check_etag(template: Template, etag: str) -> None:
    """Raise `Aborted` if an etag was given and is not the template's."""
    if etag and etag != str(template.revision):
        raise stale(template.id, etag)


def stale(template_id: UUID, etag: str) -> Aborted:
    """The error of a change that was made against an older revision."""
    return Aborted(
        "ETAG_STALE",
        "the template has changed since it was read",
        resource="template",
        id=template_id,
        etag=etag,
    )


def _name_taken() -> AlreadyExists:
    return AlreadyExists(
        "RESOURCE_EXISTS", "a template has this name", resource="template", field="name"
    )


async def _record(
    session: AsyncSession, action: str, before: Template | None, after: Template | None
) -> None:
    await audit.record(
        session,
        action=action,
        subject_type="template",
        subject_id=str((after or before).id),  # type: ignore[union-attr]
        before=_shown(before),
        after=_shown(after),
    )


def _shown(template: Template | None) -> dict[str, object] | None:
    if template is None:
        return None
    return {
        "revision": template.revision,
        "name": template.draft.name,
        "channel": template.draft.channel,
        "content_hash": template.content_hash,
        "attachments": [it.name for it in template.draft.attachments],
    }
