"""The calendar's page: what it asks for and what it shows; one's feeds, and invitations."""

import re
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crm.interactions.v1 import calendar_service_pb2, feed_pb2, feed_service_pb2, follow_up_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from google.protobuf import empty_pb2

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.web import calendar_days
from tests.unit.gateway.calendar_parts import CALL, MAY, MEETING, at, entry
from tests.unit.gateway.calendar_parts import calendar as calendar
from tests.unit.gateway.web_parts import ID, sent, shown

SAIGON = ZoneInfo("Asia/Ho_Chi_Minh")
BERLIN = ZoneInfo("Europe/Berlin")
COMPLETED = follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED


class TestDays:
    def test_a_month_is_shown_in_whole_weeks_from_monday(self) -> None:
        days = calendar_days.days_of("month", date(2026, 5, 13))

        assert (days[0], days[-1]) == (date(2026, 4, 27), date(2026, 5, 31))
        assert len(calendar_days.days_of("month", date(2026, 8, 1))) == 42
        assert len(calendar_days.days_of("month", date(2027, 2, 1))) == 28

    @pytest.mark.parametrize(
        ("view", "chosen", "pages", "expected"),
        [
            ("month", date(2026, 1, 31), 1, date(2026, 2, 1)),
            ("month", date(2026, 1, 31), -1, date(2025, 12, 1)),
            ("week", date(2026, 5, 13), 1, date(2026, 5, 20)),
            ("day", date(2026, 2, 28), 1, date(2026, 3, 1)),
            ("day", calendar_days.EARLIEST, -1, calendar_days.EARLIEST),
            ("month", calendar_days.LATEST, 1, calendar_days.LATEST),
        ],
    )
    def test_turning_a_page(self, view: Any, chosen: date, pages: int, expected: date) -> None:
        assert calendar_days.turned(view, chosen, pages) == expected

    def test_a_day_has_as_many_hours_as_its_zone_gives_it(self) -> None:
        start, end = calendar_days.bounds([date(2026, 3, 29)], BERLIN)

        assert (end - start).total_seconds() == 23 * 3600

    def test_what_lasts_for_days_lies_on_each_and_begins_on_one(self) -> None:
        days = [date(2026, 5, day) for day in (11, 12, 13, 14)]
        # From 23:00 on the 11th to midnight after the 13th, in Vietnam.
        long = entry(at(11, 16), at(13, 17))

        laid = calendar_days.laid_out(days, [long], SAIGON, date(2026, 5, 12), None)

        assert [[it.begins for it in day.placed] for day in laid] == [[True], [False], [False], []]
        assert [day.today for day in laid] == [False, True, False, False]

    def test_hours_are_those_of_work_and_what_lies_outside(self) -> None:
        days = [date(2026, 5, 13)]
        early = entry(at(12, 22), at(12, 23))  # five in the morning of the 13th
        laid = calendar_days.laid_out(days, [early], SAIGON, days[0], None)

        assert calendar_days.hours(laid) == range(5, 18)
        assert calendar_days.hours([]) == range(8, 18)

    def test_a_local_time_that_the_clocks_leave_out_is_none(self) -> None:
        assert calendar_days.local_start(date(2026, 3, 29), 2, 30, BERLIN) is None
        twice = calendar_days.local_start(date(2026, 10, 25), 2, 30, BERLIN)
        assert twice == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


class TestPage:
    def test_a_month_of_ones_own_is_asked_for(self, calendar: Any, peers: Any) -> None:
        http = calendar()

        shown(http, MAY)

        request = peers.named("ListCalendar")[0].request
        assert list(request.assignee_ids) == ["u1"]
        assert request.range_start.ToDatetime(tzinfo=UTC) == at(26, 17, 4)
        assert request.range_end.ToDatetime(tzinfo=UTC) == at(31, 17)

    @pytest.mark.parametrize(
        ("query", "assignees", "types"),
        [
            ("whose=all", [], []),
            ("whose=u2&type=meeting", ["u2"], [MEETING]),
            ("whose=team&type=nonsense", ["u1"], []),  # who has no team
        ],
    )
    def test_whose_and_which(
        self, calendar: Any, peers: Any, query: str, assignees: Any, types: Any
    ) -> None:
        shown(calendar(), f"{MAY}&{query}")

        request = peers.named("ListCalendar")[0].request
        assert (list(request.assignee_ids), list(request.types)) == (assignees, types)

    def test_an_entry_tells_time_type_title_and_contact(self, calendar: Any, peers: Any) -> None:
        contacts = contact_service_pb2.BatchGetContactsResponse(
            contacts=[contact_pb2.Contact(id="c1", display_name="Đào Hoa")]
        )
        peers.answers["BatchGetContacts"] = contacts

        page = shown(calendar(entry(at(13), contact_ids=["c1"])), MAY)

        assert "09:00" in page
        assert '<span class="cal-type">Meeting</span>' in page
        assert "Họp &lt;b&gt; · Đào Hoa" in page
        assert 'draggable="true"' in page

    def test_a_closed_one_is_said_to_be_and_cannot_be_dragged(self, calendar: Any) -> None:
        page = shown(calendar(entry(at(13), status=COMPLETED)), MAY)

        assert "draggable" not in page
        assert '<span class="visually-hidden">Completed</span>' in page

    def test_a_full_day_leads_to_its_own_page(self, calendar: Any) -> None:
        page = shown(calendar(*[entry(at(13)) for _ in range(6)]), MAY)

        assert "2 more" in page
        assert "/calendar?view=day&amp;date=2026-05-13" in page

    @pytest.mark.parametrize("view", ["week", "day"])
    def test_a_week_and_a_day_have_hours(self, calendar: Any, view: str) -> None:
        page = shown(calendar(entry(at(13))), f"{MAY}&view={view}")

        assert re.search(r'data-day="2026-05-13" data-hour="9">\s*<a class="cal-entry', page)

    @pytest.mark.parametrize("query", ["view=x", "date=2026-13-01", "date=0001-01-01", "date="])
    def test_an_address_that_makes_no_sense_shows_this_month(
        self, calendar: Any, query: str
    ) -> None:
        page = shown(calendar(), f"/calendar?{query}")

        assert f'data-day="{datetime.now(SAIGON).date()}"' in page
        assert "cal-month" in page

    def test_that_not_all_is_shown_is_said(self, calendar: Any) -> None:
        assert "Only the first 1,000 are shown" in shown(calendar(next_page_token="x"), MAY)

    def test_while_interactions_is_away_it_says_so(self, signed_in: Any, peers: Any) -> None:
        peers.answers["ListCalendar"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        assert "does not answer" in shown(signed_in, MAY, 503)


class TestFeeds:
    @pytest.fixture(autouse=True)
    def _answers(self, peers: Any) -> None:
        feed = feed_pb2.Feed(id=ID, name="Máy <b>", types=[CALL])
        feed.create_time.FromDatetime(at(13))
        peers.answers.update(
            ListFeeds=feed_service_pb2.ListFeedsResponse(feeds=[feed]),
            CreateFeed=feed_service_pb2.CreateFeedResponse(feed=feed, path="/calendar/s3cret.ics"),
            RevokeFeed=empty_pb2.Empty(),
        )

    def test_the_address_is_shown_when_it_is_made_and_never_again(
        self, signed_in: Any, peers: Any
    ) -> None:
        answer = sent(signed_in, "/account/feeds", name="Máy", types="call")
        later = shown(signed_in, "/account/feeds")

        page = answer.get_data(as_text=True)
        assert 'value="http://localhost/calendar/s3cret.ics"' in page
        assert answer.headers["Cache-Control"] == "no-store"
        assert "s3cret" not in later
        assert "Máy &lt;b&gt;" in later
        request = peers.named("CreateFeed")[0].request
        assert (request.feed.name, list(request.feed.types)) == ("Máy", [CALL])

    def test_a_name_that_is_refused_is_told_beside_it(self, signed_in: Any, peers: Any) -> None:
        peers.answers["CreateFeed"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[FieldViolation("feed.name", "is required")]
        )

        answer = sent(signed_in, "/account/feeds", name="")

        assert answer.status_code == 400
        assert 'id="name-wrong"' in answer.get_data(as_text=True)

    def test_it_is_revoked(self, signed_in: Any, peers: Any) -> None:
        answer = sent(signed_in, f"/account/feeds/{ID}/revoke")

        assert answer.headers["Location"] == "/account/feeds"
        assert peers.named("RevokeFeed")[0].request.id == ID


class TestInvitation:
    def test_it_is_in_the_name_of_who_asks(self, signed_in: Any, peers: Any) -> None:
        peers.answers["GetInvitation"] = calendar_service_pb2.Invitation(ics="X", method="REQUEST")

        answer = signed_in.get(f"/follow-ups/{ID}/invitation.ics")

        assert answer.headers["Content-Type"].startswith("text/calendar")
        assert peers.last.request.organizer_name == "Lan"
