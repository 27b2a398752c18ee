"""The editor of a series: a new one, a changed one, another course from one time on."""

from datetime import UTC, datetime, timedelta
from typing import Any

from crm.interactions.v1 import series_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_service_pb2_grpc import SeriesServiceStub
from flask import Blueprint, flash, request, url_for
from google.protobuf.timestamp_pb2 import Timestamp

from services.gateway.web import (
    desk,
    follow_up_messages,
    follow_up_reminders,
    formats,
    lookups,
    recurrences,
    series,
    series_fields,
    series_words,
)
from services.gateway.web.forms import Form
from services.gateway.web.series_fields import BY_FACTS, KNOWN, PLAIN, REST, RULE_INPUTS

SHOWN_NEXT = 5
_CARRIED = ("title", "type", "description", "category", "sends", "to", "segment_id")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/series/<uuid:series_id>"
    pages.get("/series/new", endpoint="new_series")(new)
    pages.post("/series/new", endpoint="create_series")(create)
    pages.post("/series/from-follow-up", endpoint="make_recur")(recur)
    pages.post("/series/preview", endpoint="preview_series")(preview)
    pages.get(f"{one}/edit", endpoint="edit_series")(edit)
    pages.post(f"{one}/edit", endpoint="update_series")(update)
    pages.get(f"{one}/split", endpoint="ask_split_series")(ask_split)
    pages.post(f"{one}/split", endpoint="split_series")(split)


def new() -> desk.View:
    """Show the form for each week from tomorrow at nine on, for the contact one comes from."""
    return _form(Form.filled({**_usual(), "contact_ids": request.args.get("contact", "")}))


def recur() -> desk.View:
    """Show the form with what was typed into that of a follow-up. Nothing is stored."""
    typed = Form.sent()
    given: dict[str, Any] = _usual()
    # A message as it was typed: browsers end lines with two characters, and both are kept.
    for name in (*_CARRIED, *(f"message.{part}" for part in follow_up_messages.PARTS)):
        given[name] = typed.values.get(name) or given.get(name, "")
    for name in ("contact_ids", "assignee_ids", *follow_up_reminders.FIELDS):
        given[name] = typed.all(name)
    try:
        start = formats.from_field(typed.get("start_time"), desk.time_zone())
        end = formats.from_field(typed.get("end_time"), desk.time_zone())
    except ValueError:  # is typed anew here
        start = end = None
    if start is not None:
        given["start"], given["clock"] = f"{start:%Y-%m-%dT%H:%M}", f"{start:%H:%M}"
        if end is not None and end > start:
            given["duration"] = str((end - start) // timedelta(minutes=1))
    return _form(Form.filled(given))


def create() -> desk.View:
    """Make a series, or show what is refused with all that was typed."""
    form = Form.sent()
    asked = pb2.CreateSeriesRequest(series=series_fields.read(form), request_id=form.request_id)
    made = _send(form, lambda: desk.ask(SeriesServiceStub).CreateSeries(asked))
    return _form(form) if made is None else _stored(made, "series.created")


def preview() -> desk.View:
    """Tell the next times of what is typed, or at each input what is wrong with it."""
    form = Form.sent()
    found = None
    wanted = series_fields.read(form)
    if wanted.HasField("calendar"):
        if request.args.get("series"):
            _keep_left_out(wanted, series.get(request.args["series"]))
        # What is wrong beside the rule is told when the form is sent.
        form.wrong = {name: why for name, why in form.wrong.items() if name in RULE_INPUTS}
        asked = pb2.PreviewSeriesRequest(calendar=wanted.calendar, count=SHOWN_NEXT)
        if wanted.HasField("message"):
            asked.count += series.MOST_A_DAY
        found = _send(form, lambda: desk.ask(SeriesServiceStub).PreviewSeries(asked))
        if found and wanted.HasField("message"):
            # What passed today is not sent.
            found = pb2.PreviewSeriesResponse(occurrences=series.to_come(found))
    return desk.page(
        "series_preview.html",
        form=form,
        found=found,
        inputs=RULE_INPUTS,
        wanted=wanted,
        recurs=series_words.recurs,
        rest=form.get("ends") == REST,
    )


def edit(series_id: object) -> desk.View:
    """Show a series' fields."""
    stored = series.get(series_id)
    return _form(Form.filled({"clock": "09:00", **series_fields.filled(stored)}), stored)


def update(series_id: object) -> desk.View:
    """Store what was changed; one that changed meanwhile is to be loaded again first."""
    form, stored = Form.sent(), series.get(series_id)
    wanted = series_fields.read(form)
    wanted.id, wanted.etag = stored.id, form.get("etag")
    _keep_left_out(wanted, stored)
    asked = pb2.UpdateSeriesRequest(series=wanted, request_id=form.request_id)
    asked.update_mask.paths.extend(_mask(wanted, stored))
    updated = _send(form, lambda: desk.ask(SeriesServiceStub).UpdateSeries(asked))
    return _form(form, stored) if updated is None else _stored(updated, "series.updated")


def ask_split(series_id: object) -> desk.View:
    """Show a series' fields for what is to be from one of its times on."""
    stored = series.get(series_id)
    given = _later(stored, request.args.get("start", ""))
    given["recurrence_time"] = request.args.get("time", "")
    return _form(Form.filled(given), stored, later=True)


def split(series_id: object) -> desk.View:
    """Let a series go on otherwise from one of its times on."""
    form, stored = Form.sent(), series.get(series_id)
    wanted = series_fields.read(form)
    paths = _mask(wanted, stored)
    if wanted.HasField("calendar") and _same_rule(form, wanted, stored):
        # The service knows how much of a counted rule is left.
        paths.remove("calendar")
        wanted.ClearField("calendar")
    elif form.get("ends") == REST and form.get("repeats") not in ("own", *BY_FACTS):
        form.refuse("ends", desk.t("series.rest_unknown"))
    _keep_left_out(wanted, stored)
    asked = pb2.SplitSeriesRequest(
        id=stored.id, series=wanted, etag=form.get("etag"), request_id=form.request_id
    )
    asked.update_mask.paths.extend(paths)
    try:
        asked.recurrence_time.FromJsonString(form.get("recurrence_time"))
    except ValueError:
        form.general.append(desk.t("form.time_unreadable"))
        form.status = 400
    made = _send(form, lambda: desk.ask(SeriesServiceStub).SplitSeries(asked))
    if made is None:
        return _form(form, stored, later=True)
    return _stored(made, "series.was_split")


def _usual() -> dict[str, Any]:
    zone = desk.time_zone()
    start = datetime.now(UTC).astimezone(formats.zone(zone)) + timedelta(days=1)
    return {
        "assignee_ids": desk.me().user.id,
        "type": "call",
        "sends": "hand",
        "to": "contacts",
        "message.purpose": "care",
        "start": f"{start:%Y-%m-%d}T09:00",
        "clock": "09:00",
        "time_zone": zone,
        "duration": "30",
        "repeats": "weekly",
        "interval": "1",
        "ends": "never",
        "days": "30",
        "due_days": "-3",
    }


def _send(form: Form, call: Any) -> Any:
    """Return what the service answers; None, and what is wrong in the form, if it refuses."""
    answer = None
    if not form.bad:
        answer = form.attempt(call, prefix="series.", known=KNOWN)
        series_fields.place(form)
    return answer


def _mask(wanted: series_pb2.Series, stored: series_pb2.Series) -> list[str]:
    paths = [*PLAIN, wanted.WhichOneof("rule") or "calendar"]
    # Whom one may not see anymore would be refused, though nobody changed anything of them.
    if list(wanted.contact_ids) != list(stored.contact_ids):
        paths.append("contact_ids")
    if wanted.segment_id != stored.segment_id:
        paths.append("segment_id")
    given = (wanted.HasField("message"), wanted.message)
    if given != (stored.HasField("message"), stored.message) or wanted.type != stored.type:
        paths.append("message")
    return paths


def _keep_left_out(wanted: series_pb2.Series, stored: series_pb2.Series) -> None:
    """Carry over the times that were left out, as a rule is replaced with all it has."""
    if wanted.HasField("calendar") and stored.HasField("calendar") and wanted.calendar.start:
        kept = recurrences.carried(
            stored.calendar.exceptions, stored.calendar.start, wanted.calendar.start
        )
        wanted.calendar.exceptions.extend(kept)


def _later(stored: series_pb2.Series, start: str) -> dict[str, Any]:
    """Return the inputs' values for a part that begins at `start` and goes on as before."""
    given: dict[str, Any] = {"clock": "09:00", **series_fields.filled(stored)}
    given["start"] = given["before"] = start
    if given["ends"] == "count":
        given["ends"] = REST
    return given


def _same_rule(form: Form, wanted: series_pb2.Series, stored: series_pb2.Series) -> bool:
    """Whether nothing of when it recurs was changed."""
    shown = Form.filled(_later(stored, form.get("before")))
    same_end = form.get("repeats") == "own" or form.get("ends") == shown.get("ends")
    return same_end and wanted.calendar == series_fields.read_calendar(shown)


def _stored(made: series_pb2.Series, said: str) -> desk.View:
    flash(desk.t(said))
    return desk.to(url_for("web.series", series_id=made.id))


def _moment(form: Form) -> Timestamp | None:
    """Return the time from which on a later part begins."""
    at = Timestamp()
    try:
        at.FromJsonString(form.get("recurrence_time"))
    except ValueError:
        return None
    return at


def _form(form: Form, stored: series_pb2.Series | None = None, *, later: bool = False) -> desk.View:
    ends = (*series_fields.ENDS, REST) if later and form.get("before") else series_fields.ENDS
    body = desk.page(
        "series_form.html",
        form=form,
        series=stored,
        later=later,
        since=_moment(form) if later else None,
        **follow_up_messages.offers(form),
        more_assignees=form.all("assignee_ids")[1:],
        **follow_up_reminders.offers(form),
        users=lookups.users(),
        repeats=series_fields.REPEATS,
        ends=ends,
        weekdays=recurrences.WEEKDAYS,
        month_days=recurrences.MONTH_DAYS,
        stale=form.reason == "ETAG_STALE",
    )
    return body, form.status
