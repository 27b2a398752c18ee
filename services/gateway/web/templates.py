"""Templates of messages: the list, writing one with a preview, and the preview itself."""

from crm.campaigns.v1 import template_pb2, template_service_pb2
from crm.campaigns.v1.template_service_pb2_grpc import TemplateServiceStub
from flask import Blueprint, Response, flash, make_response, request, url_for

from services.gateway.api import uploads
from services.gateway.web import desk, names
from services.gateway.web.forms import Form

KNOWN = ["name", "channel", "subject", "markup", "html", "text"]
VARIABLES = (
    "salutation given_name family_name display_name company province advertiser_name "
    "advertiser_address unsubscribe_url"
).split()

MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "frame-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "base-uri 'none'",
    )
)
"""For documents that show a mail as written, with its inline styles; no script runs in them."""


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/templates", endpoint="templates")(listing)
    pages.get("/templates/new", endpoint="new_template")(new)
    pages.post("/templates/new", endpoint="create_template")(create)
    pages.post("/templates/preview", endpoint="preview_template")(preview)
    pages.get("/templates/<uuid:template_id>", endpoint="template")(detail)
    pages.get("/templates/<uuid:template_id>/preview", endpoint="template_preview")(stored_preview)
    pages.post("/templates/<uuid:template_id>", endpoint="update_template")(update)


def listing() -> desk.View:
    """List the templates by name."""
    channel = names.value(template_pb2.Channel, request.args.get("channel", ""))
    asked = template_service_pb2.ListTemplatesRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        channel=template_pb2.Channel.ValueType(channel),
    )
    return desk.page("templates.html", found=desk.ask(TemplateServiceStub).ListTemplates(asked))


def new() -> desk.View:
    """Show the empty form."""
    return _form(Form.filled({"channel": request.args.get("channel", "email")}))


def create() -> desk.View:
    """Store a template, or show why it is not admitted with all that was typed."""
    form = Form.sent()
    asked = template_service_pb2.CreateTemplateRequest(
        template=_read(form), request_id=form.request_id
    )
    created = form.attempt(
        lambda: desk.ask(TemplateServiceStub).CreateTemplate(asked),
        prefix="template.",
        known=KNOWN,
    )
    if created is None:
        return _form(form)
    flash(desk.t("templates.created"))
    back = form.get("next")
    if back:
        separator = "&" if "?" in back else "?"
        return desk.to(desk.way_back(f"{back}{separator}template={created.id}"))
    return desk.to(url_for("web.template", template_id=created.id))


def _get(template_id: object) -> template_pb2.Template:
    asked = template_service_pb2.GetTemplateRequest(id=str(template_id))
    return desk.ask(TemplateServiceStub).GetTemplate(asked)


def detail(template_id: object) -> desk.View:
    """Show a template to be changed."""
    return shown(template_id), 200


def shown(template_id: object, *, said: str = "") -> str:
    """Return the page of a template; `said` is why a file was not taken."""
    stored = _get(template_id)
    values = {
        "name": stored.name,
        "channel": names.short(template_pb2.Channel, stored.channel),
        "subject": stored.subject,
        "html": stored.html,
        "markup": names.short(template_pb2.Markup, stored.markup),
        "text": stored.text,
        "etag": stored.etag,
    }
    return _body(Form.filled(values), stored, said)


def update(template_id: object) -> desk.View:
    """Store what was changed; runs that started keep the old one."""
    form = Form.sent()
    template = _read(form)
    template.id, template.etag = str(template_id), form.get("etag")
    template.ClearField("channel")
    asked = template_service_pb2.UpdateTemplateRequest(template=template)
    asked.update_mask.paths.extend(["name", "subject", "html", "text", "markup"])
    updated = form.attempt(
        lambda: desk.ask(TemplateServiceStub).UpdateTemplate(asked),
        prefix="template.",
        known=KNOWN,
    )
    if updated is None:
        return _form(form, _get(template_id))
    flash(desk.t("templates.updated"))
    return desk.to(url_for("web.template", template_id=template_id))


def _read(form: Form) -> template_pb2.Template:
    channel = names.value(template_pb2.Channel, form.get("channel"))
    email = channel == template_pb2.CHANNEL_EMAIL
    markup = names.value(template_pb2.Markup, form.get("markup")) if email else 0
    return template_pb2.Template(
        markup=template_pb2.Markup.ValueType(markup),
        name=form.get("name"),
        channel=template_pb2.Channel.ValueType(channel),
        subject=form.get("subject") if email else "",
        html=form.values.get("html", "") if email else "",
        text=form.values.get("text" if email else "sms_text", form.values.get("text", "")),
    )


def preview() -> Response:
    """Render what is in the form now; the answer is shown in a frame of the form's page."""
    form = Form.sent()
    template = _read(form)
    # It is rendered for its looks; the name matters when it is stored.
    template.name = template.name or "preview"
    asked = template_service_pb2.PreviewTemplateRequest(template=template)
    return _rendered(form, asked)


def stored_preview(template_id: object) -> Response:
    """Render a stored template, for a contact if one is named."""
    asked = template_service_pb2.PreviewTemplateRequest(
        template_id=str(template_id), contact_id=request.args.get("contact", "")
    )
    return _rendered(Form(), asked)


def _rendered(form: Form, asked: template_service_pb2.PreviewTemplateRequest) -> Response:
    found = form.attempt(
        lambda: desk.ask(TemplateServiceStub).PreviewTemplate(asked),
        prefix="template.",
        known=KNOWN,
    )
    page = desk.page("preview.html", found=found, form=form, of_contact=asked.contact_id)
    response = make_response(page, form.status)
    return showing_mail(response)


def showing_mail(response: Response) -> Response:
    """Allow inline styles in this document, for the mails it shows, and frames of ours only."""
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def _form(form: Form, stored: template_pb2.Template | None = None) -> desk.View:
    return _body(form, stored), form.status


def _body(form: Form, stored: template_pb2.Template | None, said: str = "") -> str:
    return desk.page(
        "template_form.html",
        form=form,
        template=stored,
        variables=VARIABLES,
        back=request.args.get("next", "") or form.get("next"),
        said=said,
        most=uploads.SMALL,
    )
