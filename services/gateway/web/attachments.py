"""Files that go with a template's e-mails: added and removed on the template's page."""

from crm.campaigns.v1 import template_pb2, template_service_pb2
from crm.campaigns.v1.template_service_pb2_grpc import TemplateServiceStub
from flask import Blueprint, flash, request, url_for

from services.gateway.api import uploads
from services.gateway.web import desk, templates
from services.gateway.web.forms import Form


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.post("/templates/<uuid:template_id>/attachments", endpoint="attach")(attach)
    pages.post("/templates/<uuid:template_id>/attachments/remove", endpoint="detach")(detach)


def attach(template_id: object) -> desk.View:
    """Take a file; the browser sends it alone, and the form's token in a header."""
    form = Form()

    def send() -> template_pb2.Template:
        name, data = uploads.read(request, most=uploads.SMALL)
        asked = template_service_pb2.AddAttachmentRequest(
            id=str(template_id),
            name=name,
            data=data,
            request_id=request.headers.get("X-Request-Key") or desk.fresh_id(),
        )
        return desk.ask(TemplateServiceStub).AddAttachment(asked)

    if form.attempt(send) is not None:
        flash(desk.t("templates.attached"))
        return desk.to(url_for("web.template", template_id=template_id))
    said = ". ".join([*form.wrong.values(), *form.general])
    if desk.partial():
        return desk.page("import_refused.html", said=said), 422
    return templates.shown(template_id, said=said), form.status


def detach(template_id: object) -> desk.View:
    """Take a file away; runs that started still have it."""
    form = Form.sent()
    asked = template_service_pb2.RemoveAttachmentRequest(
        id=str(template_id), name=form.values.get("attachment", ""), request_id=form.request_id
    )
    if form.attempt(lambda: desk.ask(TemplateServiceStub).RemoveAttachment(asked)) is None:
        return templates.shown(template_id, said=". ".join(form.general)), form.status
    flash(desk.t("templates.detached"))
    return desk.to(url_for("web.template", template_id=template_id))
