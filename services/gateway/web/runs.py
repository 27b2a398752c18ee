"""A run while it goes and after: its figures, pausing and ending it, and the people behind each."""

from collections.abc import Callable
from typing import Any, NamedTuple

from crm.campaigns.v1 import campaign_pb2, campaign_service_pb2, run_pb2, run_service_pb2
from crm.campaigns.v1.campaign_service_pb2_grpc import CampaignServiceStub
from crm.campaigns.v1.run_service_pb2_grpc import RunServiceStub
from flask import Blueprint, Response, flash, request, url_for
from werkzeug.utils import secure_filename

from services.gateway import files
from services.gateway.languages import Language
from services.gateway.web import campaigns, desk, formats, lookups, names, words
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
DIVIDED = ("skipped", "deferred", "failed", "bounced", "in_doubt", "abandoned")
"""Counts whose reasons the page shows."""
UNSETTLED = ("waiting", "handed_over", "deferred")


USUAL = ("failed", "bounced", "skipped", "expired", "cancelled")
"""Those a run did not reach, and who may be written to again."""
MAYBE = ("abandoned", "in_doubt")
"""Those nobody can know about: only who asks for them gets them."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/runs/<uuid:run_id>", endpoint="run")(detail)
    pages.get("/runs/<uuid:run_id>/progress", endpoint="run_progress")(progress)
    pages.post("/runs/<uuid:run_id>/pause", endpoint="pause_run")(pause)
    pages.post("/runs/<uuid:run_id>/resume", endpoint="resume_run")(resume)
    pages.post("/runs/<uuid:run_id>/cancel", endpoint="cancel_run")(cancel)
    pages.get("/runs/<uuid:run_id>/recipients", endpoint="recipients")(recipients)
    pages.get("/runs/<uuid:run_id>/recipients.csv", endpoint="recipients_csv")(recipients_csv)
    pages.get("/runs/<uuid:run_id>/unreached", endpoint="unreached")(unreached)
    pages.post("/runs/<uuid:run_id>/unreached", endpoint="draft_resend")(draft_resend)


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
        "reached": run.counts.accepted + run.counts.delivered,
        "excluded": sum(it.count for it in run.excluded),
        "going": run.state in GOING,
        "bars": _bars(counts, run.planned),
        "reasons": _reasons(run),
    }


def _reasons(run: run_pb2.Run) -> dict[str, list[run_pb2.ReasonCount]]:
    """Return what divides each count, the most frequent first."""
    divided: dict[str, list[run_pb2.ReasonCount]] = {}
    for it in sorted(run.reasons, key=lambda each: -each.count):
        divided.setdefault(names.short(run_pb2.RecipientState, it.state), []).append(it)
    return {name: divided[name] for name in DIVIDED if name in divided}


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


def _rows_of() -> tuple[str, str, list[run_pb2.RecipientState.ValueType]]:
    """Return the state and the reason a list is asked for, and the state as the call has it."""
    state, reason = request.args.get("state", ""), request.args.get("reason", "")
    number = names.value(run_pb2.RecipientState, state)
    return state, reason, [run_pb2.RecipientState.ValueType(number)] if number else []


def recipients_csv(run_id: object) -> Response:
    """Send the rows of a list as a file, as they are read."""
    state, reason, states = _rows_of()
    asked = run_service_pb2.ExportRecipientsRequest(
        run_id=str(run_id), states=states, reason=reason
    )
    # A stream outlives the request that began it: what it needs of it is taken now.
    told = _Told(desk.language(), desk.time_zone())
    answers = desk.ask(RunServiceStub).ExportRecipients(asked, timeout=files.SECONDS)
    parts = ([told.row(it) for it in part.recipients] for part in answers)
    name = "-".join(it for it in ("recipients", state, reason.lower()) if it)
    headings = [desk.t(key) for key in _COLUMNS]
    return desk.gateway().files.answer(parts, headings, f"{secure_filename(name)}.csv")


class _Told(NamedTuple):
    """Says recipients in the language and zone of who reads."""

    language: Language
    zone: str

    def row(self, it: run_pb2.Recipient) -> list[str]:
        """Return the cells of `_COLUMNS`."""
        state, code = names.short(run_pb2.RecipientState, it.state), it.reason.lower()
        reason = words.known(self.language, f"reason.{code}", it.reason)
        return [
            it.contact_id,
            it.address,
            words.known(self.language, f"recipient.{state}", state),
            words.known(self.language, f"exclusion.{code}", reason),
            formats.moment(self.language, it.update_time, self.zone),
            it.message_id,
            it.campaign_name,
        ]


_COLUMNS = (
    "recipients.contact_id",
    "recipients.address",
    "campaigns.state",
    "review.reason",
    "recipients.when",
    "doubts.id",
    "campaigns.name",
)


def unreached(run_id: object) -> desk.View:
    """Show whom a run did not reach, to be chosen for another."""
    return _unreached(run_id, Form.filled({"states": [*USUAL]}))


def _unreached(run_id: object, form: Form) -> desk.View:
    run = _get(run_id)
    campaign = desk.maybe(lambda: campaigns.get(run.campaign_id), source="campaigns")
    people = {name: int(getattr(run.counts, name)) for name in (*USUAL, *MAYBE)}
    for it in run.reasons:
        name = names.short(run_pb2.RecipientState, it.state)
        if name in people and it.lasting:
            people[name] -= it.count
    body = desk.page(
        "unreached.html",
        run=run,
        campaign=campaign,
        form=form,
        people=people,
        usual=USUAL,
        maybe=MAYBE,
        over=run.HasField("end_time"),
    )
    return body, form.status


def draft_resend(run_id: object) -> desk.View:
    """Draft a campaign to those who were chosen, and go to its review."""
    form = Form.sent()
    chosen = [names.value(campaign_pb2.UnreachedState, it) for it in form.all("states")]
    asked = campaign_service_pb2.DraftResendRequest(
        unreached=campaign_pb2.Unreached(
            run_id=str(run_id),
            states=[campaign_pb2.UnreachedState.ValueType(it) for it in chosen if it],
            accept_duplicate=form.get("accept_duplicate") == "yes",
        ),
        name=form.get("name"),
        request_id=form.request_id,
    )
    made = form.attempt(
        lambda: desk.ask(CampaignServiceStub).DraftResend(asked),
        prefix="campaign.audience.unreached.",
        known=["states", "accept_duplicate", "name"],
    )
    if made is None:
        return _unreached(run_id, form)
    return desk.to(url_for("web.review", campaign_id=made.id))


def recipients(run_id: object) -> desk.View:
    """List the people behind a figure: of a state, or left out for a reason."""
    run = _get(run_id)
    state, reason, states = _rows_of()
    asked = run_service_pb2.ListRecipientsRequest(
        run_id=run.id,
        states=states,
        reason=reason,
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
    )
    found = desk.ask(RunServiceStub).ListRecipients(asked)
    people = lookups.contacts([it.contact_id for it in found.recipients])
    template = "recipients_rows.html" if desk.partial() else "recipients.html"
    return desk.page(template, run=run, found=found, people=people, state=state, reason=reason)
