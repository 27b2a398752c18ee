"""Files that go with templates and proposals: added, removed and fetched on the page of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm.campaigns.v1 import template_service_pb2
from crm.campaigns.v1.template_service_pb2_grpc import TemplateServiceStub
from crm.interactions.v1 import proposal_attachment_service_pb2 as pb2
from crm.interactions.v1.proposal_attachment_service_pb2_grpc import ProposalAttachmentServiceStub
from flask import Blueprint, Response, flash, request, url_for

from services.gateway import downloads
from services.gateway.api import uploads
from services.gateway.web import desk, proposal_templates, proposals, templates
from services.gateway.web.forms import Form


@dataclass(frozen=True)
class Owner:
    """What has files: its page and the calls for them.

    `noun` begins the names of routes and is the page's; `shown` makes the page again with why a
    file was not taken; `add`, `remove` and, where files can be fetched, `get` are the requests of
    the calls of the same names.
    """

    noun: str
    path: str
    key: str
    shown: Callable[..., str]
    stub: Callable[..., Any]
    add: Any
    remove: Any
    get: Any = None

    def call(self, asked: Any) -> Any:
        """Make the call that a request is for."""
        name = type(asked).__name__.removesuffix("Request")
        return getattr(desk.ask(self.stub), name)(asked)

    def page(self, owner_id: object) -> str:
        """Return the address of its page."""
        named: dict[str, Any] = {self.key: owner_id}
        return url_for(f"web.{self.noun}", **named)


OWNERS = (
    Owner(
        "template",
        "/templates",
        "template_id",
        templates.shown,
        TemplateServiceStub,
        template_service_pb2.AddAttachmentRequest,
        template_service_pb2.RemoveAttachmentRequest,
    ),
    Owner(
        "proposal",
        "/proposals",
        "proposal_id",
        proposals.shown,
        ProposalAttachmentServiceStub,
        pb2.AddProposalAttachmentRequest,
        pb2.RemoveProposalAttachmentRequest,
        pb2.GetProposalAttachmentRequest,
    ),
    Owner(
        "proposal_template",
        "/proposal-templates",
        "template_id",
        proposal_templates.shown,
        ProposalAttachmentServiceStub,
        pb2.AddProposalTemplateAttachmentRequest,
        pb2.RemoveProposalTemplateAttachmentRequest,
        pb2.GetProposalTemplateAttachmentRequest,
    ),
)


def add(pages: Blueprint) -> None:
    """Add the routes."""
    for owner in OWNERS:
        path = f"{owner.path}/<uuid:owner_id>/attachments"
        its = {"owner": owner}
        pages.post(path, endpoint=f"attach_{owner.noun}", defaults=its)(attach)
        pages.post(f"{path}/remove", endpoint=f"detach_{owner.noun}", defaults=its)(detach)
        if owner.get is not None:
            pages.get(f"{path}/file", endpoint=f"{owner.noun}_file", defaults=its)(fetch)


def attach(owner: Owner, owner_id: object) -> desk.View:
    """Take a file; the browser sends it alone, and the form's token in a header."""
    form = Form()

    def send() -> Any:
        name, data = uploads.read(request, most=uploads.SMALL)
        key = request.headers.get("X-Request-Key") or desk.fresh_id()
        return owner.call(owner.add(id=str(owner_id), name=name, data=data, request_id=key))

    if form.attempt(send) is not None:
        flash(desk.t("templates.attached"))
        return desk.to(owner.page(owner_id))
    said = ". ".join([*form.wrong.values(), *form.general])
    if desk.partial():
        return desk.page("import_refused.html", said=said), 422
    return owner.shown(owner_id, said=said), form.status


def detach(owner: Owner, owner_id: object) -> desk.View:
    """Take a file away; what was sent still has it."""
    form = Form.sent()
    name = form.values.get("attachment", "")
    asked = owner.remove(id=str(owner_id), name=name, request_id=form.request_id)
    if form.attempt(lambda: owner.call(asked)) is None:
        return owner.shown(owner_id, said=". ".join(form.general)), form.status
    flash(desk.t("templates.detached"))
    return desk.to(owner.page(owner_id))


def fetch(owner: Owner, owner_id: object) -> Response:
    """Give a file to keep."""
    asked = owner.get(id=str(owner_id), name=request.args.get("name", ""))
    return downloads.file(owner.call(asked))
