"""The form of a new series: what is asked for, its preview, and what is refused where."""

import re
from typing import Any

import pytest
from crm.interactions.v1 import series_service_pb2 as pb2
from flask.testing import FlaskClient

from chassis import errors
from services.gateway.web import words
from services.interactions.domain import rrule
from tests.unit.gateway.series_parts import (
    CALL,
    FIELDS,
    ZONE,
    after_order,
    answer_of_one,
    refusing,
    rule,
    series,
)
from tests.unit.gateway.web_parts import ID, sent, shown


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may do everything, and one series."""
    answer_of_one(peers)
    return signed_in


class TestForm:
    def test_a_new_one_is_weekly_from_tomorrow_at_nine(self, desk: Any) -> None:
        page = shown(desk, "/series/new")

        assert re.search(r'name="start" value="\d{4}-\d\d-\d\dT09:00"', page)
        assert '<option value="weekly" selected>' in page
        assert 'value="Asia/Ho_Chi_Minh"' in page

    def test_it_is_made_of_what_was_typed(self, desk: Any, peers: Any) -> None:
        answer = sent(desk, "/series/new", **FIELDS)

        request = peers.named("CreateSeries")[0].request
        made = request.series
        assert answer.headers["Location"] == f"/series/{ID}"
        assert made.calendar == rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO")
        assert (made.title, made.type, list(made.contact_ids)) == (FIELDS["title"], CALL, ["c1"])
        assert made.duration.seconds == 45 * 60
        assert request.request_id == ID

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ({"repeats": "daily", "interval": "1"}, "FREQ=DAILY"),
            ({"repeats": "monthly", "month_day": "-1"}, "FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=-1"),
            (
                {"repeats": "yearly", "ends": "count", "count": "3"},
                "FREQ=YEARLY;INTERVAL=2;COUNT=3",
            ),
            (
                {"ends": "until", "until": "2026-12-31"},
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;UNTIL=20261231",
            ),
            ({"repeats": "own", "rrule": " FREQ=MONTHLY;BYDAY=-1FR "}, "FREQ=MONTHLY;BYDAY=-1FR"),
        ],
    )  # fmt: skip
    def test_each_way_to_repeat(self, desk: Any, peers: Any, typed: Any, expected: str) -> None:
        sent(desk, "/series/new", **{**FIELDS, **typed})

        assert peers.named("CreateSeries")[0].request.series.calendar.rrule == expected

    def test_after_an_order(self, desk: Any, peers: Any) -> None:
        typed = {**FIELDS, "repeats": "after_order", "days": "30", "clock": "09:30", "start": ""}

        sent(desk, "/series/new", **typed)

        assert peers.named("CreateSeries")[0].request.series.after_order == after_order()

    def test_days_before_an_invoice_is_due(self, desk: Any, peers: Any) -> None:
        typed = {**FIELDS, "repeats": "invoice_due", "due_days": "-3", "clock": "09:30"}

        sent(desk, "/series/new", **typed)
        peers.answers["GetSeries"] = made = peers.named("CreateSeries")[0].request.series
        made.duration.FromSeconds(60)

        assert (made.invoice_due.days, made.invoice_due.time_of_day) == (-3, "09:30")
        assert 'name="due_days" value="-3"' in shown(desk, f"/series/{ID}/edit")
        page = sent(desk, "/series/preview", **typed).get_data(as_text=True)
        assert "3 days before an unpaid invoice is due, at 09:30, for each contact" in page

    @pytest.mark.parametrize(
        ("name", "typed"),
        [
            ("due_days", {"repeats": "invoice_due", "due_days": "-1001", "clock": "09:00"}),
            ("due_days", {"repeats": "invoice_due", "due_days": "--1", "clock": "09:00"}),
            ("start", {"start": ""}),
            ("start", {"start": "soon"}),
            ("start", {"start": "1999-01-01T09:00"}),
            ("start", {"start": "2026-05-11T09:00+07:00"}),
            ("repeats", {"repeats": "sometimes"}),
            ("interval", {"interval": "0"}),
            ("interval", {"interval": "1001"}),
            ("interval", {"interval": "²"}),
            ("month_day", {"repeats": "monthly", "month_day": "32"}),
            ("until", {"ends": "until", "until": ""}),
            ("until", {"ends": "until", "until": "2026-02-30"}),
            ("until", {"ends": "until", "until": "2026-05-10"}),
            ("count", {"ends": "count", "count": "10001"}),
            ("count", {"ends": "count", "count": ""}),
            ("duration", {"duration": "-1"}),
            ("duration", {"duration": "10081"}),
            ("days", {"repeats": "after_order", "days": "1001", "clock": "09:00"}),
            ("clock", {"repeats": "after_order", "days": "1", "clock": "25:00"}),
        ],
    )
    def test_what_cannot_be_read_is_told_at_its_input(
        self, desk: Any, peers: Any, name: str, typed: Any
    ) -> None:
        answer = sent(desk, "/series/new", **{**FIELDS, **typed})

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert re.search(rf'd-block" id="{name}-wrong">[^<]', page)
        assert "Hỏi thăm &lt;b&gt;" in page
        assert peers.named("CreateSeries") == []

    @pytest.mark.parametrize(
        ("field", "place", "repeats"),
        [
            ("title", "title", "weekly"),
            ("contact_ids[0]", "contact_ids", "weekly"),
            ("duration", "duration", "weekly"),
            ("calendar.rrule", "repeats", "weekly"),
            ("calendar.rrule", "rrule", "own"),
            ("calendar.start", "start", "weekly"),
            ("calendar.time_zone", "time_zone", "weekly"),
            ("calendar.exceptions[3]", "repeats", "weekly"),
            ("calendar", "repeats", "weekly"),
            ("after_order.days", "days", "after_order"),
            ("after_order.time_of_day", "clock", "after_order"),
            ("after_order.time_zone", "time_zone", "after_order"),
        ],
    )
    def test_what_the_service_refuses_is_told_at_its_input(
        self, desk: Any, peers: Any, field: str, place: str, repeats: str
    ) -> None:
        peers.answers["CreateSeries"] = refusing(f"series.{field}", "gives no time")
        typed = {**FIELDS, "repeats": repeats, "days": "30", "clock": "09:30"}

        answer = sent(desk, "/series/new?lang=vi", **typed)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert f'id="{place}-wrong">Không có lần nào</div>' in page

    def test_what_was_typed_stays_while_interactions_is_away(self, desk: Any, peers: Any) -> None:
        peers.answers["CreateSeries"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        answer = sent(desk, "/series/new", **FIELDS)

        assert answer.status_code == 503
        assert 'value="Hỏi thăm &lt;b&gt;"' in answer.get_data(as_text=True)


class TestFromFollowUp:
    def test_what_was_typed_is_carried_over(self, desk: Any, peers: Any) -> None:
        typed = {
            **{name: FIELDS[name] for name in ("title", "contact_ids", "assignee_ids")},
            **{"type": "meeting", "description": "Mang mẫu", "category": "Quà"},
            **{"start_time": "2026-05-13T14:00", "end_time": "2026-05-13T15:30"},
        }

        answer = sent(desk, "/series/from-follow-up", **typed)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert 'name="start" value="2026-05-13T14:00"' in page
        assert 'name="duration" value="90"' in page
        assert 'value="meeting" checked' in page
        assert 'name="contact_ids" value="c1"' in page
        assert "Mang mẫu" in page
        assert 'value="Quà"' in page
        assert peers.named("CreateSeries") == []

    def test_times_that_are_none_are_left_to_be_typed(self, desk: Any) -> None:
        answer = sent(desk, "/series/from-follow-up", start_time="soon", end_time="x", title="A")

        assert answer.status_code == 200
        assert 'value="A"' in answer.get_data(as_text=True)

    def test_the_form_of_a_follow_up_leads_here(self, desk: Any) -> None:
        assert 'formaction="/series/from-follow-up"' in shown(desk, "/follow-ups/new")


class TestPreview:
    def test_it_tells_the_next_times(self, desk: Any, peers: Any) -> None:
        page = sent(desk, "/series/preview", **FIELDS).get_data(as_text=True)

        request = peers.named("PreviewSeries")[0].request
        assert request.calendar == rule("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO")
        assert request.count == 5
        assert page.count("<li>") == 2
        assert '<div class="invalid-feedback" id="repeats-wrong" hx-swap-oob="true"></div>' in page

    def test_of_one_that_is_stored_it_leaves_out_what_is_left_out(
        self, desk: Any, peers: Any
    ) -> None:
        peers.answers["GetSeries"] = series(calendar=rule(exceptions=["2026-05-18T09:00:00"]))

        sent(desk, f"/series/preview?series={ID}", **FIELDS)

        asked = peers.named("PreviewSeries")[0].request.calendar
        assert list(asked.exceptions) == ["2026-05-18T09:00:00"]

    def test_a_refused_rule_is_told_at_its_input(self, desk: Any, peers: Any) -> None:
        peers.answers["PreviewSeries"] = refusing("calendar.rrule", "BYDAY cannot be 0")
        typed = {**FIELDS, "repeats": "own", "rrule": "FREQ=MONTHLY;BYDAY=0FR"}

        answer = sent(desk, "/series/preview?lang=vi", **typed)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 200
        assert 'id="rrule-wrong" hx-swap-oob="true">BYDAY không được là 0</div>' in page

    def test_what_cannot_be_read_is_not_asked_about(self, desk: Any, peers: Any) -> None:
        page = sent(desk, "/series/preview", **{**FIELDS, "interval": "x"}).get_data(as_text=True)

        assert 'id="interval-wrong" hx-swap-oob="true">Give a whole number from 1 to 1000' in page
        assert peers.named("PreviewSeries") == []

    def test_a_title_that_is_missing_yet_hinders_nothing(self, desk: Any) -> None:
        page = sent(desk, "/series/preview", **{**FIELDS, "title": "", "duration": "x"})

        assert "<li>" in page.get_data(as_text=True)

    def test_after_an_order_there_are_no_times(self, desk: Any, peers: Any) -> None:
        typed = {**FIELDS, "repeats": "after_order", "days": "30", "clock": "09:30"}

        page = sent(desk, "/series/preview", **typed).get_data(as_text=True)

        assert "30 days after the last order of each contact" in page
        assert peers.named("PreviewSeries") == []

    def test_a_rule_that_gives_no_more_says_so(self, desk: Any, peers: Any) -> None:
        peers.answers["PreviewSeries"] = pb2.PreviewSeriesResponse()

        page = sent(desk, "/series/preview", **FIELDS).get_data(as_text=True)

        assert "No further time." in page

    def test_while_interactions_is_away_it_says_so(self, desk: Any, peers: Any) -> None:
        peers.answers["PreviewSeries"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        answer = sent(desk, "/series/preview", **FIELDS)

        assert answer.status_code == 200
        assert "<li>" not in answer.get_data(as_text=True)


class TestReasons:
    @pytest.mark.parametrize(
        "text",
        [
            *("", "FREQ=HOURLY", "COUNT=3", "FREQ=DAILY;COUNT=1;UNTIL=20260101"),
            *("FREQ=DAILY;FREQ=DAILY", "FREQ=YEARLY;BYMONTH=13"),
            *("FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;COUNT=0", "FREQ=DAILY;UNTIL=x"),
            *("FREQ=MONTHLY;BYDAY=0MO", "FREQ=MONTHLY;BYDAY=99MO", "FREQ=WEEKLY;BYDAY=X"),
            *("FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYMONTHDAY=1", "FREQ=MONTHLY;BYMONTHDAY=32"),
            *("FREQ=MONTHLY;BYMONTHDAY=0", "FREQ=DAILY;BYWEEKNO=1", "FREQ=DAILY;BYYEARDAY=1"),
            *("FREQ=WEEKLY;BYSETPOS=1;BYDAY=MO", "FREQ=MONTHLY;BYSETPOS=1", "FREQ=WEEKLY;WKST=X"),
            *("FREQ=DAILY;BYHOUR=1,2,3,4,5,6,7,8,9", "FREQ=DAILY;BYHOUR=24"),
            *("FREQ=DAILY;DTSTART=20260101", "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO"),
        ],
    )  # fmt: skip
    def test_why_a_rule_is_refused_is_said_in_vietnamese(self, text: str) -> None:
        with pytest.raises(rrule.RuleRefused) as refused:
            rrule.read(text, ZONE)

        why = str(refused.value)
        assert words.complaint("vi", why) != words.complaint("en", why)
