"""What was sent to an address is put together, and who asked is noted."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from services.notifier.domain import peppering
from services.notifier.domain.states import Channel
from services.notifier.storage import dossiers, evidence, rows, suppressions
from services.notifier.storage.dossiers import FIRST, Place, Regained
from services.notifier.storage.suppressions import Suppression

_MOST_SUPPRESSIONS = 200


@dataclass(frozen=True)
class Sent:
    """A message with all that is known of it."""

    message: rows.Message
    attempts: Sequence[rows.Attempt]
    receipts: Sequence[evidence.Receipt]
    deeds: Sequence[evidence.Done]
    campaign_id: UUID | None


@dataclass(frozen=True)
class Dossier:
    """A page of what was sent; `suppressions` and `regained` are on the first alone."""

    sent: Sequence[Sent]
    suppressions: Sequence[Suppression]
    regained: Sequence[Regained]


async def look_up(
    session: AsyncSession,
    channel: Channel,
    address_key: str,
    before: Place | None,
    limit: int,
    *,
    reason: str,
    secret: bytes,
) -> Dossier:
    """Returns what was sent to an address, and leaves an audit entry in the same transaction.

    The entry's subject is a keyed hash: it finds the entries of an address, and names nobody.
    Nothing else in it does.
    """
    found = await dossiers.page(session, address_key, before or FIRST, limit)
    keys = [it.key for it in found]
    attempts = await evidence.attempts(session, keys)
    receipts = await evidence.receipts(session, keys)
    deeds = await evidence.deeds(session, keys)
    campaigns = await dossiers.campaigns(session, [it.run_id for it in found if it.run_id])
    held: Sequence[Suppression] = ()
    regained: Sequence[Regained] = ()
    if before is None:
        held = await suppressions.page(
            session,
            channel=channel,
            address_keys=peppering.known_by(secret, address_key),
            after=None,
            limit=_MOST_SUPPRESSIONS,
        )
        regained = await dossiers.regained(session, channel, address_key)
    await audit.record(
        session,
        action="support.look_up",
        subject_type="address",
        subject_id=subject(address_key, secret),
        after={
            "reason": reason,
            "messages": min(len(found), limit - 1),
            "page": "first" if before is None else "further",
        },
    )
    sent = [
        Sent(
            it,
            attempts.get(it.key.message_id, ()),
            receipts.get(it.key.message_id, ()),
            deeds.get(it.key.message_id, ()),
            campaigns.get(it.run_id) if it.run_id else None,
        )
        for it in found
    ]
    return Dossier(sent, held, regained)


def subject(address_key: str, secret: bytes) -> str:
    """What audit entries about an address name it by."""
    return hmac.new(secret, b"support\x00" + address_key.encode(), hashlib.sha256).hexdigest()[:32]
