"""iCalendar as RFC 5545 wants it, read by rules written here, not by the library that wrote it."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import vobject

from services.interactions.domain import feeds, ics, recurrence
from services.interactions.domain.calendar import Entry
from services.interactions.domain.follow_ups import Status, Type

ID, CONTACT = UUID(int=7), UUID(int=8)
START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # half an hour before Berlin's clocks change
CHANGED = datetime(2026, 3, 1, 2, 3, 4, 567, tzinfo=UTC)
HARD = 'Họp, "khách"; a\\b: Nguyễn 👩‍👩‍👧 ' + "Đặng Thị Hồng Ánh " * 20 + "\r\ndòng hai\rba\x07\x0b"

_LINE = re.compile(r"([A-Z0-9-]+)((?:;[A-Z0-9-]+=(?:\"[^\"]*\"|[^\";:,]*))*):(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\;,nN])")


def entry(**changed: Any) -> Entry:
    made = Entry(
        id=ID,
        revision=3,
        title="Gọi lại",
        type=Type.MEETING,
        status=Status.OPEN,
        start_time=START,
        end_time=START + timedelta(hours=1),
        time_zone="Europe/Berlin",
        contact_id=CONTACT,
        contact_count=1,
        assignee_ids=(),
        series_id=None,
        update_time=CHANGED,
    )
    return replace(made, **changed)


def feed(*entries: Entry, name: str = "Điện thoại", contacts: Any = None) -> bytes:
    return ics.feed(name, entries, contacts or {})


def lines(made: bytes) -> list[str]:
    """The logical lines; every physical one is checked on the way."""
    assert made.endswith(b"\r\n")
    physical = made[:-2].split(b"\r\n")
    for line in physical:
        assert len(line) <= 75, line
        assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", line), line
        line.decode()  # no fold within a letter
    whole: list[str] = []
    for line in physical:
        if line.startswith((b" ", b"\t")):
            whole[-1] += line[1:].decode()
        else:
            whole.append(line.decode())
    return whole


def properties(made: bytes) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The calendar's own properties and those of each event; parameters stay with the value."""
    own: dict[str, str] = {}
    events: list[dict[str, str]] = []
    into, open_parts = own, []
    for line in lines(made):
        found = _LINE.fullmatch(line)
        assert found is not None, line
        name, parameters, value = found.groups()
        if name == "BEGIN":
            open_parts.append(value)
            if value == "VEVENT":
                into = {}
                events.append(into)
        elif name == "END":
            assert open_parts.pop() == value
            into = own
        else:
            assert name not in into, f"{name} twice"
            into[name] = parameters + value
    assert open_parts == []
    return own, events


def text(value: str) -> str:
    """The text that was meant."""
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", value), value
    return _ESCAPED.sub(lambda it: "\n" if it[1] in "nN" else it[1], value)


class TestFeed:
    def test_the_calendar_says_what_it_is_and_when_to_come_again(self) -> None:
        own, events = properties(feed())

        assert (own["VERSION"], own["CALSCALE"]) == ("2.0", "GREGORIAN")
        assert own["PRODID"]
        assert "METHOD" not in own
        assert text(own["X-WR-CALNAME"]) == text(own["NAME"]) == "Điện thoại"
        assert own["REFRESH-INTERVAL"] == ";VALUE=DURATIONPT1H"
        assert own["X-PUBLISHED-TTL"] == "PT1H"
        assert events == []

    def test_an_event_has_what_is_required_and_nothing_more(self) -> None:
        _, (event,) = properties(feed(entry()))

        assert event == {
            "UID": f"{ID}@follow-ups.mekong",
            "DTSTAMP": "20260301T020304Z",
            "LAST-MODIFIED": "20260301T020304Z",
            "DTSTART": "20260329T003000Z",
            "DTEND": "20260329T013000Z",
            "SEQUENCE": "3",
            "SUMMARY": "Gọi lại",
            "STATUS": "CONFIRMED",
            "CATEGORIES": "MEETING",
            "TRANSP": "OPAQUE",
        }

    def test_texts_are_escaped_folded_and_come_back_whole(self) -> None:
        own, (event,) = properties(feed(entry(title=HARD), name="a;b,c\\d\ne"))

        assert text(own["NAME"]) == text(own["X-WR-CALNAME"]) == "a;b,c\\d\ne"
        assert text(event["SUMMARY"]) == HARD.replace("\r\n", "\n").replace("\r", "\n")[:-2]

    @pytest.mark.parametrize("letters", range(60, 90))
    def test_a_fold_never_parts_a_letter(self, letters: int) -> None:
        title = "x" * (letters % 7) + "😀ệ" * letters

        _, (event,) = properties(feed(entry(title=title)))

        assert text(event["SUMMARY"]) == title

    def test_a_title_cannot_add_lines(self) -> None:
        title = "x\r\nATTENDEE:mailto:a@b.vn\r\nEND:VEVENT"

        _, (event,) = properties(feed(entry(title=title)))

        assert "ATTENDEE" not in event

    def test_of_a_contact_the_name_is_told_and_only_where_it_may_be_seen(self) -> None:
        seen = properties(feed(entry(), contacts={CONTACT: "Trần, Á"}))[1][0]
        unseen = properties(feed(entry(), contacts={}))[1][0]

        assert text(seen["SUMMARY"]) == "Gọi lại – Trần, Á"
        assert text(unseen["SUMMARY"]) == "Gọi lại"

    def test_a_cancelled_one_is_cancelled_and_takes_no_time(self) -> None:
        _, (event,) = properties(feed(entry(status=Status.CANCELLED, revision=4)))

        assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", "4")
        assert event["TRANSP"] == "TRANSPARENT"

    @pytest.mark.parametrize("type_", [Type.SMS, Type.EMAIL])
    def test_a_message_takes_nobodys_time(self, type_: Type) -> None:
        _, (event,) = properties(feed(entry(type=type_)))

        assert event["TRANSP"] == "TRANSPARENT"

    def test_one_without_a_length_has_no_end(self) -> None:
        _, (event,) = properties(feed(entry(end_time=START)))

        assert "DTEND" not in event

    def test_local_times_are_right_on_both_sides_of_a_change_of_clocks(self) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        local = [datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1)]
        local.append(datetime(2026, 3, 29, 3, 0, tzinfo=berlin))
        wanted = [entry(start_time=it, end_time=it + timedelta(minutes=5)) for it in local]

        _, events = properties(feed(*wanted))

        read = [
            datetime.strptime(it["DTSTART"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for it in events
        ]
        assert [it.astimezone(berlin).isoformat() for it in read] == [
            "2026-10-25T02:30:00+02:00",
            "2026-10-25T02:30:00+01:00",
            "2026-03-29T03:00:00+02:00",
        ]


class TestImported:
    """By vobject, which shares no code with the library that wrote it."""

    def test_a_series_is_as_many_events_at_its_local_time_whatever_clocks_do(self) -> None:
        berlin = ZoneInfo("Europe/Berlin")
        rule = "FREQ=DAILY;INTERVAL=2;COUNT=4"
        begun, left_out = (datetime(2026, 3, day, 9, 30, tzinfo=berlin) for day in (26, 30))
        clock = [it.replace(tzinfo=None) for it in (begun, left_out)]
        kept = recurrence.calendar(rule, clock[0], berlin.key, clock[1:])
        series = [
            entry(id=UUID(int=at), start_time=it, end_time=it + timedelta(minutes=45))
            for at, (it, _) in enumerate(recurrence.occurrences(kept, begun, 9))
        ]

        imported = vobject.readOne(feed(*series).decode()).vevent_list

        assert [it.dtstart.value.astimezone(berlin).isoformat() for it in imported] == [
            "2026-03-26T09:30:00+01:00",
            "2026-03-28T09:30:00+01:00",
            "2026-04-01T09:30:00+02:00",
        ]
        assert {it.dtend.value - it.dtstart.value for it in imported} == {timedelta(minutes=45)}
        assert len({it.uid.value for it in imported}) == 3
        assert not any(hasattr(it, "rrule") for it in imported)

    def test_every_field_comes_over_whole(self) -> None:
        moved = entry(title=HARD, status=Status.CANCELLED, type=Type.CALL)
        made = feed(moved, entry(), name="a;b,c\\d\ne", contacts={CONTACT: "Trần, Á; \\ “b”"})

        calendar = vobject.readOne(made.decode())
        first, second = calendar.vevent_list

        assert calendar.x_wr_calname.value == "a;b,c\\d\ne"
        assert first.summary.value == (
            HARD.replace("\r\n", "\n").replace("\r", "\n")[:-2] + " – Trần, Á; \\ “b”"
        )
        assert (first.status.value, second.status.value) == ("CANCELLED", "CONFIRMED")
        assert (first.transp.value, second.transp.value) == ("TRANSPARENT", "OPAQUE")
        assert (first.categories.value, second.categories.value) == (["CALL"], ["MEETING"])
        assert (second.uid.value, second.sequence.value) == (f"{ID}@follow-ups.mekong", "3")
        assert second.dtstart.value == START
        assert second.dtend.value == START + timedelta(hours=1)
        assert second.dtstamp.value == second.last_modified.value == CHANGED.replace(microsecond=0)


class TestTag:
    def test_it_changes_with_what_is_shown_only(self) -> None:
        tag = feeds.etag("a", [entry()], {CONTACT: "Á"})

        assert feeds.etag("a", [entry()], {CONTACT: "Á"}) == tag
        others = {
            feeds.etag("b", [entry()], {CONTACT: "Á"}),
            feeds.etag("a", [entry(revision=4)], {CONTACT: "Á"}),
            feeds.etag("a", [entry()], {}),
            feeds.etag("a", [], {CONTACT: "Á"}),
            feeds.etag("a", [entry(), entry(id=UUID(int=9))], {CONTACT: "Á"}),
        }
        assert len(others - {tag}) == 5

    def test_what_is_shown_moves_on_once_a_day(self) -> None:
        morning = datetime(2026, 5, 1, 0, 0, 1, tzinfo=UTC)

        assert feeds.window(morning) == feeds.window(morning.replace(hour=23))
        assert feeds.window(morning) != feeds.window(morning + timedelta(days=1))
