"""Open leads by next step in the browser: what a row says, its orders, whose they are."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.interactions.v1 import agenda_pb2, agenda_service_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2, source_pb2, source_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from services.gateway.web import telling
from tests.unit.gateway.web_parts import AWAY, ID, PARTIAL, shown

CONTACT = "0192f3a0-0000-7000-8000-00000000000c"
STAGE = "0192f3a0-0000-7000-8000-00000000000d"
OTHER = "0192f3a0-0000-7000-8000-00000000000e"


def standing(**given: Any) -> agenda_pb2.Standing:
    """A lead with a call that ended yesterday and a visit three days ago."""
    now = datetime.now(UTC)
    made = agenda_pb2.Standing(
        **{
            "contact_id": CONTACT,
            "next_follow_up_id": ID,
            "next_follow_up_title": "Gọi <b>lại</b>",
            "last_interaction_kind": "visit",
            **given,
        }
    )
    made.next_follow_up_time.FromDatetime(now - timedelta(days=1, hours=1))
    made.next_follow_up_end_time.FromDatetime(now - timedelta(days=1))
    made.last_interaction_time.FromDatetime(now - timedelta(days=3, hours=2))
    return made


@pytest.fixture
def leads(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, and one lead that leads knows."""
    contact = contact_pb2.Contact(
        id=CONTACT,
        display_name="Đào",
        status=contact_pb2.LEAD_STATUS_QUALIFIED,
        life_stage_id=STAGE,
    )
    stage = source_pb2.LifeStage(id=STAGE, name="Báo giá")
    peers.answers.update(
        ListStandings=agenda_service_pb2.ListStandingsResponse(standings=[standing()]),
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(contacts=[contact]),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(life_stages=[stage]),
    )
    return signed_in


def said(page: str) -> str:
    """What of the rows is to be read."""
    rows = page.split("<tbody>")[1].split("</tbody>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", rows))


class TestRows:
    def test_one_says_who_what_is_next_and_when_they_were_met(self, leads: FlaskClient) -> None:
        page = shown(leads, "/next-steps")

        for text in ("Đào", "Qualified", "Báo giá", "Overdue", "Visit", "3 days ago"):
            assert text in said(page), text
        assert "Gọi &lt;b&gt;lại&lt;/b&gt;" in page
        assert f'href="/follow-ups/{ID}"' in page
        assert f'href="/contacts/{CONTACT}"' in page

    def test_one_that_has_not_ended_is_not_overdue(self, leads: FlaskClient, peers: Any) -> None:
        running = standing()
        running.next_follow_up_end_time.FromDatetime(datetime.now(UTC) + timedelta(minutes=5))
        peers.answers["ListStandings"].standings[0].CopyFrom(running)

        assert "Overdue" not in said(shown(leads, "/next-steps"))

    def test_without_a_step_or_a_meeting_both_are_said(
        self, leads: FlaskClient, peers: Any
    ) -> None:
        bare = agenda_pb2.Standing(contact_id=CONTACT)
        peers.answers["ListStandings"].standings[0].CopyFrom(bare)

        page = shown(leads, "/next-steps")

        assert "No next step" in said(page)
        assert "Never met" in said(page)
        assert "Overdue" not in said(page)
        assert f"/calls/new?contact={CONTACT}" in page

    def test_a_title_that_one_may_not_see_has_a_word_in_its_place(
        self, leads: FlaskClient, peers: Any
    ) -> None:
        hidden = standing(next_follow_up_title="")
        peers.answers["ListStandings"].standings[0].CopyFrom(hidden)

        assert "Follow-up" in said(shown(leads, "/next-steps"))

    def test_a_contact_that_leads_does_not_tell_is_named_so(
        self, leads: FlaskClient, peers: Any
    ) -> None:
        peers.answers["BatchGetContacts"] = AWAY

        page = shown(leads, "/next-steps")

        assert 'role="status"' in page
        assert "Not to be seen" in said(page)

    def test_nobody_is_said_with_what_would_be_there(self, leads: FlaskClient, peers: Any) -> None:
        peers.answers["ListStandings"] = agenda_service_pb2.ListStandingsResponse()

        assert "No open leads" in shown(leads, "/next-steps")

    def test_it_says_in_vietnamese_what_counts(self, leads: FlaskClient) -> None:
        page = shown(leads, "/next-steps?lang=vi")

        assert "3 ngày trước" in said(page)
        assert "Tin gửi cho nhiều người hoặc cho một phân khúc thì không tính." in page


class TestAsking:
    @pytest.mark.parametrize(
        ("query", "order"),
        [
            ("", agenda_pb2.STANDING_ORDER_NEXT_EARLIEST),
            ("?order=latest", agenda_pb2.STANDING_ORDER_NEXT_LATEST),
            ("?order=last", agenda_pb2.STANDING_ORDER_LAST_OLDEST),
            ("?order=nonsense", agenda_pb2.STANDING_ORDER_NEXT_EARLIEST),
        ],
    )
    def test_an_order_is_chosen_by_a_link(
        self, leads: FlaskClient, peers: Any, query: str, order: int
    ) -> None:
        page = shown(leads, f"/next-steps{query}")

        (call,) = peers.named("ListStandings")
        assert call.request.order == order
        assert page.count('aria-current="page"') == 2  # in the menu and among the orders
        assert 'href="/next-steps?order=last"' in page

    @pytest.mark.parametrize(
        ("query", "user_id", "team_id"),
        [
            ("", "u1", ""),
            ("?whose=all", "", ""),
            (f"?whose={OTHER}", OTHER, ""),
            ("?whose=team", "", "t1"),
        ],
    )
    def test_ones_own_are_listed_unless_others_are_asked_for(
        self, leads: FlaskClient, peers: Any, query: str, user_id: str, team_id: str
    ) -> None:
        peers.answers["ExchangeSession"].user.team_id = "t1"

        shown(leads, f"/next-steps{query}")

        (call,) = peers.named("ListStandings")
        assert (call.request.user_id, call.request.team_id) == (user_id, team_id)

    def test_more_is_asked_for_as_rows_alone_with_the_order_kept(
        self, leads: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListStandings"].next_page_token = "on"

        first = shown(leads, "/next-steps?order=last")
        more = shown(leads, "/next-steps?order=last&page=on", headers=PARTIAL)

        assert 'href="/next-steps?order=last&amp;page=on"' in first
        assert peers.named("ListStandings")[-1].request.page_token == "on"
        assert "<nav" not in more
        assert "Đào" in said(more)

    def test_who_is_nobody_is_refused(self, leads: FlaskClient, peers: Any) -> None:
        peers.answers["ListStandings"] = errors.InvalidArgument("FIELDS_INVALID", "no")

        shown(leads, "/next-steps?whose=x", 400)


class TestAgo:
    @pytest.mark.parametrize(
        ("seconds", "text"),
        [
            (-5, "just now"),
            (59.9, "just now"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (86_400, "1 day ago"),
            (29 * 86_400, "29 days ago"),
            (30 * 86_400, "1 month ago"),
            (364 * 86_400, "12 months ago"),
            (365 * 86_400, "1 year ago"),
            (800 * 86_400, "2 years ago"),
        ],
    )
    def test_it_is_told_in_the_largest_unit(self, seconds: float, text: str) -> None:
        assert telling.age("en", seconds) == text

    def test_it_is_told_in_vietnamese(self) -> None:
        assert telling.age("vi", 1) == "vừa xong"
        assert telling.age("vi", 86_400) == "1 ngày trước"
        assert telling.age("vi", 3 * 3_600) == "3 giờ trước"
