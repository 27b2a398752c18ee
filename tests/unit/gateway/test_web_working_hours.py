"""Working hours in the browser: shown, stored, refused, and the warning beside a form."""

from typing import Any

import pytest
from crm.interactions.v1 import calendar_service_pb2, working_hours_pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.message_parts import refused
from tests.unit.gateway.web_parts import sent, shown

TYPED = {
    "etag": "3",
    "time_zone": "Asia/Ho_Chi_Minh",
    "start_1_0": "08:00",
    "end_1_0": "12:00",
    "start_1_1": "13:30",
    "end_1_1": "17:30",
    "holidays": "2026-09-02 Quốc khánh\r\n\r\n 2026-01-01\r\n",
}


@pytest.fixture
def hours(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, and an organisation that works on Mondays with a break."""
    kept = working_hours_pb2.WorkingHours(etag="3", revision=3, time_zone="Asia/Ho_Chi_Minh")
    kept.intervals.add(weekday=1, start="08:00", end="12:00")
    kept.intervals.add(weekday=1, start="13:30", end="17:30")
    kept.holidays.add(date="2026-09-02", name="Quốc khánh <b>")
    peers.answers.update(GetWorkingHours=kept, UpdateWorkingHours=kept)
    return signed_in


def test_they_are_shown(hours: Any) -> None:
    page = shown(hours, "/working-hours?lang=vi")

    assert 'name="start_1_1" value="13:30" aria-label="Thứ Hai 2: từ"' in page
    assert "2026-09-02 Quốc khánh &lt;b&gt;" in page
    assert 'name="etag" value="3"' in page


def test_they_are_stored(hours: Any, peers: Any) -> None:
    answer = sent(hours, "/working-hours", **TYPED)

    wanted = peers.named("UpdateWorkingHours")[0].request.working_hours
    assert answer.headers["Location"] == "/working-hours"
    assert [(it.weekday, it.start, it.end) for it in wanted.intervals] == [
        (1, "08:00", "12:00"),
        (1, "13:30", "17:30"),
    ]
    assert [(it.date, it.name) for it in wanted.holidays] == [
        ("2026-09-02", "Quốc khánh"),
        ("2026-01-01", ""),
    ]
    assert (wanted.etag, wanted.team_id) == ("3", "")


def test_what_is_no_day_is_told_and_not_sent_on(hours: Any, peers: Any) -> None:
    answer = sent(hours, "/working-hours", **{**TYPED, "holidays": "Tết <b>"})

    assert answer.status_code == 400
    assert "such as 2026-09-02: Tết &lt;b&gt;" in answer.get_data(as_text=True)
    assert peers.named("UpdateWorkingHours") == []


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [
        (refused("working_hours.intervals[1].end", "before the start"), 400, "13:30"),
        (errors.Aborted("ETAG_STALE", "changed"), 412, "Load what is stored"),
    ],
)
def test_what_is_refused_keeps_what_was_typed(
    hours: Any, peers: Any, failure: errors.Error, status: int, said: str
) -> None:
    peers.answers["UpdateWorkingHours"] = failure

    answer = sent(hours, "/working-hours", **TYPED)

    page = answer.get_data(as_text=True)
    assert answer.status_code == status
    assert said in page
    assert "2026-01-01" in page


def test_a_call_outside_is_warned_of_beside_its_form(hours: Any, peers: Any) -> None:
    answer = calendar_service_pb2.CheckOverlapsResponse(
        outside=working_hours_pb2.OUTSIDE_REASON_HOLIDAY
    )
    answer.next_working_time.FromJsonString("2026-09-03T01:00:00Z")
    peers.answers["CheckOverlaps"] = answer

    part = shown(hours, "/follow-ups/overlaps?type=call&start_time=2026-09-02T09:00")

    assert "This day is a holiday" in part
    assert "3 Sep 2026, 08:00" in part
