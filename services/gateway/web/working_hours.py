"""When people work: the hours and holidays of the organisation or of one's team."""

from datetime import date

from crm.interactions.v1 import working_hours_pb2
from crm.interactions.v1 import working_hours_service_pb2 as pb2
from crm.interactions.v1.working_hours_service_pb2_grpc import WorkingHoursServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import desk
from services.gateway.web.forms import Form

WEEKDAYS = range(1, 8)
SHIFTS = range(2)
"""A day may have a break."""
KNOWN = ["time_zone", "intervals", "holidays"]


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/working-hours", endpoint="working_hours")(show)
    pages.post("/working-hours", endpoint="update_working_hours")(update)


def show() -> desk.View:
    """Show those of the organisation, or of one's team if it is asked for."""
    team_id = _team(request.args.get("team", ""))
    asked = pb2.GetWorkingHoursRequest(team_id=team_id)
    found = desk.ask(WorkingHoursServiceStub).GetWorkingHours(asked)
    return _page(Form.filled(_filled(found, team_id)), team_id, theirs=found.team_id == team_id)


def update() -> desk.View:
    """Store them, or show what is refused with all that was typed."""
    form = Form.sent()
    team_id = _team(form.get("team"))
    wanted = working_hours_pb2.WorkingHours(
        team_id=team_id, etag=form.get("etag"), time_zone=form.get("time_zone")
    )
    _read_intervals(form, wanted)
    _read_holidays(form, wanted)
    asked = pb2.UpdateWorkingHoursRequest(working_hours=wanted)
    asked.update_mask.paths.extend(KNOWN)
    stored = None
    if not form.bad:
        stored = form.attempt(
            lambda: desk.ask(WorkingHoursServiceStub).UpdateWorkingHours(asked),
            prefix="working_hours.",
            known=KNOWN,
        )
    if stored is None:
        return _page(form, team_id, theirs=True)
    flash(desk.t("working.stored"))
    return desk.to(url_for("web.working_hours", team=team_id or None))


def _team(asked: str) -> str:
    """Return one's team's id if that is asked for: others are not offered."""
    mine = desk.me().user.team_id
    return mine if asked and asked == mine else ""


def _read_intervals(form: Form, wanted: working_hours_pb2.WorkingHours) -> None:
    for weekday in WEEKDAYS:
        for shift in SHIFTS:
            start, end = (form.get(f"{name}_{weekday}_{shift}") for name in ("start", "end"))
            if start or end:
                wanted.intervals.add(weekday=weekday, start=start, end=end)


def _read_holidays(form: Form, wanted: working_hours_pb2.WorkingHours) -> None:
    """Read a day and a name from each line."""
    for line in form.values.get("holidays", "").splitlines():
        day, _, name = line.strip().partition(" ")
        if not day:
            continue
        try:
            date.fromisoformat(day)
        except ValueError:
            form.refuse("holidays", desk.t("working.holiday_unreadable", line=line.strip()[:60]))
            return
        wanted.holidays.add(date=day, name=name.strip())


def _filled(found: working_hours_pb2.WorkingHours, team_id: str) -> dict[str, str | list[str]]:
    values: dict[str, str | list[str]] = {
        "time_zone": found.time_zone,
        "etag": found.etag if found.team_id == team_id else "",
        "holidays": "\n".join(f"{it.date} {it.name}".strip() for it in found.holidays),
    }
    taken = dict.fromkeys(WEEKDAYS, 0)
    for it in found.intervals:
        place = f"{it.weekday}_{taken[it.weekday]}"
        values[f"start_{place}"], values[f"end_{place}"] = it.start, it.end
        taken[it.weekday] += 1
    return values


def _page(form: Form, team_id: str, *, theirs: bool) -> desk.View:
    body = desk.page(
        "working_hours.html",
        form=form,
        team_id=team_id,
        theirs=theirs,
        weekdays=WEEKDAYS,
        shifts=SHIFTS,
        stale=form.reason == "ETAG_STALE",
    )
    return body, form.status
