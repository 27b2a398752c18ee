"""Changing a series: all of it, or from one time on."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.series_parts import (
    FIELDS,
    LOCAL,
    TIME,
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


class TestEdit:
    def test_it_shows_what_is_stored(self, desk: Any, peers: Any) -> None:
        peers.answers["GetSeries"] = series(assignee_ids=["u1", "u2"], contact_ids=["c1", "c2"])

        page = shown(desk, f"/series/{ID}/edit")

        assert '<option value="weekly" selected>' in page
        assert 'name="weekdays" value="TH" checked' in page
        assert '<option value="count" selected>' in page
        assert 'name="count" value="10"' in page
        assert 'name="assignee_ids" value="u2"' in page
        assert 'name="contact_ids" value="c2"' in page

    def test_a_rule_without_fields_of_its_own_is_shown_as_such(self, desk: Any, peers: Any) -> None:
        peers.answers["GetSeries"] = series(calendar=rule("FREQ=MONTHLY;BYDAY=-1FR"))

        page = shown(desk, f"/series/{ID}/edit")

        assert '<option value="own" selected>' in page
        assert 'name="rrule" value="FREQ=MONTHLY;BYDAY=-1FR"' in page

    def test_one_after_an_order(self, desk: Any, peers: Any) -> None:
        peers.answers["GetSeries"] = series(after_order=after_order())

        page = shown(desk, f"/series/{ID}/edit")

        assert '<option value="after_order" selected>' in page
        assert 'name="days" value="30"' in page
        assert 'name="clock" value="09:30"' in page

    def test_only_what_changed_of_whom_is_sent(self, desk: Any, peers: Any) -> None:
        sent(desk, f"/series/{ID}/edit", **FIELDS)
        sent(desk, f"/series/{ID}/edit", **{**FIELDS, "contact_ids": "c9"})

        first, second = (it.request for it in peers.named("UpdateSeries"))
        assert "contact_ids" not in first.update_mask.paths
        assert "contact_ids" in second.update_mask.paths
        assert "calendar" in first.update_mask.paths
        assert (first.series.id, first.series.etag) == (ID, "4")

    def test_what_was_left_out_stays_left_out_at_another_time_of_day(
        self, desk: Any, peers: Any
    ) -> None:
        peers.answers["GetSeries"] = series(calendar=rule(exceptions=["2026-05-18T09:00:00"]))

        sent(desk, f"/series/{ID}/edit", **{**FIELDS, "start": "2026-05-11T10:30"})

        changed = peers.named("UpdateSeries")[0].request.series.calendar
        assert list(changed.exceptions) == ["2026-05-18T10:30:00"]

    def test_another_kind_of_rule_replaces_the_whole(self, desk: Any, peers: Any) -> None:
        typed = {**FIELDS, "repeats": "after_order", "days": "30", "clock": "09:30"}

        sent(desk, f"/series/{ID}/edit", **typed)

        request = peers.named("UpdateSeries")[0].request
        assert "after_order" in request.update_mask.paths
        assert "calendar" not in request.update_mask.paths

    def test_one_that_changed_meanwhile_is_to_be_loaded_again(self, desk: Any, peers: Any) -> None:
        peers.answers["UpdateSeries"] = errors.Aborted("ETAG_STALE", "changed")

        answer = sent(desk, f"/series/{ID}/edit", **FIELDS)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 412
        assert "Load what is stored" in page

    def test_one_that_is_gone(self, desk: Any, peers: Any) -> None:
        peers.answers["GetSeries"] = errors.NotFound("NOT_FOUND", "no", resource="series")

        shown(desk, f"/series/{ID}/edit", 404)


class TestSplit:
    def ask(self, desk: Any) -> str:
        return shown(desk, f"/series/{ID}/split?time={TIME}&start={LOCAL}")

    def later(self, **changes: str) -> dict[str, str]:
        """What is sent when nothing of when it recurs is changed, but for `changes`."""
        same = {"interval": "1", "start": LOCAL[:16], "before": LOCAL, "ends": "rest"}
        return {**FIELDS, **same, "recurrence_time": TIME, **changes}

    def send(self, desk: Any, **changes: str) -> Any:
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', self.ask(desk))
        assert token is not None
        form = {**self.later(**changes), "weekdays": ["MO", "TH"], "csrf_token": token.group(1)}
        return desk.post(f"/series/{ID}/split", data=form)

    def test_it_begins_at_that_time_and_goes_on_as_before(self, desk: Any) -> None:
        page = self.ask(desk)

        assert f'name="recurrence_time" value="{TIME}"' in page
        assert f'name="start" value="{LOCAL}"' in page
        assert '<option value="rest" selected>' in page
        assert "From 13 May 2026, 09:00 on" in page

    def test_a_rule_that_was_not_changed_goes_on(self, desk: Any, peers: Any) -> None:
        answer = self.send(desk, title="Khác")

        request = peers.named("SplitSeries")[0].request
        assert answer.headers["Location"] == f"/series/{ID}"
        assert "calendar" not in request.update_mask.paths
        assert request.series.WhichOneof("rule") is None
        assert request.series.title == "Khác"
        assert (request.id, request.etag) == (ID, "4")
        assert request.recurrence_time.ToJsonString() == TIME

    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            ({"ends": "count", "count": "10"}, "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=10"),
            ({"ends": "never"}, "FREQ=WEEKLY;BYDAY=MO,TH"),
            (
                {"interval": "2", "ends": "until", "until": "2027-01-01"},
                "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;UNTIL=20270101",
            ),
        ],
    )
    def test_a_rule_that_was_changed_replaces_the_rest(
        self, desk: Any, peers: Any, changes: Any, expected: str
    ) -> None:
        self.send(desk, **changes)

        request = peers.named("SplitSeries")[0].request
        assert "calendar" in request.update_mask.paths
        assert request.series.calendar.rrule == expected
        assert request.series.calendar.start == LOCAL

    def test_the_rest_of_a_counted_rule_is_no_end_of_another(self, desk: Any, peers: Any) -> None:
        answer = self.send(desk, start="2026-05-13T10:00")

        assert answer.status_code == 400
        assert re.search(r'd-block" id="ends-wrong">[^<]', answer.get_data(as_text=True))
        assert peers.named("SplitSeries") == []

    def test_a_time_that_is_none_is_refused(self, desk: Any, peers: Any) -> None:
        answer = self.send(desk, recurrence_time="soon")

        assert answer.status_code == 400
        assert "Give a date and a time" in answer.get_data(as_text=True)
        assert peers.named("SplitSeries") == []

    def test_what_the_service_says_of_the_time_stands_above(self, desk: Any, peers: Any) -> None:
        peers.answers["SplitSeries"] = refusing("recurrence_time", "not a time of the series")

        answer = self.send(desk)

        assert answer.status_code == 400
        assert "<p>Not a time of the series</p>" in answer.get_data(as_text=True)

    def test_an_address_without_a_time_breaks_nothing(self, desk: Any) -> None:
        assert "Change this and following" in shown(desk, f"/series/{ID}/split")
