"""Templates of proposals: the list, and one whose every change is a new version."""

from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.interactions.v1.proposal_service_pb2_grpc import ProposalTemplateServiceStub
from flask import Blueprint, flash, request, url_for
from markupsafe import Markup

from services.gateway.web import desk
from services.gateway.web.forms import Form

MOST = 50
VARIABLES = (
    *("recipient_name", "salutation", "display_name", "family_name", "given_name", "company"),
    *("job_title", "email", "phone", "reference_code"),
    *("number", "title", "date", "valid_until", "total"),
)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/proposal-templates/<uuid:template_id>"
    pages.get("/proposal-templates", endpoint="proposal_templates")(listing)
    pages.get("/proposal-templates/new", endpoint="new_proposal_template")(new)
    pages.post("/proposal-templates/new", endpoint="create_proposal_template")(create)
    pages.get("/proposal-templates/block", endpoint="proposal_block")(block)
    pages.post("/proposal-templates/preview", endpoint="preview_proposal_template")(preview)
    pages.get(one, endpoint="proposal_template")(detail)
    pages.post(one, endpoint="update_proposal_template")(update)


def listing() -> desk.View:
    """List the templates by name."""
    asked = pb2.ListProposalTemplatesRequest(page_size=desk.PAGE_SIZE, page_token=desk.page_token())
    found = desk.ask(ProposalTemplateServiceStub).ListProposalTemplates(asked)
    return desk.page("proposal_templates.html", found=found)


def new() -> desk.View:
    """Show a form with a greeting, the prices and an end."""
    return _form(Form())


def create() -> desk.View:
    """Store a template, or show why it is not admitted with all that was typed."""
    form = Form.sent()
    asked = pb2.CreateProposalTemplateRequest(template=_read(form), request_id=form.request_id)
    made = form.attempt(
        lambda: desk.ask(ProposalTemplateServiceStub).CreateProposalTemplate(asked),
        prefix="template.",
        known=_known(form),
    )
    if made is None:
        return _form(form)
    flash(desk.t("proposal_templates.created"))
    return desk.to(url_for("web.proposal_template", template_id=made.id))


def detail(template_id: object) -> desk.View:
    """Show a version of a template to be changed; the newest unless another is asked for."""
    version = request.args.get("version", "")
    number = int(version) if version.isascii() and version.isdigit() and len(version) < 9 else 0
    return shown(template_id, version=number), 200


def shown(template_id: object, *, version: int = 0, said: str = "") -> str:
    """Return the page of a version; `said` is why a file was not taken."""
    stored = _get(template_id, version)
    kinds = [
        "prices" if it.kind == proposal_pb2.BLOCK_KIND_PRICES else "text" for it in stored.blocks
    ]
    form = Form.filled(
        {
            "name": stored.name,
            "etag": stored.etag,
            "block_kind": kinds,
            "block_heading": [it.heading or " " for it in stored.blocks],
            "block_text": [it.text or " " for it in stored.blocks],
        }
    )
    return _body(form, stored, is_newest=not version, said=said)


def update(template_id: object) -> desk.View:
    """Write a new version."""
    form = Form.sent()
    template = _read(form)
    template.id, template.etag = str(template_id), form.get("etag")
    asked = pb2.UpdateProposalTemplateRequest(template=template, request_id=form.request_id)
    asked.update_mask.paths.extend(["name", "blocks"])
    updated = form.attempt(
        lambda: desk.ask(ProposalTemplateServiceStub).UpdateProposalTemplate(asked),
        prefix="template.",
        known=_known(form),
    )
    if updated is None:
        return _form(form, _get(template_id, 0))
    flash(desk.t("proposal_templates.updated", n=updated.version))
    return desk.to(url_for("web.proposal_template", template_id=template_id))


def block() -> desk.View:
    """Give an empty block."""
    empty = {"kind": "text", "heading": "", "text": ""}
    return desk.page("proposal_block.html", form=Form(), block=empty, at=-1)


def preview() -> desk.View:
    """Show how what is in the form looks with sample values."""
    form = Form.sent()
    asked = pb2.PreviewProposalTemplateRequest(template=_read(form))
    found = form.attempt(
        lambda: desk.ask(ProposalTemplateServiceStub).PreviewProposalTemplate(asked),
        prefix="template.",
    )
    # Made by interactions, every text escaped.
    document = Markup(found.html) if found else ""  # noqa: S704
    return desk.page("proposal_preview.html", document=document, form=form)


def _get(template_id: object, version: int) -> proposal_pb2.ProposalTemplate:
    asked = pb2.GetProposalTemplateRequest(id=str(template_id), version=version)
    return desk.ask(ProposalTemplateServiceStub).GetProposalTemplate(asked)


def _blocks(form: Form) -> list[dict[str, str]]:
    """Return the blocks of a form that hold something; one of prices always does."""
    kinds = form.values.getlist("block_kind")[: MOST + 1]
    headings, texts = (form.values.getlist(f"block_{it}") for it in ("heading", "text"))
    blocks = [
        {
            "kind": kind,
            "heading": headings[at].strip() if at < len(headings) else "",
            "text": texts[at].strip() if at < len(texts) else "",
        }
        for at, kind in enumerate(kinds)
    ]
    return [it for it in blocks if it["kind"] == "prices" or it["heading"] or it["text"]]


def _read(form: Form) -> proposal_pb2.ProposalTemplate:
    return proposal_pb2.ProposalTemplate(
        name=form.get("name"),
        blocks=[
            proposal_pb2.ProposalBlock(
                kind=(
                    proposal_pb2.BLOCK_KIND_PRICES
                    if it["kind"] == "prices"
                    else proposal_pb2.BLOCK_KIND_TEXT
                ),
                heading=it["heading"],
                text=it["text"],
            )
            for it in _blocks(form)
        ],
    )


def _known(form: Form) -> list[str]:
    count = len(_blocks(form))
    return ["name", *[f"blocks[{at}].{it}" for at in range(count) for it in ("heading", "text")]]


def _form(form: Form, stored: proposal_pb2.ProposalTemplate | None = None) -> desk.View:
    return _body(form, stored), form.status


def _body(
    form: Form,
    stored: proposal_pb2.ProposalTemplate | None,
    *,
    is_newest: bool = True,
    said: str = "",
) -> str:
    blocks = _blocks(form)
    if not blocks or (stored is None and not form.get("name")):
        blocks = [{"kind": it, "heading": "", "text": ""} for it in ("text", "prices", "text")]
    return desk.page(
        "proposal_template_form.html",
        form=form,
        template=stored,
        blocks=blocks,
        variables=VARIABLES,
        stale=form.reason == "ETAG_STALE",
        is_newest=is_newest,
        said=said,
    )
