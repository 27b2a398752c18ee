"""The calendar: a month, a week or a day, and moving what lies in it."""

from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlencode

from crm.interactions.v1 import (
    calendar_pb2,
    calendar_service_pb2,
    follow_up_pb2,
    working_hours_pb2,
)
from crm.interactions.v1.calendar_service_pb2_grpc import CalendarServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway import calendars
from services.gateway.web import calendar_days, desk, follow_ups, formats, lookups, names
from services.gateway.web.calendar_days import VIEWS
from services.gateway.web.forms import Form

MOST = 1000
STATUSES = (
    follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED,
    follow_up_pb2.FOLLOW_UP_STATUS_OPEN,
    follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED,
)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/calendar", endpoint="calendar")(show)
    pages.post("/calendar/move", endpoint="calendar_drop")(drop)
    pages.get("/calendar/<uuid:follow_up_id>/move", endpoint="calendar_move")(ask_where)
    pages.post("/calendar/<uuid:follow_up_id>/move", endpoint="calendar_moved")(move)
    pages.get("/follow-ups/<uuid:follow_up_id>/invitation.ics", endpoint="invitation")(invitation)
    pages.get("/follow-ups/overlaps", endpoint="overlaps")(overlaps)


def show() -> desk.View:
    """Show what the address asks for: a view, a day of it, whose, and which types."""
    return _calendar(Form())


def drop() -> desk.View:
    """Move what was dragged to another day, or to an hour of one, and show the calendar again."""
    form = Form.sent()
    wanted = _move(form, form.get("id"), form.get("etag"))
    day = calendar_days.read_day(form.get("day"), date.min)
    hour = form.get("hour")
    if day == date.min or (hour and not (hour.isdecimal() and int(hour) < 24)):
        form.refuse("day", desk.t("form.time_unreadable"))
    elif hour:
        stored = follow_ups.get(form.get("id"))
        minute = _local(stored).minute
        _to_time(
            form, wanted, stored, datetime.combine(day, datetime.min.time()), int(hour), minute
        )
    else:
        wanted.day = day.isoformat()
    _send(form, wanted)
    # Nothing was typed that a reason could stand beside.
    form.general, form.wrong = [*form.general, *form.wrong.values()], {}
    return _calendar(form)


def ask_where(follow_up_id: object) -> desk.View:
    """Ask where to move one, for who does not drag."""
    stored = follow_ups.get(str(follow_up_id))
    start = formats.field_moment(stored.start_time, desk.time_zone())
    return _move_page(stored, Form.filled({"start_time": start, "etag": stored.etag}))


def move(follow_up_id: object) -> desk.View:
    """Move one to the time that was typed."""
    form = Form.sent()
    stored = follow_ups.get(str(follow_up_id))
    wanted = _move(form, str(follow_up_id), form.get("etag"))
    at = _typed(form.get("start_time"))
    if at is None:
        form.refuse("start_time", desk.t("form.time_unreadable"))
    else:
        _to_time(form, wanted, stored, at, at.hour, at.minute)
    _send(form, wanted)
    if form.bad:
        return _move_page(stored, form)
    flash(desk.t("calendar.moved"))
    return desk.to(desk.way_back(form.get("back") or url_for("web.calendar")))


def invitation(follow_up_id: object) -> desk.View:
    """Give a file that invites to a meeting in the name of who asks."""
    user = desk.me().user
    asked = calendar_service_pb2.GetInvitationRequest(
        id=str(follow_up_id), organizer_email=user.email, organizer_name=user.display_name
    )
    return calendars.file(desk.ask(CalendarServiceStub).GetInvitation(asked))


def overlaps() -> desk.View:
    """Warn who plans a call or meeting of what the same person has at the same time."""
    asked = calendar_service_pb2.CheckOverlapsRequest(exclude_id=request.args.get("exclude", ""))
    type_ = names.value(follow_up_pb2.FollowUpType, request.args.get("type", ""))
    start, end = (
        _typed(request.args.get("start_time", "")),
        _typed(request.args.get("end_time", "")),
    )
    found: list[calendar_pb2.CalendarEntry] = []
    outside: dict[str, Any] = {}
    busy = (follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_MEETING)
    if start is not None and type_ in busy and (end is None or end >= start):
        asked.start_time.FromDatetime(start)
        if end is not None:
            asked.end_time.FromDatetime(end)
        asked.assignee_ids.extend(it for it in request.args.getlist("assignee_ids") if it)
        # A hint beside a form: what is wrong with the form is said when it is sent.
        answer = Form().attempt(lambda: desk.ask(CalendarServiceStub).CheckOverlaps(asked))
        found = list(answer.entries) if answer is not None else []
        if answer is not None and answer.outside:
            reason = names.short(working_hours_pb2.OutsideReason, answer.outside)
            outside = {"outside": reason, "next_working_time": answer.next_working_time}
    return desk.page("overlaps.html", found=found, **outside)


def _calendar(form: Form) -> desk.View:
    view: calendar_days.View = next((it for it in VIEWS if it == request.args.get("view")), "month")
    zone = formats.zone(desk.time_zone())
    today = datetime.now(UTC).astimezone(zone).date()
    chosen = calendar_days.read_day(request.args.get("date", ""), today)
    dates = calendar_days.days_of(view, chosen)
    found = desk.ask(CalendarServiceStub).ListCalendar(_wanted(dates))
    month = chosen.month if view == "month" else None
    days = calendar_days.laid_out(dates, found.entries, zone, today, month)
    body = desk.page(
        "calendar_body.html" if desk.partial() else "calendar.html",
        form=form,
        view=view,
        views=VIEWS,
        chosen=chosen,
        today=today,
        days=days,
        hours=calendar_days.hours(days),
        before=calendar_days.turned(view, chosen, -1),
        after=calendar_days.turned(view, chosen, 1),
        title=_title(view, chosen, dates),
        whose=request.args.get("whose", ""),
        type=request.args.get("type", ""),
        back=_back(view, chosen),
        users=lookups.users(),
        contacts=_names(calendar_days.people(found.entries)),
        cut=bool(found.next_page_token),
        most=MOST,
    )
    return body, form.status


def _back(view: str, chosen: date) -> str:
    """Return the address of this calendar, also where it was asked for by moving something."""
    return f"{url_for('web.calendar')}?{urlencode({**request.args, 'view': view, 'date': chosen})}"


def _wanted(dates: list[date]) -> calendar_service_pb2.ListCalendarRequest:
    person, whose = desk.me(), request.args.get("whose", "")
    type_ = names.value(follow_up_pb2.FollowUpType, request.args.get("type", ""))
    wanted = calendar_service_pb2.ListCalendarRequest(
        page_size=MOST,
        statuses=STATUSES,
        types=[follow_up_pb2.FollowUpType.ValueType(type_)] if type_ else [],
    )
    if whose == "team" and person.user.team_id:
        wanted.team_id = person.user.team_id
    elif whose != "all":
        wanted.assignee_ids.append(person.user.id if whose in ("", "team") else whose)
    start, end = calendar_days.bounds(dates, formats.zone(desk.time_zone()))
    wanted.range_start.FromDatetime(start)
    wanted.range_end.FromDatetime(end)
    return wanted


def _move(form: Form, id_: str, etag: str) -> calendar_service_pb2.RescheduleFollowUpsRequest:
    wanted = calendar_service_pb2.RescheduleFollowUpsRequest(
        time_zone=desk.time_zone(), request_id=form.request_id
    )
    wanted.follow_ups.add(id=id_, etag=etag)
    return wanted


def _to_time(
    form: Form,
    wanted: calendar_service_pb2.RescheduleFollowUpsRequest,
    stored: follow_up_pb2.FollowUp,
    day: datetime,
    hour: int,
    minute: int,
) -> None:
    zone = formats.zone(desk.time_zone())
    start = calendar_days.local_start(day.date(), hour, minute, zone)
    if start is None:
        form.refuse("start_time", desk.t("calendar.no_such_time"))
        return
    before = stored.start_time.ToDatetime(tzinfo=UTC).replace(second=0, microsecond=0)
    wanted.offset.FromTimedelta(start - before)


def _send(form: Form, wanted: calendar_service_pb2.RescheduleFollowUpsRequest) -> None:
    if not form.bad:
        form.attempt(
            lambda: desk.ask(CalendarServiceStub).RescheduleFollowUps(wanted),
            prefix="follow_ups[0]",
        )
    # What is refused belongs to the one that was to be moved, and there is no other.
    form.general += [it for name, it in form.wrong.items() if name != "start_time"]
    form.wrong = {name: it for name, it in form.wrong.items() if name == "start_time"}


def _move_page(stored: follow_up_pb2.FollowUp, form: Form) -> desk.View:
    back = desk.way_back(form.get("back") or request.args.get("back", ""))
    body = desk.page(
        "calendar_move.html",
        form=form,
        follow_up=stored,
        back=back if back != "/" else url_for("web.calendar"),
    )
    return body, form.status


def _typed(text: str) -> datetime | None:
    """Return a time that was typed; None for none, and for one that no calendar reaches."""
    try:
        at = formats.from_field(text, desk.time_zone())
    except ValueError:
        return None
    if at is None or not calendar_days.EARLIEST <= at.date() <= calendar_days.LATEST:
        return None
    return at


def _local(stored: follow_up_pb2.FollowUp) -> datetime:
    zone = formats.zone(desk.time_zone())
    return stored.start_time.ToDatetime(tzinfo=UTC).astimezone(zone)


def _names(ids: list[str]) -> dict[str, str]:
    found = lookups.contacts(ids)
    return {id_: it.display_name or it.reference_code for id_, it in found.items()}


def _title(view: str, chosen: date, dates: list[date]) -> str:
    language = desk.language()
    if view == "day":
        weekday = desk.t(f"calendar.weekday_{chosen.weekday()}")
        return f"{weekday}, {formats.day(language, chosen)}"
    if view == "week":
        return f"{formats.day(language, dates[0])} – {formats.day(language, dates[-1])}"
    month = chosen.month if language == "vi" else formats.MONTHS[chosen.month - 1]
    return desk.t("calendar.month_of", month=month, year=chosen.year)
