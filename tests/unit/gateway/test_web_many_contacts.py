"""Follow-ups with many contacts, a segment or none in the lists."""

import re
from typing import Any

import pytest
from crm.campaigns.v1 import campaign_service_pb2
from crm.interactions.v1 import (
    agenda_pb2,
    agenda_service_pb2,
    calendar_pb2,
    calendar_service_pb2,
    follow_up_service_pb2,
)
from crm.leads.v1 import contact_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.delivery_parts import (
    CONTACT,
    SEGMENT,
    F,
    follow_up,
    while_sending,
)
from tests.unit.gateway.web_parts import ID, shown


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser and a follow-up that is being sent."""
    return while_sending(signed_in, peers)


ALL_KINDS = [
    ({}, "3 contacts"),
    ({"contact_ids": [], "contact_count": 0, "segment_id": SEGMENT}, "Segment Khách cũ"),
    (
        {"contact_ids": [], "contact_count": 5000, "segment_id": SEGMENT},
        "Segment Khách cũ · 5,000 contacts",
    ),
    ({"contact_ids": [], "contact_count": 0}, "Not to be seen"),
    ({"contact_ids": [CONTACT], "contact_count": 1}, "Đào"),
]


class TestLists:
    @pytest.mark.parametrize(("given", "said"), ALL_KINDS)
    def test_follow_ups_say_whom_they_are_with(
        self, http_: FlaskClient, peers: Any, given: Any, said: str
    ) -> None:
        peers.answers["ListFollowUps"] = follow_up_service_pb2.ListFollowUpsResponse(
            follow_ups=[follow_up(**given)]
        )

        cell = re.search(r'data-label="Contact">(.*?)</td>', shown(http_, "/follow-ups"))

        assert cell is not None
        assert re.sub(r"<[^>]+>", "", cell.group(1)) == said

    @pytest.mark.parametrize(("given", "said"), ALL_KINDS)
    def test_ones_day_says_whom_they_are_with_and_leaves_sending_to_them(
        self, http_: FlaskClient, peers: Any, given: Any, said: str
    ) -> None:
        made = follow_up(**given)
        only = made.contact_ids[0] if made.contact_count == 1 else ""
        item = agenda_pb2.QueueItem(contact_id=only, follow_up=made)
        peers.answers.update(
            GetDay=agenda_service_pb2.GetDayResponse(today={"items": [item]}),
            ListContacts=contact_service_pb2.ListContactsResponse(),
            ListCampaigns=campaign_service_pb2.ListCampaignsResponse(),
        )

        page = shown(http_, "/")

        assert f"· {said}" in re.sub(r"<[^>]+>", "", page)
        assert f"/day/follow-ups/{ID}/complete" not in page

    @pytest.mark.parametrize(("given", "said"), [(0, ""), (1, ""), (3, "3 contacts")])
    @pytest.mark.parametrize("view", ["month", "week", "day"])
    def test_the_calendar_counts_many(
        self, http_: FlaskClient, peers: Any, view: str, given: int, said: str
    ) -> None:
        entry = calendar_pb2.CalendarEntry(
            id=ID, title="Nhắc hẹn", type=F.FOLLOW_UP_TYPE_SMS, status=F.FOLLOW_UP_STATUS_OPEN
        )
        entry.contact_count = given
        entry.start_time.FromSeconds(1_778_637_600)
        entry.end_time.FromSeconds(1_778_639_400)
        peers.answers["ListCalendar"] = calendar_service_pb2.ListCalendarResponse(entries=[entry])

        page = shown(http_, f"/calendar?date=2026-05-13&view={view}")

        assert "Nhắc hẹn" in page
        assert ("contacts" in re.sub(r"<nav.*?</nav>|<[^>]+>", "", page)) is bool(said)
