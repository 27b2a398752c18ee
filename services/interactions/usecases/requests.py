"""Requests: customers ask and reply, staff answer and close."""

from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.scope import Scope
from services.interactions.domain import requests as rules
from services.interactions.domain.contacts import Contact
from services.interactions.domain.follow_ups import MOST_ASSIGNEES
from services.interactions.domain.proposals.events import CUSTOMER
from services.interactions.domain.requests import RESOURCE, Asked, Kind, Request, State
from services.interactions.storage import follow_ups, requests
from services.interactions.usecases import announce, notifying, story
from services.interactions.usecases.found import existing, forbidden, missing, unchanged


async def ask(session: AsyncSession, contact: Contact, asked: Asked) -> Request:
    """Stores what a customer asks, and tells who is to answer.

    What is asked once more while the first waits is that one: of an appointment as a reply to it,
    of erasure nothing more. Raises `ResourceExhausted` beyond 20 that wait for an answer, but never
    for erasure, which everybody may ask for; `NotFound` when the contact was deleted meanwhile.
    """
    await story.still_there(session, contact.id)
    await requests.one_at_a_time(session, contact.id)
    if asked.kind is not Kind.QUESTION:
        known = await requests.waiting(session, contact.id, asked.kind, asked.follow_up_id)
        if known is not None:
            is_new = asked.kind is Kind.APPOINTMENT
            return await _say(session, known, asked.text) if is_new else known
    is_bounded = asked.kind is not Kind.ERASURE
    if is_bounded and await requests.count_open(session, contact.id) >= rules.MOST_WAITING:
        raise rules.too_many(rules.MOST_WAITING)
    values = {
        "id": uuid_utils.compat.uuid7(),
        "revision": 1,
        "contact_id": contact.id,
        "kind": asked.kind,
        "subject": asked.subject,
        "text": asked.text,
        "state": State.OPEN,
        "assignee_ids": list(asked.assignee_ids or contact.owner_ids)[:MOST_ASSIGNEES],
        "team_id": asked.team_id or contact.team_id,
        "creator_id": context.require_principal().subject,
        "follow_up_id": asked.follow_up_id,
    }
    made = await requests.add(session, values)
    await announce.request_created(session, made)
    await notifying.asked(session, made)
    return made


async def ask_another_time(
    session: AsyncSession, contact: Contact, follow_up_id: UUID, words: str
) -> Request:
    """Asks for another time of a call or meeting of the contact; its assignees are told.

    Raises `NotFound` for what is none of the contact's, `FailedPrecondition` for one that is over.
    """
    kept = await follow_ups.get(session, follow_up_id, of=contact.id)
    if kept is None or not kept.is_for_customer:
        raise missing("appointment", follow_up_id)
    kept.must_be_pending("moved")
    asked = Asked(Kind.APPOINTMENT, "", words, kept.id, kept.assignee_ids, kept.team_id)
    return await ask(session, contact, asked)


async def reply_of_customer(
    session: AsyncSession, contact_id: UUID, request_id: UUID, words: str
) -> Request:
    """Adds what the customer says; raises `NotFound` for what is none of the contact's."""
    held = await requests.get(session, request_id, of=contact_id, lock=True)
    return await _say(session, existing(held, RESOURCE, request_id), words)


async def answer(session: AsyncSession, caller: Scope, kept: Request, words: str) -> Request:
    """Adds what a colleague answers; one that nobody has becomes that colleague's."""
    kept.must_wait("answered")
    values: dict[str, object] = {"state": State.ANSWERED}
    if not kept.assignee_ids and caller.user_id is not None:
        values["assignee_ids"] = [caller.user_id]
    await _room(session, kept)
    await requests.say(session, kept, caller.subject, words)
    after = await requests.change(session, kept, values)
    await announce.request_changed(session, "answer", after, words)
    return after


async def close(session: AsyncSession, kept: Request, etag: str) -> Request:
    """Closes one; the same once more changes nothing."""
    if kept.state is State.CLOSED:
        return kept
    unchanged(etag, kept.revision, RESOURCE, kept.id)
    now = await follow_ups.database_time(session)
    after = await requests.change(session, kept, {"state": State.CLOSED, "close_time": now})
    await announce.request_changed(session, "close", after)
    return after


async def get(session: AsyncSession, readable: Scope, request_id: UUID) -> Request:
    """Returns one within reach; raises `NotFound`."""
    kept = existing(await requests.get(session, request_id), RESOURCE, request_id)
    if not kept.within(readable):
        raise missing(RESOURCE, request_id)
    return kept


async def locked(
    session: AsyncSession, readable: Scope, allowed: Scope, request_id: UUID
) -> Request:
    """Returns one, locked, that the caller may see and answer.

    Raises `NotFound` when it is beyond what the caller may see, `PermissionDenied` beyond that.
    """
    kept = existing(await requests.get(session, request_id, lock=True), RESOURCE, request_id)
    if kept.within(allowed):
        return kept
    if kept.within(readable):
        raise forbidden("requests", "write")
    raise missing(RESOURCE, request_id)


async def _say(session: AsyncSession, kept: Request, words: str) -> Request:
    await _room(session, kept)
    await requests.say(session, kept, CUSTOMER, words)
    after = await requests.change(session, kept, {"state": State.OPEN, "close_time": None})
    await announce.request_changed(session, "reply", after, words)
    await notifying.asked(session, after)
    return after


async def _room(session: AsyncSession, kept: Request) -> None:
    if await requests.count_replies(session, kept.id) >= rules.MOST_REPLIES:
        raise rules.too_many(rules.MOST_REPLIES)
