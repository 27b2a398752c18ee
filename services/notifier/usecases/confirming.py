"""Confirms a refusal: one message without advertising, in the refusal's own transaction."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain import hours, replies
from services.notifier.domain.rulebook import ConfirmationRule
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import NOBODY
from services.notifier.storage import confirmations, partitions, senders
from services.notifier.storage.suppressions import Suppression
from services.notifier.usecases import sending
from services.notifier.usecases.gating import Standards
from services.notifier.usecases.sending import Wanted

# Who bounced, complained or was suppressed by hand refused nothing, or must not be written to.
_REFUSALS = frozenset({"unsubscribed", "withdrawn"})
_KEPT = timedelta(hours=24)
_MOST_IDENTITIES = 20


async def confirm(
    session: AsyncSession, refused: Suppression, advertiser_id: UUID, standards: Standards
) -> bool:
    """Has the refusal confirmed in the advertiser's name; False when there is nothing to send.

    Nothing is sent for what is no refusal of advertising, twice to the same address, or for an
    advertiser without an identity on that channel.
    """
    law = standards.rules.home_law(refused.channel, Purpose.MARKETING)
    is_refusal = refused.reason in _REFUSALS and refused.purpose in (0, Purpose.MARKETING)
    if not law.confirmations or not is_refusal or advertiser_id == NOBODY:
        return False
    advertiser = await senders.advertiser(session, advertiser_id)
    identity = await _identity(session, refused, advertiser_id)
    if advertiser is None or identity is None:
        return False
    if not await confirmations.first(session, refused.channel, refused.address_key, advertiser_id):
        return False
    wanted = _wanted(refused, advertiser.name, identity, law.confirmations[0], standards)
    day = refused.created_at.date()
    if await partitions.missing(session, day):
        await partitions.create(session, day)
    await sending.send(session, replace(wanted, advertiser_id=advertiser_id), refused.created_at)
    return True


async def _identity(
    session: AsyncSession, refused: Suppression, advertiser_id: UUID
) -> UUID | None:
    """The advertiser's first identity on the channel whose registration goes on."""
    found = await senders.identities(
        session,
        advertiser_id=advertiser_id,
        channel=int(refused.channel),
        after=None,
        limit=_MOST_IDENTITIES,
    )
    return next(
        (it.id for it in found if it.expires_at is None or it.expires_at > refused.created_at),
        None,
    )


def _wanted(
    refused: Suppression,
    advertiser: str,
    identity: UUID,
    rule: ConfirmationRule,
    standards: Standards,
) -> Wanted:
    zone = hours.zone(standards.default_zone)
    at = refused.created_at.astimezone(zone).strftime("%H:%M %d/%m/%Y")
    is_sms = refused.channel is Channel.SMS
    said = (rule.sms if is_sms else rule.email).format(
        advertiser=replies.plain(advertiser) if is_sms else advertiser, received=at, stops=at
    )
    request = f"refusal {refused.id} {refused.created_at.isoformat()}"
    return Wanted(
        subject="notifier",
        request_id=request,
        request_hash=hashlib.sha256(request.encode()).digest(),
        channel=refused.channel,
        purpose=Purpose.TRANSACTIONAL,
        address=refused.address,
        address_key=refused.address_key,
        advertiser_id=refused.advertiser_id,
        sender_identity_id=identity,
        title="" if is_sms else rule.subject,
        html="",
        text=said.strip(),
        contact_id=refused.contact_id,
        not_after=refused.created_at + _KEPT,
    )
