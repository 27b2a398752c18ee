"""What leads does when others announce a fact."""

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from crm.notifier.v1 import events_pb2
from google.protobuf.message import DecodeError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import InvalidArgument
from chassis.events.consumer import Event, Handler, Poison
from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.fields import Checks
from services.leads.messages import values
from services.leads.usecases import addresses, consents
from services.leads.usecases.addresses import Failure
from services.leads.usecases.consents import Suppressed

STREAM, DURABLE = "CONTROL", "leads-control"
FACTS, ADDRESSES = "FACTS", "leads-addresses"

log = structlog.get_logger(__name__)


def handlers(clock: Callable[[], datetime]) -> Mapping[str, Handler]:
    """Return what is done for each event, by its subject."""

    async def suppression_added(session: AsyncSession, event: Event) -> None:
        await consents.withdraw_suppressed(
            session, _suppressed(event.data), event_id=event.id, now=clock()
        )

    return {"crm.notifier.v1.SuppressionAdded": suppression_added}


def facts(clock: Callable[[], datetime]) -> Mapping[str, Handler]:
    """Return what is done for each event of lesser haste, by its subject."""

    async def addresses_failed(session: AsyncSession, event: Event) -> None:
        changed = await addresses.fail(session, _failures(event.data), now=clock())
        log.info("addresses_failed", contacts=changed)

    return {"crm.notifier.v1.AddressesFailed": addresses_failed}


def _failures(data: bytes) -> list[Failure]:
    """Return what an event says; raises `Poison` when it says nothing we can read."""
    told = events_pb2.AddressesFailed()
    try:
        told.ParseFromString(data)
    except DecodeError:
        raise Poison("EVENT_UNREADABLE") from None
    checks = Checks()
    try:
        found = [
            Failure(
                channel=checks.needed("channel", it.channel, Channel),
                address_key=it.address_key,
                reason=it.reason,
                time=checks.time("time", values.moment(it, "time")),
            )
            for it in told.addresses
        ]
    except InvalidArgument:
        raise Poison("EVENT_INVALID") from None
    if checks.violations or not all(it.address_key for it in found):
        raise Poison("EVENT_INVALID")
    return found


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
