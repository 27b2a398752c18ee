"""Accepts many messages at once: all that can be are stored together, each under its own key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import errors
from chassis.db import audit
from services.notifier.domain.work import Content, Key, Sender
from services.notifier.storage import batches, rows, senders
from services.notifier.usecases import sending
from services.notifier.usecases.sending import Wanted


class Item(NamedTuple):
    """One request: what it wants, or what is wrong with it."""

    request_id: str
    request_hash: bytes
    wanted: Wanted | None
    wrong: errors.Error | None = None


@dataclass(frozen=True)
class Refused:
    """Why a request made no message, and the message that has its key already, if that is why."""

    error: errors.Error
    message_id: UUID | None = None


Answer = rows.Message | Refused


async def send_many(
    session: AsyncSession, subject: str, items: Sequence[Item], now: datetime
) -> list[Answer]:
    """Stores the messages of a caller that are new; one result each, in the order of `items`.

    A request that was made before gives its message, also where it would be wrong by now.
    """
    asked = [it.request_id for it in items if it.request_id]
    known = await batches.keys_of(session, subject, asked)
    identities = [it.wanted.sender_identity_id for it in items if it.wanted]
    found = await senders.senders(session, identities)
    news: list[batches.New] = []
    contents: list[Content] = []
    keys: list[Key | Refused] = []
    for item in items:
        key = _known(known, item)
        if key is None:
            key = Refused(item.wrong) if item.wrong is not None else None
        if key is None and item.wanted is not None:
            key = _fitting(item.wanted, found)
        if key is None and item.wanted is not None:
            content = sending.content(item.wanted)
            new = _new(item.wanted, content.hash)
            news.append(new)
            contents.append(content)
            key = Key(now.date(), new.message_id)
            known[item.request_id] = batches.Named(key, item.request_hash)
        if key is None:
            raise AssertionError("a request is wanted or wrong")
        keys.append(key)
    await _store(session, subject, now, news, contents)
    there = await batches.get(session, [it for it in keys if isinstance(it, Key)])
    return [it if isinstance(it, Refused) else there[it.message_id] for it in keys]


async def _store(
    session: AsyncSession,
    subject: str,
    now: datetime,
    news: Sequence[batches.New],
    contents: Sequence[Content],
) -> None:
    if not news:
        return
    await batches.add_contents(session, contents)
    await batches.insert(session, subject, now.date(), news)
    await audit.record(
        session,
        action="send",
        subject_type="message",
        subject_id=str(news[0].message_id),
        after={"count": len(news), "message_ids": sorted(str(it.message_id) for it in news)},
    )


def _known(known: dict[str, batches.Named], item: Item) -> Key | Refused | None:
    named = known.get(item.request_id)
    if named is None:
        return None
    if named.request_hash != item.request_hash:
        return Refused(sending.reused(), named.key.message_id)
    return named.key


def _fitting(wanted: Wanted, found: dict[UUID, Sender]) -> Refused | None:
    sender = found.get(wanted.sender_identity_id)
    if sender is None:
        return Refused(sending.no_sender(wanted))
    if (sender.advertiser_id, sender.channel) != (wanted.advertiser_id, wanted.channel):
        return Refused(sending.unfit_sender())
    return None


def _new(wanted: Wanted, content_hash: str) -> batches.New:
    return batches.New(
        uuid_utils.compat.uuid7(),
        wanted.contact_id,
        wanted.channel,
        wanted.purpose,
        wanted.advertiser_id,
        wanted.sender_identity_id,
        content_hash,
        wanted.address,
        wanted.address_key,
        wanted.not_after,
        wanted.request_id,
        wanted.request_hash,
    )
