"""A follow-up that sends itself, and the peers of its form, for tests of the pages."""

import re
from typing import Any

from crm.interactions.v1 import (
    follow_up_pb2,
    follow_up_service_pb2,
)
from crm.leads.v1 import contact_pb2, contact_service_pb2, segment_pb2, segment_service_pb2
from crm.notifier.v1 import message_pb2, suppression_pb2, suppression_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import ID

FIRST = "0192f3a0-0000-7000-8000-00000000000a"
SECOND = "0192f3a0-0000-7000-8000-00000000000b"
SEGMENT = "0192f3a0-0000-7000-8000-00000000000d"
SMS, EMAIL = follow_up_pb2.FOLLOW_UP_TYPE_SMS, follow_up_pb2.FOLLOW_UP_TYPE_EMAIL
TYPED = {
    "title": "Nhắc hẹn",
    "type": "sms",
    "start_time": "2026-12-01T09:00",
    "sends": "itself",
    "to": "contacts",
    "message.advertiser_id": "a1",
    "message.sender_identity_id": "s1",
    "message.purpose": "transactional",
    "message.text": "Chào {{ given_name }}\r\nHẹn gặp",
    "message.skip_if_later": "14400",
}


def with_senders(browser: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, two contacts, a segment and a sender of each channel."""
    contacts = [
        contact_pb2.Contact(id=FIRST, display_name="Đào"),
        contact_pb2.Contact(id=SECOND, display_name="Mai <b>"),
    ]
    identities = [
        suppression_pb2.SenderIdentity(
            id="s1", advertiser_id="a1", channel=message_pb2.CHANNEL_SMS, display_name="MEKONG"
        ),
        suppression_pb2.SenderIdentity(
            id="s2", advertiser_id="a1", channel=message_pb2.CHANNEL_EMAIL, display_name="Lan"
        ),
    ]
    segment = segment_pb2.Segment(id=SEGMENT, name="Khách cũ")
    peers.answers.update(
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(contacts=contacts),
        ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(
            sender_identities=identities
        ),
        ListSegments=segment_service_pb2.ListSegmentsResponse(segments=[segment]),
        GetSegment=segment,
        PreviewSegment=segment_service_pb2.PreviewSegmentResponse(count=9, sample=contacts),
        CreateFollowUp=follow_up_pb2.FollowUp(id=ID),
        UpdateFollowUp=follow_up_pb2.FollowUp(id=ID),
        GetFollowUp=stored(),
        PreviewFollowUp=follow_up_service_pb2.PreviewFollowUpResponse(),
    )
    return browser


def stored(**more: Any) -> follow_up_pb2.FollowUp:
    """An e-mail to two, with HTML and a limit of lateness that the form does not offer."""
    made = follow_up_pb2.FollowUp(
        id=ID,
        etag="3",
        title="Thư mời",
        type=EMAIL,
        status=follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED,
        contact_ids=[FIRST, SECOND],
        contact_count=2,
        message=follow_up_pb2.FollowUpMessage(
            purpose=follow_up_pb2.MESSAGE_PURPOSE_CARE,
            advertiser_id="a1",
            sender_identity_id="s2",
            subject="Chào",
            html="<p>{{ given_name }}</p>",
            text="Chào {{ given_name }}",
        ),
        **more,
    )
    made.message.skip_if_later.FromSeconds(7200)
    made.start_time.FromSeconds(1_800_000_000)
    return made


def refused(field: str, why: str, reason: str = "FIELDS_INVALID") -> errors.Error:
    """The error for one field."""
    return errors.InvalidArgument(reason, "no", violations=[FieldViolation(field, why)])


def checked(page: str, name: str) -> list[str]:
    """The values of an input that are ticked."""
    return re.findall(rf'name="{name}" value="([^"]*)" checked', page)


def chosen(page: str, name: str) -> str:
    """The value that a select shows."""
    options = re.search(rf'name="{re.escape(name)}".*?</select>', page, re.DOTALL)
    assert options is not None
    found = re.search(r'value="([^"]*)"[^>]* selected', options.group())
    return found.group(1) if found else ""
