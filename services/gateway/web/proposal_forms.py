"""The editor of a proposal: its fields, its lines, totals as one types, and how it will look."""

from datetime import UTC, datetime, timedelta

from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.interactions.v1.proposal_service_pb2_grpc import (
    ProposalServiceStub,
    ProposalTemplateServiceStub,
)
from flask import Blueprint, flash, g, request, url_for
from markupsafe import Markup

from services.gateway.web import desk, formats, lookups, proposal_lines, proposals
from services.gateway.web.forms import Form

MASK = [
    *("title", "contact_id", "address", "recipient_name", "template_id", "currency", "lines"),
    *("valid_until", "remind_days_before", "locale", "accepted_life_stage_id"),
]
USUAL_DAYS = 30
MOST_BLANK = 3


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/proposals/new", endpoint="new_proposal")(new)
    pages.post("/proposals/new", endpoint="create_proposal")(create)
    pages.get("/proposals/line", endpoint="proposal_line")(line)
    pages.post("/proposals/totals", endpoint="proposal_totals")(totals)
    pages.post("/proposals/preview", endpoint="preview_proposal")(preview)
    pages.get("/proposals/<uuid:proposal_id>/edit", endpoint="edit_proposal")(edit)
    pages.post("/proposals/<uuid:proposal_id>/edit", endpoint="update_proposal")(update)


def new() -> desk.View:
    """Show the form, for the contact one comes from."""
    zone = formats.zone(formats.HOME_ZONE)
    until = datetime.now(UTC).astimezone(zone) + timedelta(days=USUAL_DAYS)
    return _form(
        Form.filled(
            {
                "contact_ids": request.args.get("contact", ""),
                "currency": "VND",
                "locale": "vi",
                "valid_until": f"{until:%Y-%m-%d}",
                "remind_days_before": "3",
            }
        )
    )


def create() -> desk.View:
    """Draft a proposal, or show what is refused with all that was typed."""
    form = Form.sent()
    wanted = _read(form)
    asked = pb2.CreateProposalRequest(proposal=wanted, request_id=form.request_id)
    made = None
    if not form.bad:
        made = form.attempt(
            lambda: desk.ask(ProposalServiceStub).CreateProposal(asked),
            prefix="proposal.",
            known=_known(wanted),
        )
    return _form(form) if made is None else _stored(made, "proposals.created")


def edit(proposal_id: object) -> desk.View:
    """Show a draft's fields."""
    stored = proposals.get(proposal_id)
    rows = proposal_lines.shown(stored.lines, stored.currency)
    form = Form.filled(
        {
            "title": stored.title,
            "contact_ids": stored.contact_id,
            "address": stored.address,
            "recipient_name": stored.recipient_name,
            "template_id": stored.template_id,
            "currency": stored.currency,
            "valid_until": stored.valid_until,
            "remind_days_before": str(stored.remind_days_before),
            "locale": stored.locale,
            "accepted_life_stage_id": stored.accepted_life_stage_id,
            "etag": stored.etag,
            **proposal_lines.filled(rows),
        }
    )
    return _form(form, stored)


def update(proposal_id: object) -> desk.View:
    """Store what was changed; one that changed meanwhile is to be loaded again first."""
    form = Form.sent()
    wanted = _read(form)
    wanted.id, wanted.etag = str(proposal_id), form.get("etag")
    asked = pb2.UpdateProposalRequest(proposal=wanted, request_id=form.request_id)
    asked.update_mask.paths.extend(_changed(form))
    updated = None
    if not form.bad:
        updated = form.attempt(
            lambda: desk.ask(ProposalServiceStub).UpdateProposal(asked),
            prefix="proposal.",
            known=_known(wanted),
        )
    if updated is None:
        return _form(form, proposals.get(proposal_id))
    return _stored(updated, "proposals.updated")


def line() -> desk.View:
    """Give an empty row."""
    return desk.page("proposal_line.html", form=Form(), row=proposal_lines.BLANK, at=-1)


def totals() -> desk.View:
    """Say what the lines of the form come to."""
    form = Form.sent()
    wanted = proposal_pb2.Proposal(currency=_currency(form))
    wanted.lines.extend(proposal_lines.read(form, wanted.currency))
    found = None
    if not form.bad:
        asked = pb2.PreviewProposalRequest(proposal=wanted, totals_only=True)
        found = form.attempt(
            lambda: desk.ask(ProposalServiceStub).PreviewProposal(asked), prefix="proposal."
        )
    return desk.page("proposal_totals.html", found=found, form=form)


def preview() -> desk.View:
    """Show how what is in the form will look."""
    form = Form.sent()
    wanted = _read(form)
    found = None
    if not form.bad:
        asked = pb2.PreviewProposalRequest(proposal=wanted)
        found = form.attempt(
            lambda: desk.ask(ProposalServiceStub).PreviewProposal(asked), prefix="proposal."
        )
    # Made by interactions, every text escaped.
    document = Markup(found.html) if found else ""  # noqa: S704
    of_contact = wanted.contact_id
    return desk.page("proposal_preview.html", document=document, form=form, of_contact=of_contact)


def _read(form: Form) -> proposal_pb2.Proposal:
    days = form.get("remind_days_before") or "0"
    if not (days.isascii() and days.isdigit() and len(days) < 4):
        form.refuse("remind_days_before", desk.t("form.whole_number"))
        days = "0"
    wanted = proposal_pb2.Proposal(
        title=form.get("title"),
        contact_id=form.get("contact_ids"),
        address=form.get("address"),
        recipient_name=form.get("recipient_name"),
        template_id=form.get("template_id"),
        currency=_currency(form),
        valid_until=form.get("valid_until"),
        remind_days_before=int(days),
        locale=form.get("locale"),
        accepted_life_stage_id=form.get("accepted_life_stage_id"),
    )
    wanted.lines.extend(proposal_lines.read(form, wanted.currency))
    return wanted


def _currency(form: Form) -> str:
    asked = form.get("currency")
    return asked if asked in proposal_lines.CURRENCIES else "VND"


def _known(wanted: proposal_pb2.Proposal) -> list[str]:
    return [*MASK, *proposal_lines.known(len(wanted.lines))]


def _stored(proposal: proposal_pb2.Proposal, said: str) -> desk.View:
    flash(desk.t(said))
    return desk.to(url_for("web.proposal", proposal_id=proposal.id))


def _templates() -> list[proposal_pb2.ProposalTemplate]:
    if "proposal_templates" not in g:
        asked = pb2.ListProposalTemplatesRequest(page_size=lookups.MOST)
        found = desk.ask(ProposalTemplateServiceStub).ListProposalTemplates(asked)
        g.proposal_templates = list(found.templates)
    return g.proposal_templates  # type: ignore[no-any-return]


def _stages(chosen: str) -> list[tuple[str, str]]:
    """Return the life stages to choose from, the chosen one too while leads is away."""
    known = [(it.id, it.name) for it in lookups.stages()]
    return known if not chosen or chosen in dict(known) else [*known, (chosen, chosen[:8])]


def _changed(form: Form) -> list[str]:
    """Return what a form changes: an address that is hidden stays unless another was typed."""
    keeps = desk.hides("contacts.emails") and not form.get("address")
    return [it for it in MASK if not (keeps and it == "address")]


def _form(form: Form, stored: proposal_pb2.Proposal | None = None) -> desk.View:
    rows = proposal_lines.typed(form.values)
    chosen = form.get("contact_ids")
    body = desk.page(
        "proposal_form.html",
        form=form,
        proposal=stored,
        rows=[*rows, *[proposal_lines.BLANK] * (1 if rows else MOST_BLANK)],
        blank_from=len(rows),
        templates=_templates(),
        stage_pairs=_stages(form.get("accepted_life_stage_id")),
        currency_pairs=[(it, it) for it in proposal_lines.CURRENCIES],
        contact=lookups.contacts([chosen]).get(chosen) if chosen else None,
        stale=form.reason == "ETAG_STALE",
    )
    return body, form.status
