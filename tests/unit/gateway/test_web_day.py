"""One's day in the browser: queues, completing from the row, planning and logging calls."""

import re
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.campaigns.v1 import campaign_service_pb2
from crm.interactions.v1 import agenda_pb2, agenda_service_pb2, follow_up_pb2, interaction_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.web import day
from tests.unit.gateway.web_parts import ID, PARTIAL

CONTACT = "0192f3a0-0000-7000-8000-00000000000c"
NOW = datetime(2026, 11, 20, 20, tzinfo=UTC)  # a Saturday at three in Vietnam


def follow_up(status: Any = follow_up_pb2.FOLLOW_UP_STATUS_OPEN, **more: Any) -> Any:
    made = follow_up_pb2.FollowUp(
        id=ID,
        etag="3",
        title="Gọi lại",
        type=day.CALL,
        status=status,
        contact_ids=[CONTACT],
        **more,
    )
    made.start_time.FromDatetime(NOW)
    return made


@pytest.fixture
def browser(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser with a session of somebody who may do everything."""
    session = session_service_pb2.ExchangeSessionResponse(
        token="of-a-person", user=user_pb2.User(id="u1", display_name="Lan", locale="en")
    )
    session.expire_time.FromSeconds(int(time.time()) + 300)
    session.rights.add(resource="*", action="*", level=user_pb2.LEVEL_ALL)
    item = agenda_pb2.QueueItem(contact_id=CONTACT, follow_up=follow_up())
    contact = contact_pb2.Contact(id=CONTACT, display_name="Đào")
    peers.answers.update(
        ExchangeSession=session,
        GetDay=agenda_service_pb2.GetDayResponse(
            overdue={"items": [item]}, today={"items": [item]}, no_next_step={"items": [item]}
        ),
        ListContacts=contact_service_pb2.ListContactsResponse(contacts=[contact]),
        ListCampaigns=campaign_service_pb2.ListCampaignsResponse(),
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(contacts=[contact]),
        GetFollowUp=follow_up(),
    )
    http.set_cookie("mekong", f"secret-{time.monotonic_ns()}")
    return http


def token(http: FlaskClient) -> str:
    page = http.get("/calls/new").get_data(as_text=True)
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    assert found is not None
    return found.group(1)


def send(http: FlaskClient, path: str, *, whole: bool = False, **fields: str) -> Any:
    typed = {"csrf_token": token(http), "request_id": ID, **fields}
    return http.post(path, data=typed, headers={} if whole else PARTIAL)


class TestToday:
    def test_each_queue_is_shown_with_a_form_in_every_row(self, browser: FlaskClient) -> None:
        page = browser.get("/").get_data(as_text=True)

        for title in ("Overdue", "Today", "No next step"):
            assert f">{title}</h2>" in page
        assert page.count(f'hx-post="/day/follow-ups/{ID}/complete"') == 2
        assert f"/calls/new?contact={CONTACT}" in page

    def test_it_is_one_call_for_oneself(self, browser: FlaskClient, peers: Any) -> None:
        browser.get("/")

        (call,) = peers.named("GetDay")
        assert (call.request.user_id, call.request.time_zone) == ("u1", "Asia/Ho_Chi_Minh")

    def test_a_queue_that_one_may_not_see_is_left_out(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetDay"] = agenda_service_pb2.GetDayResponse(no_next_step={})

        page = browser.get("/").get_data(as_text=True)

        assert "Every lead of yours has a next step." in page
        assert ">Overdue</h2>" not in page

    def test_what_is_away_is_named_and_the_rest_is_shown(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetDay"] = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="x")

        page = browser.get("/").get_data(as_text=True)

        assert 'role="status"' in page
        assert "No next step" not in page


class TestCompleting:
    def test_it_plans_the_next_call_and_shows_the_row_done(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        done = follow_up(follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED, outcome="quan tâm")
        peers.answers.update(CompleteFollowUp=done, GetFollowUp=done)

        path = f"/day/follow-ups/{ID}/complete"
        answer = send(browser, path, outcome="quan tâm", etag="3", when="tomorrow", title="Gặp")

        asked = peers.named("CompleteFollowUp")[-1].request
        assert (asked.outcome, asked.etag, asked.request_id) == ("quan tâm", "3", ID)
        assert (asked.next.title, asked.next.type) == ("Gặp", day.CALL)
        assert asked.next.HasField("start_time")
        row = answer.get_data(as_text=True)
        assert row.lstrip().startswith("<li")
        assert "quan tâm" in row
        assert "<form" not in row

    def test_without_a_time_nothing_more_is_planned(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["CompleteFollowUp"] = follow_up()

        send(browser, f"/day/follow-ups/{ID}/complete", outcome="xong", when="", title="")

        assert not peers.named("CompleteFollowUp")[-1].request.HasField("next")

    def test_what_is_refused_keeps_the_row_open_with_what_was_typed(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers["CompleteFollowUp"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[FieldViolation("next.title", "is required")]
        )

        path = f"/day/follow-ups/{ID}/complete"
        answer = send(browser, path, outcome="gọi lại sau", when="in_a_week")

        row = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert '<details class="day-done" open>' in row
        assert 'value="gọi lại sau"' in row
        assert "is-invalid" in row

    def test_a_title_without_a_time_asks_when(self, browser: FlaskClient, peers: Any) -> None:
        answer = send(browser, f"/day/follow-ups/{ID}/complete", outcome="x", title="Gặp")

        assert answer.status_code == 400
        assert "Choose when." in answer.get_data(as_text=True)
        assert not peers.named("CompleteFollowUp")

    def test_without_a_script_the_page_comes_back(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["CompleteFollowUp"] = follow_up()

        answer = send(browser, f"/day/follow-ups/{ID}/complete", whole=True, outcome="xong")

        assert (answer.status_code, answer.headers["Location"]) == (303, "/")


class TestQuickCall:
    def test_it_plans_a_call_and_refreshes_the_page(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["CreateFollowUp"] = follow_up()

        answer = send(browser, "/calls/new", contact_ids=CONTACT, when="tomorrow")

        wanted = peers.named("CreateFollowUp")[-1].request.follow_up
        assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")
        assert (wanted.title, list(wanted.contact_ids)) == ("Call", [CONTACT])

    def test_a_time_of_ones_own_wins_and_a_bad_one_is_told(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        peers.answers["CreateFollowUp"] = follow_up()

        send(
            browser,
            "/calls/new",
            contact_ids=CONTACT,
            when="tomorrow",
            start_time="2031-02-03T10:30",
        )
        start = peers.named("CreateFollowUp")[-1].request.follow_up.start_time.ToDatetime(
            tzinfo=UTC
        )
        bad = send(browser, "/calls/new", contact_ids=CONTACT, start_time="mai")

        assert start == datetime(2031, 2, 3, 3, 30, tzinfo=UTC)
        assert bad.status_code == 400
        assert 'data-chosen><div class="chosen">' in bad.get_data(as_text=True)


class TestLogging:
    def test_a_call_is_logged_with_what_was_chosen(self, browser: FlaskClient, peers: Any) -> None:
        peers.answers["CreateInteraction"] = interaction_pb2.Interaction(id=ID)

        answer = send(
            browser,
            "/interactions/new",
            contact_ids=CONTACT,
            kind="visit",
            direction="inbound",
            result="no_answer",
            minutes="12",
        )

        logged = peers.named("CreateInteraction")[-1].request.interaction
        assert answer.status_code == 204
        assert logged.kind == interaction_pb2.INTERACTION_KIND_VISIT
        assert logged.direction == interaction_pb2.INTERACTION_DIRECTION_INBOUND
        assert logged.result == interaction_pb2.INTERACTION_RESULT_NO_ANSWER
        assert (logged.contact_id, logged.duration.seconds) == (CONTACT, 720)

    def test_minutes_that_are_none_are_told(self, browser: FlaskClient, peers: Any) -> None:
        answer = send(browser, "/interactions/new", contact_ids=CONTACT, minutes="-3")

        assert answer.status_code == 400
        assert "Not a number of minutes." in answer.get_data(as_text=True)
        assert not peers.named("CreateInteraction")

    def test_a_contact_that_is_refused_is_told_beside_its_input(
        self, browser: FlaskClient, peers: Any
    ) -> None:
        violation = FieldViolation("interaction.contact_id", "is required")
        peers.answers["CreateInteraction"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[violation]
        )

        page = send(browser, "/interactions/new", kind="call").get_data(as_text=True)

        assert "contact_id-wrong" in page


class TestChoices:
    @pytest.mark.parametrize(
        ("when", "expected"),
        [
            ("tomorrow", datetime(2026, 11, 22, 2, tzinfo=UTC)),
            ("in_2_days", datetime(2026, 11, 23, 2, tzinfo=UTC)),
            ("next_monday", datetime(2026, 11, 23, 2, tzinfo=UTC)),
            ("in_a_week", datetime(2026, 11, 28, 2, tzinfo=UTC)),
            ("never", None),
        ],
    )
    def test_they_are_nine_in_the_readers_zone(self, when: str, expected: datetime | None) -> None:
        assert day.start_of(when, NOW, "Asia/Ho_Chi_Minh") == expected

    def test_nine_is_nine_across_the_change_of_clocks(self) -> None:
        saturday = datetime(2026, 3, 28, 12, tzinfo=UTC)

        assert day.start_of("tomorrow", saturday, "Europe/Berlin") == datetime(
            2026, 3, 29, 7, tzinfo=UTC
        )
