"""The pages of series: the list, one of them, and what is done with it."""

from datetime import timedelta
from typing import Any

import pytest
from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2, series_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.series_parts import (
    CALL,
    NEXT,
    PAUSED,
    TIME,
    after_order,
    answer_of_one,
    refusing,
    rule,
    series,
)
from tests.unit.gateway.web_parts import ID, PARTIAL, sent, shown


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may do everything, and one series."""
    answer_of_one(peers)
    return signed_in


class TestList:
    def test_it_tells_what_recurs_when_and_when_next(self, desk: Any, peers: Any) -> None:
        page = shown(desk, "/series")

        assert "Hỏi thăm &lt;b&gt;" in page
        assert "Every week on Monday, Thursday, at 09:00, 10 times in all" in page
        assert "Active" in page
        assert f"{NEXT + timedelta(hours=7):%H:%M}" in page
        assert peers.named("ListSeries")[0].request.assignee_id == "u1"

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("FREQ=DAILY", "Every day, at 09:00"),
            ("FREQ=DAILY;INTERVAL=3", "Every 3 days, at 09:00"),
            ("FREQ=WEEKLY", "Every week on Monday, at 09:00"),
            ("FREQ=MONTHLY", "Every month on day 11, at 09:00"),
            ("FREQ=MONTHLY;BYMONTHDAY=-1;INTERVAL=2", "Every 2 months on the last day, at 09:00"),
            ("FREQ=YEARLY;UNTIL=20300101", "Every year on 11 May, at 09:00, until 1 Jan 2030"),
            ("FREQ=MONTHLY;BYDAY=-1FR", "By the rule FREQ=MONTHLY;BYDAY=-1FR"),
        ],
    )
    def test_when_it_recurs_is_said_in_words(
        self, desk: Any, peers: Any, text: str, said: str
    ) -> None:
        peers.answers["ListSeries"] = pb2.ListSeriesResponse(series=[series(calendar=rule(text))])

        assert f">{said}</td>" in shown(desk, "/series")

    def test_words_are_the_readers(self, desk: Any) -> None:
        page = shown(desk, "/series?lang=vi")

        assert "Hằng tuần vào Thứ Hai, Thứ Năm, lúc 09:00, tổng cộng 10 lần" in page

    def test_a_zone_that_is_not_the_readers_is_named(self, desk: Any, peers: Any) -> None:
        berlin = series(calendar=rule("FREQ=DAILY", time_zone="Europe/Berlin"))
        peers.answers["ListSeries"] = pb2.ListSeriesResponse(series=[berlin])

        assert "Every day, at 09:00 (Europe/Berlin)" in shown(desk, "/series")

    def test_one_after_an_order_has_no_time_of_its_own(self, desk: Any, peers: Any) -> None:
        found = [series(after_order=after_order()), series(state=PAUSED)]
        peers.answers["ListSeries"] = pb2.ListSeriesResponse(series=found)

        page = shown(desk, "/series")

        assert "30 days after the last order, at 09:30" in page
        assert peers.named("PreviewSeries") == []

    @pytest.mark.parametrize(
        ("query", "assignee", "contact"),
        [("whose=all", "", ""), ("whose=u2", "u2", ""), (f"contact={ID}", "", ID)],
    )
    def test_whose(self, desk: Any, peers: Any, query: str, assignee: str, contact: str) -> None:
        shown(desk, f"/series?{query}", headers=PARTIAL)

        request = peers.named("ListSeries")[0].request
        assert (request.assignee_id, request.contact_id) == (assignee, contact)

    def test_none_says_what_to_do(self, desk: Any, peers: Any) -> None:
        peers.answers["ListSeries"] = pb2.ListSeriesResponse()

        assert "Nothing recurs here" in shown(desk, "/series")

    def test_without_an_answer_about_times_the_list_is_there(self, desk: Any, peers: Any) -> None:
        peers.answers["PreviewSeries"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        assert "Hỏi thăm" in shown(desk, "/series")

    def test_while_interactions_is_away_it_says_so(self, desk: Any, peers: Any) -> None:
        peers.answers["ListSeries"] = errors.Unavailable("PEER_UNAVAILABLE", "away")

        assert "does not answer" in shown(desk, "/series", 503)


class TestOne:
    def test_it_tells_its_next_times_to_come(self, desk: Any, peers: Any) -> None:
        page = shown(desk, f"/series/{ID}")

        assert page.count("Change this and following") == 1  # what has passed is left out
        assert f"/series/{ID}/split?time=" in page
        assert "Every week on Monday, Thursday" in page
        assert "45 minutes" in page

    def test_it_tells_what_is_left_out_and_where_it_goes_on_from(
        self, desk: Any, peers: Any
    ) -> None:
        peers.answers["GetSeries"] = series(
            calendar=rule(exceptions=["2026-05-18T09:00:00"]), previous_series_id=ID
        )

        page = shown(desk, f"/series/{ID}")

        assert "18 May 2026 09:00" in page
        assert "Goes on from" in page

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"state": PAUSED}, "nothing is planned until you resume it"),
            ({"state": series_pb2.SERIES_STATE_ENDED}, "No further time."),
            ({"after_order": after_order()}, "Counted for each contact from its own last order"),
        ],
    )
    def test_one_without_times_says_why(
        self, desk: Any, peers: Any, changes: Any, said: str
    ) -> None:
        peers.answers["GetSeries"] = series(**changes)

        assert said in shown(desk, f"/series/{ID}")

    @pytest.mark.parametrize(
        ("deed", "method"),
        [("pause", "PauseSeries"), ("resume", "ResumeSeries"), ("skip", "SkipOccurrence")],
    )
    def test_it_is_paused_resumed_and_one_time_skipped(
        self, desk: Any, peers: Any, deed: str, method: str
    ) -> None:
        answer = sent(desk, f"/series/{ID}/{deed}", etag="4", time=TIME)

        request = peers.named(method)[0].request
        assert answer.headers["Location"] == f"/series/{ID}"
        assert (request.id, request.etag) == (ID, "4")

    def test_the_time_to_skip_is_sent(self, desk: Any, peers: Any) -> None:
        sent(desk, f"/series/{ID}/skip", etag="4", time=TIME)

        asked = peers.named("SkipOccurrence")[0].request.recurrence_time
        assert asked.ToJsonString() == TIME

    def test_it_is_deleted(self, desk: Any, peers: Any) -> None:
        answer = sent(desk, f"/series/{ID}/delete", etag="4")

        assert answer.headers["Location"] == "/series"
        assert peers.named("DeleteSeries")[0].request.etag == "4"
        assert "handed over" not in shown(desk, "/series?lang=en")

    def test_what_had_been_handed_over_before_is_told(self, desk: Any, peers: Any) -> None:
        peers.answers["DeleteSeries"] = pb2.DeleteSeriesResponse(handed_over_count=1_200)

        sent(desk, f"/series/{ID}/delete", etag="4")

        page = shown(desk, "/series?lang=en")
        assert "Messages that had been handed over before and go out: 1,200" in page

    @pytest.mark.parametrize(
        ("deed", "method"),
        [
            ("pause", "PauseSeries"),
            ("resume", "ResumeSeries"),
            ("skip", "SkipOccurrence"),
            ("delete", "DeleteSeries"),
        ],
    )
    def test_one_that_changed_meanwhile_is_shown_as_it_is(
        self, desk: Any, peers: Any, deed: str, method: str
    ) -> None:
        peers.answers[method] = errors.Aborted("ETAG_STALE", "changed")

        answer = sent(desk, f"/series/{ID}/{deed}", etag="3", time=TIME)

        assert answer.status_code == 412
        assert "You see what is stored now" in answer.get_data(as_text=True)

    def test_a_time_that_is_none_is_not_skipped(self, desk: Any, peers: Any) -> None:
        answer = sent(desk, f"/series/{ID}/skip", etag="4", time="soon")

        assert answer.status_code == 400
        assert peers.named("SkipOccurrence") == []

    def test_what_the_service_says_of_the_time_is_told(self, desk: Any, peers: Any) -> None:
        peers.answers["SkipOccurrence"] = refusing("recurrence_time", "not a time of the series")

        answer = sent(desk, f"/series/{ID}/skip?lang=vi", etag="4", time=TIME)

        assert "<p>Không phải một lần của lịch này</p>" in answer.get_data(as_text=True)


class TestOccurrence:
    @pytest.fixture(autouse=True)
    def _occurrence(self, desk: Any, peers: Any) -> None:
        stored = follow_up_pb2.FollowUp(id=ID, title="Gọi", type=CALL, series_id=ID)
        reminded = follow_up_service_pb2.ListContactRemindersResponse()
        peers.answers.update(GetFollowUp=stored, ListContactReminders=reminded)

    def test_it_names_its_series(self, desk: Any) -> None:
        page = shown(desk, f"/follow-ups/{ID}")

        assert f'<a href="/series/{ID}">Hỏi thăm &lt;b&gt;</a>' in page

    def test_one_that_was_deleted_is_said_to_be(self, desk: Any, peers: Any) -> None:
        peers.answers["GetSeries"] = errors.NotFound("NOT_FOUND", "no", resource="series")

        assert "A series that was deleted" in shown(desk, f"/follow-ups/{ID}")

    def test_a_follow_up_of_its_own_asks_for_none(self, desk: Any, peers: Any) -> None:
        peers.answers["GetFollowUp"] = follow_up_pb2.FollowUp(id=ID, title="Gọi", type=CALL)

        shown(desk, f"/follow-ups/{ID}")

        assert peers.named("GetSeries") == []
