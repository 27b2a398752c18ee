"""Series: the list, one with its next times, and what is done with it."""

from datetime import UTC, datetime
from typing import Any

from crm.interactions.v1 import series_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_service_pb2_grpc import SeriesServiceStub
from flask import Blueprint, flash, request, url_for

from chassis import errors
from services.gateway.web import desk, follow_up_progress, formats, lookups, series_words
from services.gateway.web.forms import Form

PAGE_SIZE = 20
"""Fewer than elsewhere, as the next time of each row is asked for."""

SHOWN_NEXT = 5
MOST_A_DAY = 8
"""Times that a rule may have before now on a day: a preview begins with the day."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/series/<uuid:series_id>"
    pages.get("/series", endpoint="series_list")(listing)
    pages.get(one, endpoint="series")(detail)
    pages.post(f"{one}/skip", endpoint="skip_series")(skip)
    pages.post(f"{one}/pause", endpoint="pause_series")(pause)
    pages.post(f"{one}/resume", endpoint="resume_series")(resume)
    pages.post(f"{one}/delete", endpoint="delete_series")(delete)


def get(series_id: object) -> series_pb2.Series:
    """Return a series; raises `NotFound`."""
    return desk.ask(SeriesServiceStub).GetSeries(pb2.GetSeriesRequest(id=str(series_id)))


def of(series_id: str) -> series_pb2.Series | None:
    """Return the series of a follow-up; None without one, and for one that was deleted."""
    if not series_id:
        return None
    try:
        return desk.maybe(lambda: get(series_id), source="interactions")
    except errors.NotFound:
        return None


def listing() -> desk.View:
    """List series, newest first: one's own, a colleague's, all, or those of a contact."""
    whose, contact = request.args.get("whose", ""), request.args.get("contact", "")
    mine = "" if contact else desk.me().user.id
    asked = pb2.ListSeriesRequest(
        page_size=PAGE_SIZE,
        page_token=desk.page_token(),
        contact_id=contact,
        assignee_id={"": mine, "all": ""}.get(whose, whose),
    )
    found = desk.ask(SeriesServiceStub).ListSeries(asked)
    people = [it.contact_ids[0] for it in found.series if it.contact_ids]
    return desk.page(
        "series_list_rows.html" if desk.partial() else "series_list.html",
        found=found,
        whose=whose,
        users=lookups.users(),
        contacts=lookups.contacts(people),
        next_times={it.id: upcoming(it)[:1] for it in found.series},
        recurs=series_words.recurs,
    )


def upcoming(series: series_pb2.Series) -> list[series_pb2.Occurrence]:
    """Return the next times of one that plans by the calendar, at most five."""
    is_active = series.state == series_pb2.SERIES_STATE_ACTIVE
    if not is_active or not series.HasField("calendar"):
        return []
    asked = pb2.PreviewSeriesRequest(calendar=series.calendar, count=SHOWN_NEXT + MOST_A_DAY)
    # Beside what the page is for: without an answer nothing is said.
    found = Form().attempt(lambda: desk.ask(SeriesServiceStub).PreviewSeries(asked))
    return to_come(found) if found else []


def to_come(found: pb2.PreviewSeriesResponse) -> list[series_pb2.Occurrence]:
    """Return the first five that have not passed."""
    now = datetime.now(UTC)
    return [it for it in found.occurrences if it.time.ToDatetime(UTC) > now][:SHOWN_NEXT]


def detail(series_id: object) -> desk.View:
    """Show a series with its next times."""
    return _page(series_id, Form())


def skip(series_id: object) -> desk.View:
    """Leave one time out."""
    form = Form.sent()
    asked = pb2.SkipOccurrenceRequest(id=str(series_id), etag=form.get("etag"))
    try:
        asked.recurrence_time.FromJsonString(form.get("time"))
    except ValueError:
        form.general.append(desk.t("form.time_unreadable"))
        form.status = 400
        return _page(series_id, form)
    return _do(
        series_id, form, lambda: desk.ask(SeriesServiceStub).SkipOccurrence(asked), "series.skipped"
    )


def pause(series_id: object) -> desk.View:
    """Plan no more until it is resumed."""
    form = Form.sent()
    asked = pb2.PauseSeriesRequest(id=str(series_id), etag=form.get("etag"))
    return _do(
        series_id, form, lambda: desk.ask(SeriesServiceStub).PauseSeries(asked), "series.was_paused"
    )


def resume(series_id: object) -> desk.View:
    """Plan again."""
    form = Form.sent()
    asked = pb2.ResumeSeriesRequest(id=str(series_id), etag=form.get("etag"))
    return _do(
        series_id, form, lambda: desk.ask(SeriesServiceStub).ResumeSeries(asked), "series.resumed"
    )


def delete(series_id: object) -> desk.View:
    """Delete a series with what nobody touched of its future; say what had gone before."""
    form = Form.sent()
    asked = pb2.DeleteSeriesRequest(id=str(series_id), etag=form.get("etag"))
    done = form.attempt(lambda: desk.ask(SeriesServiceStub).DeleteSeries(asked))
    if done is None:
        return _page(series_id, form)
    flash(desk.t("series.deleted"))
    if done.handed_over_count:
        number = formats.number(desk.language(), done.handed_over_count)
        flash(desk.t("series.handed_over", n=number))
    return desk.to(url_for("web.series_list"))


def _do(series_id: object, form: Form, call: Any, said: str) -> desk.View:
    done = form.attempt(call, prefix="recurrence_time")
    if done is None:
        return _page(series_id, form)
    flash(desk.t(said))
    return desk.to(url_for("web.series", series_id=series_id))


def _page(series_id: object, form: Form) -> desk.View:
    stored = get(series_id)
    body = desk.page(
        "series.html",
        series=stored,
        form=form,
        contacts=lookups.contacts(stored.contact_ids[:PAGE_SIZE]),
        shown_contacts=PAGE_SIZE,
        next_times=upcoming(stored),
        recurs=series_words.recurs,
        local_text=series_words.clock_text,
        **(follow_up_progress.says(stored.message) if stored.HasField("message") else {}),
        is_paused=stored.state == series_pb2.SERIES_STATE_PAUSED,
        is_active=stored.state == series_pb2.SERIES_STATE_ACTIVE,
        stale=form.reason == "ETAG_STALE",
    )
    return body, form.status
