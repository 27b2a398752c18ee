"""Proposals as staff handle them: drafting, sending, taking back, revising."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import letters as words
from services.interactions.domain.proposals import pricing
from services.interactions.domain.proposals.events import Errand, Happened
from services.interactions.domain.proposals.proposals import (
    HOME_ZONE,
    RESOURCE,
    REVISABLE,
    WAITING,
    Proposal,
    State,
    forbidden,
    number,
)
from services.interactions.domain.proposals.sheets import Sheet
from services.interactions.domain.proposals.templates import Template
from services.interactions.storage import proposal_letters, proposal_templates, proposals
from services.interactions.usecases import (
    found,
    proposal_attachments,
    proposal_moves,
    proposal_news,
    story,
)

SENT_WITHIN = timedelta(hours=24)
"""An e-mail that the notifier could not send for so long does not go any more."""


@dataclass(frozen=True)
class Envelope:
    """By whom a proposal is sent, to which address, and with which words and looks."""

    advertiser_id: UUID
    sender_identity_id: UUID
    address: str
    message: str
    sheet: Sheet
    link: str


async def create(session: AsyncSession, caller: Scope, columns: Mapping[str, Any]) -> Proposal:
    """Drafts a proposal whose columns were checked; it is the creator's where nobody is named."""
    if columns["contact_id"] is not None:
        await story.still_there(session, columns["contact_id"])
    lines, template = columns["lines"], await _meant(session, columns)
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        **columns,
        "template_version": template.version,
        "totals": pricing.total(pricing.price(line) for line in lines),
        "owner_id": columns["owner_id"] or caller.user_id,
        "team_id": columns["team_id"] or caller.team_id,
        "state": State.DRAFT,
        "creator_id": caller.subject,
    }
    made = await proposals.add(session, values)
    made = await proposal_attachments.given(session, made, template)
    await proposal_news.written(session, None, made)
    return made


async def imagined(session: AsyncSession, caller: Scope, columns: Mapping[str, Any]) -> Proposal:
    """Returns the draft that the columns would make; stores nothing."""
    now = await proposals.database_time(session)
    unset = {name: None for name in Proposal.__dataclass_fields__}
    return Proposal(
        **{
            **unset,
            **columns,
            "id": UUID(int=0),
            "revision": 0,
            "number": "",
            "template_version": (await _meant(session, columns)).version,
            "lines": tuple(columns["lines"]),
            "totals": pricing.total(pricing.price(line) for line in columns["lines"]),
            "state": State.DRAFT,
            "issue": 0,
            "attachments": (),
            "creator_id": caller.subject,
            "create_time": now,
            "update_time": now,
        }
    )


async def update(
    session: AsyncSession, kept: Proposal, etag: str, columns: Mapping[str, Any]
) -> Proposal:
    """Changes the given columns of a draft."""
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be(State.DRAFT, to="changed")
    changed = dict(columns)
    if changed.get("contact_id") is not None:
        await story.still_there(session, changed["contact_id"])
    if "lines" in changed:
        changed["totals"] = pricing.total(pricing.price(line) for line in changed["lines"])
    if {"template_id", "template_version"} & changed.keys():
        wanted = {
            "template_id": changed.get("template_id", kept.template_id),
            "template_version": changed.get("template_version", 0),
        }
        newer = await _meant(session, wanted)
        changed |= {**wanted, "template_version": newer.version}
        await proposal_attachments.exchange(session, kept, newer)
    if not changed:
        return kept
    after = await proposals.change(session, kept, changed)
    await proposal_news.written(session, kept, after)
    return after


async def delete(session: AsyncSession, kept: Proposal, etag: str) -> None:
    """Deletes a draft that has no number; a number stays, or there would be a gap."""
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    if kept.number:
        raise forbidden(kept.state, "deleted, since it has a number")
    kept.must_be(State.DRAFT, to="deleted")
    await proposal_attachments.drop(session, [kept.id])
    await proposals.drop(session, kept.id)
    await proposal_news.deleted(session, kept)


async def numbered(session: AsyncSession, kept: Proposal, etag: str, prefix: str) -> Proposal:
    """Returns a draft that may be sent, with a number taken in this transaction if it had none."""
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be(State.DRAFT, to="sent")
    now = await proposals.database_time(session)
    problems = Problems()
    if kept.expire_time <= now:
        problems.add("proposal.valid_until", "has passed")
    problems.raise_if_any()
    if kept.number:
        return kept
    year = now.astimezone(HOME_ZONE).year
    taken = number(prefix, year, await proposals.next_number(session, year))
    return await proposals.mark(session, kept, {"number": taken})


async def send(session: AsyncSession, seen: Proposal, by: Envelope) -> Proposal:
    """Makes a draft, unchanged since it was `seen`, a proposal that is being sent.

    The e-mail is handed over by a worker, which finds it in this transaction.
    """
    kept = found.existing(await proposals.get(session, seen.id, lock=True), RESOURCE, seen.id)
    found.unchanged(str(seen.revision), kept.revision, RESOURCE, kept.id)
    kept.must_be(State.DRAFT, to="sent")
    if kept.contact_id is not None:
        await story.still_there(session, kept.contact_id)
    now = await proposals.database_time(session)
    if kept.expire_time <= now:
        raise forbidden(State.EXPIRED, "sent")
    remind = kept.expire_time - timedelta(days=kept.remind_days_before)
    values = {
        "state": State.SENDING,
        "issue": kept.issue + 1,
        "address": by.address,
        "document": dict(by.sheet),
        "send_failure": "",
        "send_failure_reason": "",
        "message_id": None,
        "send_time": now,
        "view_time": None,
        "view_count": 0,
        "last_view_time": None,
        "answer_name": "",
        "answer_reason": "",
        "answer_time": None,
        "remind_time": remind if kept.remind_days_before and remind > now else None,
    }
    after = await proposals.change(session, kept, values)
    await proposal_attachments.seal(session, after)
    letter = words.invitation(by.sheet, by.link, by.message)
    await proposal_letters.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "proposal_id": after.id,
            "issue": after.issue,
            "kind": Errand.INVITATION,
            "address": by.address,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
            "advertiser_id": by.advertiser_id,
            "sender_identity_id": by.sender_identity_id,
            "contact_id": after.contact_id,
            "not_after": min(now + SENT_WITHIN, after.expire_time),
        },
    )
    await proposal_news.written(session, kept, after)
    return after


async def withdraw(session: AsyncSession, kept: Proposal, etag: str, reason: str) -> Proposal:
    """Takes back what was not answered; the same once more changes nothing."""
    if kept.state is State.WITHDRAWN:
        return kept
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be(*WAITING, to="withdrawn")
    await proposal_letters.cancel_untried(session, kept.id)
    values = {"state": State.WITHDRAWN, "remind_time": None}
    after = await proposals.change(session, kept, values)
    await proposal_news.happened(session, after, Happened.WITHDRAWN, reason)
    return after


async def revise(session: AsyncSession, kept: Proposal, etag: str) -> Proposal:
    """Makes a draft of what was sent; the link says that it is being changed until it is sent."""
    if kept.state is State.DRAFT:
        return kept
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    kept.must_be(*REVISABLE, to="revised")
    await proposal_letters.cancel_untried(session, kept.id)
    after = await proposals.change(session, kept, {"state": State.DRAFT, "remind_time": None})
    await proposal_news.happened(session, after, Happened.REVISED)
    return after


async def link(session: AsyncSession, kept: Proposal, etag: str, contact_id: UUID) -> Proposal:
    """Says whom a proposal is for that went to an address."""
    if kept.contact_id == contact_id:
        return kept
    found.unchanged(etag, kept.revision, RESOURCE, kept.id)
    if kept.contact_id is not None:
        raise forbidden(kept.state, "linked, since it is another contact's")
    await story.still_there(session, contact_id)
    after = await proposals.change(session, kept, {"contact_id": contact_id})
    after = await proposal_moves.ask(session, after)
    await proposal_news.happened(session, after, Happened.LINKED)
    return after


async def template_of(session: AsyncSession, kept: Proposal) -> Template:
    """Returns the version of the template that a proposal was written with."""
    held = await proposal_templates.get(session, kept.template_id, kept.template_version)
    return found.existing(held, "proposal_template", kept.template_id)


async def get(session: AsyncSession, readable: Scope, proposal_id: UUID) -> Proposal:
    """Returns one within reach; raises `NotFound`."""
    kept = found.existing(await proposals.get(session, proposal_id), RESOURCE, proposal_id)
    if not kept.within(readable):
        raise found.missing(RESOURCE, proposal_id)
    return kept


async def locked(
    session: AsyncSession, readable: Scope, allowed: Scope, proposal_id: UUID, action: str
) -> Proposal:
    """Returns one, locked, that the caller may see and do something to.

    Raises `NotFound` when it is beyond what the caller may see, `PermissionDenied` beyond that.
    """
    held = await proposals.get(session, proposal_id, lock=True)
    kept = found.existing(held, RESOURCE, proposal_id)
    if kept.within(allowed):
        return kept
    if kept.within(readable):
        raise found.forbidden("proposals", action)
    raise found.missing(RESOURCE, kept.id)


async def _meant(session: AsyncSession, columns: Mapping[str, Any]) -> Template:
    """Returns the template in the version that is meant; refuses one that is not there."""
    wanted, version = columns["template_id"], columns["template_version"]
    held = await proposal_templates.get(session, wanted, version)
    problems = Problems()
    if held is None:
        known = version and await proposal_templates.get(session, wanted)
        field = "template_version" if known else "template_id"
        problems.add(f"proposal.{field}", "no such template")
    problems.raise_if_any()
    return found.existing(held, "proposal_template", wanted)
