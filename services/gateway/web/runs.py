"""A run while it goes and after: its figures, pausing and ending it, and the people behind each."""

from collections.abc import Callable
from typing import Any

from crm.campaigns.v1 import campaign_pb2, run_pb2, run_service_pb2
from crm.campaigns.v1.run_service_pb2_grpc import RunServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.web import campaigns, desk, lookups, names
from services.gateway.web.forms import Form

GOING = (
    campaign_pb2.RUN_STATE_SCHEDULED,
    campaign_pb2.RUN_STATE_PLANNING,
    campaign_pb2.RUN_STATE_SENDING,
)
COUNTS = (
    "delivered accepted in_doubt bounced failed abandoned skipped expired cancelled deferred "
    "handed_over waiting"
).split()
"""As the bar shows them, from what arrived to what waits."""
UNSETTLED = ("waiting", "handed_over", "deferred")


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/runs/<uuid:run_id>", endpoint="run")(detail)
    pages.get("/runs/<uuid:run_id>/progress", endpoint="run_progress")(progress)
    pages.post("/runs/<uuid:run_id>/pause", endpoint="pause_run")(pause)
    pages.post("/runs/<uuid:run_id>/resume", endpoint="resume_run")(resume)
    pages.post("/runs/<uuid:run_id>/cancel", endpoint="cancel_run")(cancel)
    pages.get("/runs/<uuid:run_id>/recipients", endpoint="recipients")(recipients)


def _get(run_id: object) -> run_pb2.Run:
    return desk.ask(RunServiceStub).GetRun(run_service_pb2.GetRunRequest(id=str(run_id)))


def detail(run_id: object) -> desk.View:
    """Show a run."""
    return _page(run_id, Form())


def _page(run_id: object, form: Form) -> desk.View:
    run = _get(run_id)
    campaign = desk.maybe(lambda: campaigns.get(run.campaign_id), source="campaigns")
    body = desk.page("run.html", run=run, campaign=campaign, form=form, **_figures(run))
    return body, form.status


def _figures(run: run_pb2.Run) -> dict[str, Any]:
    counts = [(name, int(getattr(run.counts, name))) for name in COUNTS]
    settled = sum(count for name, count in counts if name not in UNSETTLED)
    return {
        "counts": counts,
        "settled": settled,
        "excluded": sum(it.count for it in run.excluded),
        "going": run.state in GOING,
        "bars": _bars(counts, run.planned),
    }


def _bars(counts: list[tuple[str, int]], planned: int) -> list[tuple[str, float, float]]:
    """Return (state, start, width) of each part of the bar, in thousandths of it."""
    bars, start = [], 0.0
    for name, count in counts:
        width = 1000 * count / planned if planned else 0.0
        if count:
            bars.append((name, round(start, 2), round(width, 2)))
        start += width
    return bars


def progress(run_id: object) -> desk.View:
    """Return the figures of now; htmx asks every second while the run goes."""
    run = _get(run_id)
    return desk.page("run_progress.html", run=run, **_figures(run))


def pause(run_id: object) -> desk.View:
    """Let no submission start until it is resumed."""
    asked = run_service_pb2.PauseRunRequest(id=str(run_id))
    return _act(run_id, "runs.paused", lambda stub: stub.PauseRun(asked))


def resume(run_id: object) -> desk.View:
    """Let a paused run go on."""
    asked = run_service_pb2.ResumeRunRequest(id=str(run_id))
    return _act(run_id, "runs.resumed", lambda stub: stub.ResumeRun(asked))


def cancel(run_id: object) -> desk.View:
    """Stop a run for good."""
    asked = run_service_pb2.CancelRunRequest(id=str(run_id))
    return _act(run_id, "runs.cancelled", lambda stub: stub.CancelRun(asked))


def _act(run_id: object, said: str, call: Callable[[Any], object]) -> desk.View:
    form = Form.sent()
    form.attempt(lambda: call(desk.ask(RunServiceStub)))
    if form.bad:
        return _page(run_id, form)
    flash(desk.t(said))
    return desk.to(url_for("web.run", run_id=run_id))


def recipients(run_id: object) -> desk.View:
    """List the people behind a figure: of a state, or left out for a reason."""
    run = _get(run_id)
    state, reason = request.args.get("state", ""), request.args.get("reason", "")
    number = names.value(run_pb2.RecipientState, state)
    asked = run_service_pb2.ListRecipientsRequest(
        run_id=run.id,
        states=[run_pb2.RecipientState.ValueType(number)] if number else [],
        reason=reason,
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
    )
    found = desk.ask(RunServiceStub).ListRecipients(asked)
    people = lookups.contacts([it.contact_id for it in found.recipients])
    template = "recipients_rows.html" if desk.partial() else "recipients.html"
    return desk.page(template, run=run, found=found, people=people, state=state, reason=reason)
