"""Adds and lifts suppressions, by hand or by the link in a message."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import audit, outbox
from chassis.errors import InvalidArgument, NotFound
from services.notifier.domain import addresses, tokens
from services.notifier.domain.states import Channel
from services.notifier.domain.tokens import Link
from services.notifier.domain.work import NOBODY
from services.notifier.messages import resources
from services.notifier.storage import lookups, rows, senders, suppressions
from services.notifier.storage.suppressions import Suppression
from services.notifier.usecases import confirming
from services.notifier.usecases.gating import Standards


@dataclass(frozen=True)
class Described:
    """What a link would end."""

    link: Link
    masked_address: str
    advertiser_name: str
    unsubscribed: bool


async def add(session: AsyncSession, new: Suppression) -> Suppression:
    """Suppresses an address; the same again gives what is there."""
    if new.advertiser_id != NOBODY and not await senders.advertiser(session, new.advertiser_id):
        raise NotFound(
            "RESOURCE_MISSING", "no such advertiser", resource="advertiser", id=new.advertiser_id
        )
    stored, changed = await suppressions.add(session, new)
    if changed:
        event = resources.suppression_added(stored)
        await outbox.add(session, event, to=outbox.Class.CONTROL, key=str(stored.id))
        await _record(session, "suppress", stored)
    return stored


async def lift(session: AsyncSession, id: UUID) -> None:
    """Lifts a suppression."""
    removed = await suppressions.remove(session, id)
    if removed is None:
        raise NotFound("RESOURCE_MISSING", "no such suppression", resource="suppression", id=id)
    event = resources.suppression_removed(removed)
    await outbox.add(session, event, to=outbox.Class.CONTROL, key=str(removed.id))
    await _record(session, "lift", removed)


async def describe(session: AsyncSession, token: str, secret: bytes) -> Described:
    """What the link of a message would unsubscribe from."""
    link, message = await _read(session, token, secret)
    key = addresses.normalised(message.channel, message.address) or message.address
    covering = await suppressions.covering(session, message.channel, [key])
    done = any(
        it.advertiser_id in (NOBODY, link.advertiser_id) and it.purpose in (0, link.purpose)
        for it in covering.get(key, ())
    )
    advertiser = await senders.advertiser(session, link.advertiser_id)
    return Described(
        link=link,
        masked_address=addresses.masked(message.channel, message.address),
        advertiser_name=advertiser.name if advertiser else "",
        unsubscribed=done,
    )


async def unsubscribe(
    session: AsyncSession,
    token: str,
    secret: bytes,
    now: datetime,
    standards: Standards,
    *,
    everything: bool,
) -> Suppression:
    """Suppresses the address the link was sent to; doing it again changes nothing.

    The refusal is confirmed once.
    """
    link, message = await _read(session, token, secret)
    new = made(
        channel=message.channel,
        address=message.address,
        reason="unsubscribed",
        evidence=f"link of message {message.key.message_id}",
        now=now,
        actor="contact",
    )
    scope = (NOBODY, 0) if everything else (link.advertiser_id, int(link.purpose))
    stored = await add(
        session,
        replace(new, advertiser_id=scope[0], purpose=scope[1], contact_id=message.contact_id),
    )
    await confirming.confirm(session, stored, link.advertiser_id, standards)
    return stored


async def refuse_by_sms(
    session: AsyncSession, number: str, name: str, word: str, now: datetime, standards: Standards
) -> Suppression:
    """Suppresses a number that wrote a word of refusal to a sender's name, and confirms it once.

    Refused is whoever has that name, or else whoever wrote to the number last, or else everybody.
    """
    advertiser = await senders.of_address(session, Channel.SMS, name)
    advertiser = advertiser or await lookups.last_advertiser(session, Channel.SMS, number)
    new = made(
        channel=Channel.SMS,
        address=number,
        reason="unsubscribed",
        evidence=f"SMS {word} to {name[:20]} at {now.isoformat()}",
        now=now,
        actor="contact",
    )
    stored = await add(session, replace(new, advertiser_id=advertiser or NOBODY))
    await confirming.confirm(session, stored, advertiser or NOBODY, standards)
    return stored


def made(
    *, channel: Channel, address: str, reason: str, evidence: str, now: datetime, actor: str
) -> Suppression:
    """A new suppression of every advertiser and purpose, with its own id."""
    return Suppression(
        id=uuid_utils.compat.uuid7(),
        channel=channel,
        address=address,
        address_key=addresses.normalised(channel, address) or address,
        advertiser_id=NOBODY,
        purpose=0,
        reason=reason,
        evidence=evidence,
        contact_id=None,
        actor=actor,
        expires_at=None,
        created_at=now,
    )


def actor() -> str:
    """Who asks, as suppressions name it."""
    principal = context.require_principal()
    return f"{principal.kind} {principal.subject}"


async def _read(session: AsyncSession, token: str, secret: bytes) -> tuple[Link, rows.Message]:
    link = tokens.read_link(token, secret)
    if link is None:
        raise InvalidArgument("UNSUBSCRIBE_TOKEN_INVALID", "this link is not one of ours")
    message = await lookups.get(session, link.key.message_id)
    if message is None or not message.address:
        raise NotFound(
            "RESOURCE_MISSING",
            "the message of this link is no longer kept",
            resource="message",
            id=link.key.message_id,
        )
    return link, message


async def _record(session: AsyncSession, action: str, it: Suppression) -> None:
    # The address is not told: the entry names the suppression, which has it.
    after = {"reason": it.reason, "channel": it.channel.name, "evidence": it.evidence}
    await audit.record(
        session,
        action=action,
        subject_type="suppression",
        subject_id=str(it.id),
        after=after,
    )
