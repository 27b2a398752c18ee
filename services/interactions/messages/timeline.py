"""A contact's story in its protobuf form, and the facts that events tell."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from crm.campaigns.v1 import run_pb2, template_pb2
from crm.interactions.v1 import note_pb2
from crm.leads.v1 import consent_pb2, contact_pb2, events_pb2, transaction_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.rpc import times
from services.interactions.domain.timeline import Entry, Fact, Imported, Kind, Message, fact_id


def out(entry: Entry) -> note_pb2.TimelineEntry:
    """Returns one line of the story."""
    return note_pb2.TimelineEntry(
        id=str(entry.id),
        time=times.out(entry.time),
        kind=entry.kind.value,
        resource_id=entry.resource_id,
        actor=entry.actor,
        details={name: value for name, value in entry.details.items() if value},
    )


def created(told: events_pb2.ContactCreated, time: datetime, version: str) -> Fact:
    """Returns the fact that a contact came to be."""
    contact = told.contact
    details = {"source": contact.source_id}
    at = _time(contact.create_time, time)
    return _fact(Kind.CONTACT_CREATED, contact.id, contact.id, at, version, details=details)


def imported(told: events_pb2.ContactsImported, time: datetime, version: str) -> Imported:
    """Returns the fact that contacts came or changed by an import."""
    entry = Entry(
        id=fact_id(Kind.CONTACT_IMPORTED, told.import_id),
        time=time,
        kind=Kind.CONTACT_IMPORTED,
        resource_id=told.import_id,
    )
    created, updated = (
        frozenset(UUID(it.id) for it in told.contacts if it.created is is_new)
        for is_new in (True, False)
    )
    return Imported(entry, version, created, updated)


def stage_changed(told: events_pb2.ContactStageChanged, time: datetime, version: str) -> Fact:
    """Returns the fact that a contact moved."""
    change = told.change
    return _fact(
        Kind.STAGE_CHANGED,
        change.contact_id or told.contact.id,
        change.id,
        _time(change.time, time),
        version,
        actor=change.actor,
        details={
            "from": change.from_life_stage_id,
            "to": change.to_life_stage_id,
            "from_status": _name(contact_pb2.LeadStatus, change.from_status, "LEAD_STATUS_"),
            "to_status": _name(contact_pb2.LeadStatus, change.to_status, "LEAD_STATUS_"),
            "reason": change.reason,
        },
    )


def converted(told: events_pb2.ContactConverted, time: datetime, version: str) -> Fact:
    """Returns the fact that a lead became a customer."""
    contact = told.contact
    at = _time(contact.convert_time, time)
    details = {"by": told.by}
    return _fact(Kind.CONVERTED, contact.id, contact.id, at, version, details=details)


def transactions(told: events_pb2.TransactionsIngested, time: datetime, version: str) -> list[Fact]:
    """Returns a fact for every transaction of a known contact."""
    return [
        _fact(
            Kind.TRANSACTION,
            each.contact_id,
            each.id,
            _time(each.time, time),
            version,
            actor=each.system,
            details={
                "type": _name(transaction_pb2.TransactionType, each.type, "TRANSACTION_TYPE_"),
                "amount": str(each.amount),
                "currency": each.currency,
                "external_id": each.external_id,
                "shop": each.shop,
                "status": each.status,
                "due_date": each.due_date,
                "paid_time": each.paid_time.ToJsonString() if each.HasField("paid_time") else "",
            },
        )
        for each in told.transactions
        if each.contact_id
    ]


def consent(entry: consent_pb2.ConsentEntry, kind: Kind, time: datetime, version: str) -> Fact:
    """Returns the fact that a person agreed or withdrew."""
    at = _time(entry.time, _time(entry.record_time, time))
    details = {
        "channel": _name(contact_pb2.Channel, entry.channel, "CHANNEL_"),
        "purpose": _name(contact_pb2.Purpose, entry.purpose, "PURPOSE_"),
        "advertiser": entry.advertiser_id,
        "method": entry.method,
    }
    return _fact(kind, entry.contact_id, entry.id, at, version, actor=entry.actor, details=details)


def message(told: run_pb2.Recipient) -> Message:
    """Returns what a run had for a contact; one that was excluded has no message id."""
    channel = _name(template_pb2.Channel, told.channel, "CHANNEL_")
    key = f"{told.run_id}/{channel}/{told.message_id}"
    details = {
        "campaign": told.campaign_name,
        "campaign_id": told.campaign_id,
        "channel": channel,
        "state": _name(run_pb2.RecipientState, told.state, "RECIPIENT_STATE_"),
        "reason": told.reason,
    }
    entry = Entry(
        id=UUID(told.message_id) if told.message_id else fact_id(Kind.MESSAGE, key),
        time=told.update_time.ToDatetime(tzinfo=UTC),
        kind=Kind.MESSAGE,
        resource_id=told.run_id,
        actor="campaigns",
        details=details,
    )
    return Message(key, entry)


def _fact(
    kind: Kind,
    contact_id: str,
    resource_id: str,
    time: datetime,
    version: str,
    *,
    actor: str = "",
    details: Mapping[str, str],
) -> Fact:
    entry = Entry(
        id=fact_id(kind, resource_id),
        time=time,
        kind=kind,
        resource_id=resource_id,
        actor=actor,
        details={name: value for name, value in details.items() if value},
    )
    return Fact(UUID(contact_id), entry, version)


def _time(given: Timestamp, otherwise: datetime) -> datetime:
    return times.read(given) or otherwise


def _name(enum: Any, number: int, prefix: str) -> str:
    """Returns an enum's value as people write it; empty for one that is not said or known."""
    if not number or number not in enum.values():
        return ""
    name: str = enum.Name(number)
    return name.removeprefix(prefix).lower()
