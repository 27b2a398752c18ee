"""Consents over gRPC, and which are in force."""

from datetime import datetime
from typing import Any

from crm.leads.v1 import consent_pb2, segment_pb2, segment_service_pb2
from crm.leads.v1 import consent_service_pb2 as pb
from crm.notifier.v1 import events_pb2 as notifier_events
from crm.notifier.v1 import suppression_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from tests.integration.leads.conftest import (
    ADVERTISER,
    Leads,
)

MARKETING, CARE, TRANSACTIONAL, CONSENT_REQUEST = range(1, 5)
SMS, EMAIL = 1, 2


def stamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


async def give(leads: Leads, contact_id: str, **fields: Any) -> consent_pb2.ConsentEntry:
    values: dict[str, Any] = {
        "advertiser_id": ADVERTISER,
        "purpose": MARKETING,
        "channel": EMAIL,
        "time": stamp(leads.clock()),
        "method": "web form",
        "evidence": "form 7",
        **fields,
    }
    entry = consent_pb2.ConsentEntry(contact_id=contact_id, **values)
    made: consent_pb2.ConsentEntry = await leads.consents.GiveConsent(
        pb.GiveConsentRequest(entry=entry)
    )
    return made


async def withdraw(leads: Leads, contact_id: str, **fields: Any) -> consent_pb2.ConsentEntry:
    request = pb.WithdrawConsentRequest(contact_id=contact_id, **{"channel": EMAIL, **fields})
    made: consent_pb2.ConsentEntry = await leads.consents.WithdrawConsent(request)
    return made


async def in_force(leads: Leads, **fields: Any) -> int:
    """How many contacts have a consent in force, as segments see it."""
    wanted: dict[str, Any] = {
        "advertiser_id": ADVERTISER,
        "purpose": MARKETING,
        "channel": EMAIL,
        **fields,
    }
    condition = segment_pb2.Condition(consent=segment_pb2.ConsentCondition(**wanted))
    request = segment_service_pb2.PreviewSegmentRequest(
        definition=segment_pb2.Group(conditions=[condition])
    )
    return int((await leads.segments.PreviewSegment(request)).count)


async def ledger(leads: Leads, contact_id: str) -> list[consent_pb2.ConsentEntry]:
    request = pb.ListConsentEntriesRequest(contact_id=contact_id)
    return list((await leads.consents.ListConsentEntries(request)).entries)


def suppression(key: str, reason: str, **fields: Any) -> bytes:
    told = notifier_events.SuppressionAdded(
        suppression=suppression_pb2.Suppression(
            **{"channel": EMAIL, "address": key, "reason": reason, **fields}
        ),
        address_key=key,
    )
    return told.SerializeToString()
