"""What leads does when others announce a fact."""

from collections.abc import Callable, Mapping
from datetime import datetime

from crm.notifier.v1 import events_pb2
from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.consumer import Event, Handler, Poison
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks
from services.leads.usecases import consents
from services.leads.usecases.consents import Suppressed

STREAM, DURABLE = "CONTROL", "leads-control"


def handlers(clock: Callable[[], datetime]) -> Mapping[str, Handler]:
    """Return what is done for each event, by its subject."""

    async def suppression_added(session: AsyncSession, event: Event) -> None:
        await consents.withdraw_suppressed(
            session, _suppressed(event.data), event_id=event.id, now=clock()
        )

    return {"crm.notifier.v1.SuppressionAdded": suppression_added}


def _suppressed(data: bytes) -> Suppressed:
    """Return what an event says; raises `Poison` when it says nothing we can read."""
    told = events_pb2.SuppressionAdded()
    try:
        told.ParseFromString(data)
    except DecodeError:
        raise Poison("EVENT_UNREADABLE") from None
    it = told.suppression
    checks = Checks()
    found = Suppressed(
        address_key=told.address_key,
        channel=checks.needed("channel", it.channel, Channel),
        advertiser_id=checks.uuid("advertiser_id", it.advertiser_id),
        purpose=checks.choice("purpose", it.purpose, Purpose),
        reason=it.reason,
        evidence=it.evidence,
    )
    if checks.violations or not told.address_key:
        raise Poison("EVENT_INVALID")
    return found
