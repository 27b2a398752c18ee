"""iCalendar (RFC 5545) of follow-ups.

Times are written in UTC: each entry is one event at one instant, which every program shows in
its reader's zone, and no definition of a zone can be wrong or out of date.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress, vDuration, vText, vUri

from services.interactions.domain.calendar import BUSY, Entry
from services.interactions.domain.follow_ups import FollowUp, Status, Type

REFRESH = timedelta(hours=1)

_PRODUCT = "-//Mekong//CRM//EN"
_CATEGORIES = {
    Type.CALL: "CALL",
    Type.SMS: "SMS",
    Type.EMAIL: "EMAIL",
    Type.MEETING: "MEETING",
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


@dataclass(frozen=True)
class Invited:
    """Who invites and who is invited, by e-mail address."""

    organizer: str
    organizer_name: str
    attendees: Sequence[str]


def feed(name: str, entries: Iterable[Entry], contacts: Mapping[UUID, str]) -> bytes:
    """Returns a calendar of these entries; `contacts` are the names that its reader may see."""
    calendar = _calendar()
    # Said to be text, which the library knows of neither and so would not escape.
    calendar["NAME"] = calendar["X-WR-CALNAME"] = vText(_plain(name))
    duration = vDuration(REFRESH)
    duration.params["VALUE"] = "DURATION"
    calendar.add("refresh-interval", duration)
    calendar.add("x-published-ttl", vDuration(REFRESH))
    for entry in entries:
        calendar.add_component(_event(entry, _summary(entry, contacts)))
    made: bytes = calendar.to_ical()
    return made


def invitation(meeting: FollowUp, invited: Invited, now: datetime) -> tuple[str, str]:
    """Returns an invitation to a meeting, or its end once it was cancelled, and the method."""
    cancelled = meeting.status is Status.CANCELLED
    method = "CANCEL" if cancelled else "REQUEST"
    calendar = _calendar()
    calendar.add("method", method)
    event = _event(meeting, meeting.title)
    # With a method it is the time of this very file, RFC 5545 section 3.8.7.2.
    event["DTSTAMP"] = _moment(now)
    if meeting.description:
        event.add("description", _plain(meeting.description))
    event.add("organizer", _address(invited.organizer, invited.organizer_name))
    for attendee in invited.attendees:
        guest = _address(attendee, "")
        guest.params["ROLE"] = vText("REQ-PARTICIPANT")
        if not cancelled:
            guest.params["PARTSTAT"] = vText("NEEDS-ACTION")
            guest.params["RSVP"] = vText("TRUE")
        event.add("attendee", guest)
    calendar.add_component(event)
    return calendar.to_ical().decode(), method


def uid(follow_up_id: UUID) -> str:
    """Returns what names the event in every calendar, for good."""
    return f"{follow_up_id}@follow-ups.mekong"


def _calendar() -> Calendar:
    calendar = Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", _PRODUCT)
    calendar.add("calscale", "GREGORIAN")
    return calendar


def _event(entry: Entry | FollowUp, summary: str) -> Event:
    event = Event()
    event.add("uid", uid(entry.id))
    event["DTSTAMP"] = _moment(entry.update_time)
    event["LAST-MODIFIED"] = _moment(entry.update_time)
    event["DTSTART"] = _moment(entry.start_time)
    # An event without a length has no end, as an end must come after the start.
    if entry.end_time > entry.start_time:
        event["DTEND"] = _moment(entry.end_time)
    event.add("sequence", entry.revision)
    event.add("summary", _plain(summary))
    event.add("status", "CANCELLED" if entry.status is Status.CANCELLED else "CONFIRMED")
    event.add("categories", [_CATEGORIES[entry.type]])
    busy = entry.type in BUSY and entry.status is not Status.CANCELLED
    event.add("transp", "OPAQUE" if busy else "TRANSPARENT")
    return event


def _summary(entry: Entry, contacts: Mapping[UUID, str]) -> str:
    name = contacts.get(entry.contact_id, "") if entry.contact_id else ""
    return f"{entry.title} – {name}" if name else entry.title


def _address(email: str, name: str) -> vCalAddress:
    address = vCalAddress(vUri(f"mailto:{email}"))
    if name:
        address.params["CN"] = vText(_plain(name).replace("\n", " "))
    return address


def _moment(time: datetime) -> vText:
    return vText(f"{time.astimezone(UTC):%Y%m%dT%H%M%SZ}")


def _plain(text: str) -> str:
    """Returns a text without what no line of a calendar may hold."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
