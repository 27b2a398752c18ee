"""Moving entries of the calendar, and the warning of overlaps."""

from datetime import UTC, datetime
from typing import Any

import pytest
from crm.interactions.v1 import calendar_service_pb2, follow_up_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.calendar_parts import MAY, MEETING, OPEN, at, entry
from tests.unit.gateway.calendar_parts import calendar as calendar
from tests.unit.gateway.web_parts import ID, PARTIAL, sent, shown


class TestMoving:
    @pytest.fixture(autouse=True)
    def _answers(self, peers: Any, calendar: Any) -> None:
        calendar(entry(at(13)))
        peers.answers["RescheduleFollowUps"] = calendar_service_pb2.RescheduleFollowUpsResponse()
        stored = follow_up_pb2.FollowUp(id=ID, title="Họp", type=MEETING, status=OPEN, etag="3")
        stored.start_time.FromDatetime(datetime(2026, 5, 13, 2, 20, tzinfo=UTC))
        peers.answers["GetFollowUp"] = stored

    def test_dropped_on_a_day_it_keeps_its_time(self, signed_in: Any, peers: Any) -> None:
        drop = {"id": ID, "etag": "3", "day": "2026-05-20"}

        answer = sent(signed_in, f"{MAY.replace('/calendar', '/calendar/move')}", **drop)

        request = peers.named("RescheduleFollowUps")[0].request
        assert (request.day, request.time_zone) == ("2026-05-20", "Asia/Ho_Chi_Minh")
        assert [(it.id, it.etag) for it in request.follow_ups] == [(ID, "3")]
        assert request.request_id
        assert answer.status_code == 200

    def test_dropped_on_an_hour_it_keeps_its_minutes(self, signed_in: Any, peers: Any) -> None:
        sent(signed_in, "/calendar/move?view=week", id=ID, etag="3", day="2026-05-14", hour="15")

        request = peers.named("RescheduleFollowUps")[0].request
        assert request.offset.seconds == 30 * 3600

    def test_what_is_refused_is_told_above_the_calendar(self, signed_in: Any, peers: Any) -> None:
        why = "its time does not exist on that day"
        peers.answers["RescheduleFollowUps"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[FieldViolation("follow_ups[0]", why)]
        )

        answer = sent(signed_in, "/calendar/move", id=ID, etag="3", day="2026-05-20")

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert "Its time does not exist on that day" in page
        assert 'id="calendar"' in page

    @pytest.mark.parametrize(
        "drop", [{"day": "x"}, {"day": ""}, {"day": "2026-05-14", "hour": "24"}], ids=str
    )
    def test_a_place_that_is_none_moves_nothing(
        self, signed_in: Any, peers: Any, drop: Any
    ) -> None:
        answer = sent(signed_in, "/calendar/move", id=ID, etag="3", **drop)

        assert answer.status_code == 400
        assert 'role="alert"' in answer.get_data(as_text=True)
        assert peers.named("RescheduleFollowUps") == []

    def test_who_does_not_drag_types_the_time(self, signed_in: Any, peers: Any) -> None:
        page = shown(signed_in, f"/calendar/{ID}/move?back=/calendar?view%3Dday")
        answer = sent(
            signed_in,
            f"/calendar/{ID}/move",
            etag="3",
            start_time="2026-05-13T10:00",
            back="/calendar?view=day",
        )

        assert 'value="2026-05-13T09:20"' in page
        assert peers.named("RescheduleFollowUps")[0].request.offset.seconds == 40 * 60
        assert answer.headers["Location"] == "/calendar?view=day"

    @pytest.mark.parametrize(
        "typed", ["", "tomorrow", "2026-13-01T10:00", "0001-01-01T00:00", "9999-12-31T23:59"]
    )
    def test_a_time_that_is_none_is_refused(self, signed_in: Any, peers: Any, typed: str) -> None:
        answer = sent(signed_in, f"/calendar/{ID}/move", etag="3", start_time=typed)

        assert answer.status_code == 400
        assert "start_time-wrong" in answer.get_data(as_text=True)
        assert peers.named("RescheduleFollowUps") == []

    def test_it_leads_back_to_ourselves_only(self, signed_in: Any) -> None:
        evil = {"start_time": "2026-05-13T10:00", "back": "https://evil.example"}

        answer = sent(signed_in, f"/calendar/{ID}/move", etag="3", **evil)

        assert answer.headers["Location"] == "/"


class TestOverlaps:
    def ask(self, http: FlaskClient, **query: str) -> str:
        answer = http.get("/follow-ups/overlaps", query_string=query, headers=PARTIAL)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def test_they_are_a_warning(self, signed_in: Any, peers: Any) -> None:
        peers.answers["CheckOverlaps"] = calendar_service_pb2.CheckOverlapsResponse(
            entries=[entry(at(13))]
        )
        plan = {"type": "call", "start_time": "2026-05-13T09:00", "assignee_ids": "u2"}

        page = self.ask(signed_in, **plan, exclude=ID)

        request = peers.last.request
        assert "At the same time as 1 others" in page
        assert "Họp &lt;b&gt;" in page
        assert (list(request.assignee_ids), request.exclude_id) == (["u2"], ID)
        assert request.start_time.ToDatetime(tzinfo=UTC) == at(13)

    @pytest.mark.parametrize(
        "plan",
        [
            {"type": "sms", "start_time": "2026-05-13T09:00"},
            {"type": "call"},
            {"type": "call", "start_time": "soon"},
            {"type": "call", "start_time": "0001-01-01T00:00"},
            {"type": "call", "start_time": "2026-05-13T09:00", "end_time": "2026-05-13T08:00"},
        ],
        ids=str,
    )
    def test_what_takes_nobodys_time_is_not_asked_about(
        self, signed_in: Any, peers: Any, plan: Any
    ) -> None:
        assert self.ask(signed_in, **plan).strip() == ""
        assert peers.named("CheckOverlaps") == []

    def test_the_form_stays_while_nobody_answers(self, signed_in: Any, peers: Any) -> None:
        peers.answers["CheckOverlaps"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        assert self.ask(signed_in, type="call", start_time="2026-05-13T09:00").strip() == ""
