"""A follow-up that is being sent, for tests of the pages."""

from typing import Any

from crm.interactions.v1 import (
    delivery_pb2,
    follow_up_pb2,
    follow_up_service_pb2,
)
from crm.leads.v1 import contact_pb2, contact_service_pb2, segment_pb2, segment_service_pb2
from crm.notifier.v1 import suppression_pb2, suppression_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.web_parts import ID, RUN

CONTACT = "0192f3a0-0000-7000-8000-00000000000c"
SEGMENT = "0192f3a0-0000-7000-8000-00000000000d"
PAGE = f"/follow-ups/{ID}"
F, D = follow_up_pb2, delivery_pb2


def follow_up(**more: Any) -> F.FollowUp:
    """An SMS to three, of whom one waits."""
    message = F.FollowUpMessage(
        purpose=F.MESSAGE_PURPOSE_CARE,
        advertiser_id="a1",
        sender_identity_id="s1",
        text="Chào <b>",
    )
    given = {
        "id": ID,
        "etag": "3",
        "title": "Nhắc hẹn",
        "type": F.FOLLOW_UP_TYPE_SMS,
        "status": F.FOLLOW_UP_STATUS_OPEN,
        "contact_ids": [CONTACT, ID, RUN],
        "contact_count": 3,
        "message": message,
        "progress": F.FollowUpProgress(waiting=1, sent=1200, in_doubt=1),
        **more,
    }
    made = F.FollowUp(**{name: value for name, value in given.items() if value is not None})
    made.start_time.FromSeconds(1_700_000_000)
    made.end_time.FromSeconds(1_700_001_800)
    return made


def delivery(state: str, **more: Any) -> D.FollowUpDelivery:
    """Of a state."""
    number = D.DeliveryState.Value(f"DELIVERY_STATE_{state}")
    return D.FollowUpDelivery(**{"contact_id": CONTACT, "state": number, **more})


def while_sending(browser: FlaskClient, peers: Any) -> FlaskClient:
    """A browser and a follow-up that is being sent."""
    contact = contact_pb2.Contact(
        id=CONTACT,
        display_name="Đào",
        phones=[contact_pb2.Phone(number="+84912345678")],
        emails=[contact_pb2.Email(address="dao@example.vn")],
    )
    identity = suppression_pb2.SenderIdentity(id="s1", advertiser_id="a1", display_name="MEKONG")
    peers.answers.update(
        GetFollowUp=follow_up(),
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(contacts=[contact]),
        ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(
            sender_identities=[identity]
        ),
        ListSegments=segment_service_pb2.ListSegmentsResponse(
            segments=[segment_pb2.Segment(id=SEGMENT, name="Khách cũ")]
        ),
        ListFollowUpDeliveries=follow_up_service_pb2.ListFollowUpDeliveriesResponse(),
    )
    return browser
