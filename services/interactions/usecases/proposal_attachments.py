"""Files of proposals: a draft gains and loses them; what was sent keeps its own."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.attachments import Attachment, File, added, overfull
from chassis.errors import InvalidArgument
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import attachments as rules
from services.interactions.domain.proposals.proposals import RESOURCE, Proposal, State
from services.interactions.domain.proposals.templates import Template
from services.interactions.storage import proposal_attachments, proposal_templates, proposals
from services.interactions.usecases import found, proposal_news

OF = "a proposal"


async def attach(session: AsyncSession, kept: Proposal, etag: str, file: File) -> Proposal:
    """Adds a file to a draft; raises `InvalidArgument` naming what forbids it."""
    _must_be_draft(kept, etag)
    new = await stored(session, kept.attachments, file, OF)
    return await _with(session, kept, added(kept.attachments, new))


async def detach(session: AsyncSession, kept: Proposal, etag: str, name: str) -> Proposal:
    """Takes a file from a draft; raises `NotFound` when it has none of this name."""
    _must_be_draft(kept, etag)
    gone = named(kept.attachments, name, kept.id)
    after = await _with(session, kept, [it for it in kept.attachments if it != gone])
    await proposal_attachments.sweep(session, [gone.hash])
    return after


async def given(session: AsyncSession, made: Proposal, template: Template) -> Proposal:
    """Gives a new proposal the files of its template."""
    await proposal_attachments.put(session, made.id, template.attachments)
    return replace(made, attachments=template.attachments)


async def exchange(session: AsyncSession, kept: Proposal, newer: Template) -> None:
    """Gives a draft that goes to another template, or version, what differs between both.

    Raises `InvalidArgument` when that is too much beside its own.
    """
    old = await proposal_templates.get(session, kept.template_id, kept.template_version)
    before = old.attachments if old else ()
    files = rules.exchanged(kept.attachments, before, newer.attachments)
    problems = Problems()
    if why := overfull(files, OF):
        problems.add("proposal.template_id", why)
    problems.raise_if_any()
    if files != kept.attachments:
        await proposal_attachments.put(session, kept.id, files)


async def stored(
    session: AsyncSession, held: Sequence[Attachment], file: File, of: str
) -> Attachment:
    """Keeps the content of a file that goes beside those `held`, and returns what to name it by.

    Raises `InvalidArgument` naming what forbids it.
    """
    wrong = rules.violations(held, file, of)
    if wrong:
        raise InvalidArgument("FIELDS_INVALID", "the file cannot be attached", violations=wrong)
    new = rules.described(file)
    await proposal_attachments.keep(session, new.hash, file.data)
    return new


async def seal(session: AsyncSession, sent: Proposal) -> None:
    """Keeps what a proposal has for the sending that it goes out with."""
    await proposal_attachments.seal(session, sent.id, sent.issue)


async def read(
    session: AsyncSession, kept: Proposal, issue: int, name: str
) -> tuple[Attachment, bytes]:
    """Returns a file that a proposal has now, for issue 0, or had in a sending."""
    held = await proposal_attachments.read(session, kept.id, issue, name)
    return found.existing(held, rules.RESOURCE, kept.id)


async def drop(session: AsyncSession, proposal_ids: Sequence[UUID]) -> None:
    """Deletes the files of proposals that were locked before, those of sendings too."""
    hashes = [it for each in proposal_ids for it in await proposal_attachments.drop(session, each)]
    await proposal_attachments.sweep(session, hashes)


def named(held: Sequence[Attachment], name: str, owner: UUID) -> Attachment:
    """Returns the file of this name; raises `NotFound` that names its owner."""
    return found.existing(next((it for it in held if it.name == name), None), rules.RESOURCE, owner)


def _must_be_draft(kept: Proposal, etag: str) -> None:
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be(State.DRAFT, to="changed")


async def _with(session: AsyncSession, kept: Proposal, files: Sequence[Attachment]) -> Proposal:
    await proposal_attachments.put(session, kept.id, files)
    after = await proposals.change(session, kept, {})
    await proposal_news.written(session, kept, after)
    return after
