"""Suppressions, advertisers, identities and providers as callers see them."""

from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from crm.notifier.v1 import events_pb2, message_pb2, support_pb2, suppression_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.rpc import times
from services.notifier.domain.work import NOBODY, Failed
from services.notifier.storage.dossiers import Regained
from services.notifier.storage.lookups import Provider
from services.notifier.storage.rows import Message
from services.notifier.storage.senders import Advertiser, Identity
from services.notifier.storage.suppressions import Suppression


def suppression(it: Suppression) -> suppression_pb2.Suppression:
    """A suppression."""
    return suppression_pb2.Suppression(
        id=str(it.id),
        channel=message_pb2.Channel.ValueType(it.channel),
        address=it.address,
        advertiser_id="" if it.advertiser_id == NOBODY else str(it.advertiser_id),
        purpose=message_pb2.Purpose.ValueType(it.purpose),
        reason=it.reason,
        evidence=it.evidence,
        expire_time=times.out(it.expires_at),
        actor=it.actor,
        create_time=times.out(it.created_at),
        contact_id=str(it.contact_id) if it.contact_id else "",
    )


def regained(it: Regained) -> support_pb2.RegainedConsent:
    """A consent given again."""
    return support_pb2.RegainedConsent(
        channel=message_pb2.Channel.ValueType(it.channel),
        advertiser_id=str(it.advertiser_id),
        purpose=message_pb2.Purpose.ValueType(it.purpose),
        give_time=times.out(it.given_at),
        evidence=it.evidence,
    )


def suppression_added(it: Suppression) -> events_pb2.SuppressionAdded:
    """The event that an address was suppressed."""
    return events_pb2.SuppressionAdded(suppression=suppression(it), address_key=it.address_key)


def suppression_removed(it: Suppression) -> events_pb2.SuppressionRemoved:
    """The event that a suppression was lifted."""
    return events_pb2.SuppressionRemoved(suppression=suppression(it), address_key=it.address_key)


def addresses_failed(failed: Iterable[Failed]) -> events_pb2.AddressesFailed:
    """The event that nobody can be reached at some addresses."""
    return events_pb2.AddressesFailed(
        addresses=[
            events_pb2.FailedAddress(
                channel=message_pb2.Channel.ValueType(it.channel),
                address_key=it.address_key,
                reason=it.reason,
                message_id=str(it.message_id),
                time=times.out(it.at),
            )
            for it in failed
        ]
    )


def message_complained(
    it: Message, run_id: UUID, what: str, at: datetime
) -> events_pb2.MessageComplained:
    """The event that somebody called a message of a run unwanted."""
    return events_pb2.MessageComplained(
        run_id=str(run_id),
        run_date=it.key.run_date.isoformat(),
        message_id=str(it.key.message_id),
        what=what,
        time=times.out(at),
    )


def advertiser(it: Advertiser) -> suppression_pb2.Advertiser:
    """An advertiser."""
    return suppression_pb2.Advertiser(
        id=str(it.id),
        revision=it.revision,
        etag=str(it.revision),
        name=it.name,
        postal_address=it.postal_address,
        contact=it.contact,
        create_time=times.out(it.created_at),
    )


def identity(it: Identity) -> suppression_pb2.SenderIdentity:
    """A sender identity."""
    return suppression_pb2.SenderIdentity(
        id=str(it.id),
        revision=it.revision,
        etag=str(it.revision),
        advertiser_id=str(it.advertiser_id),
        channel=message_pb2.Channel.ValueType(it.channel),
        address=it.address,
        display_name=it.display_name,
        reply_to=it.reply_to,
        expire_time=times.out(it.expires_at),
        create_time=times.out(it.created_at),
    )


def provider(it: Provider) -> suppression_pb2.Provider:
    """A provider."""
    return suppression_pb2.Provider(
        name=it.name,
        channel=message_pb2.Channel.ValueType(it.channel),
        address=it.address,
        max_per_second=it.max_per_second,
        connected=it.connected,
        trouble=it.trouble,
    )


def time(stamp: Timestamp) -> datetime:
    """A time in UTC."""
    return stamp.ToDatetime(tzinfo=UTC)
