"""The customer's proposals: the list, reading one, and answering it."""

from collections.abc import Callable
from typing import Any

from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub
from flask import Blueprint, Response, request, url_for

from services.gateway import downloads, pdfs
from services.gateway.portal import desk
from services.gateway.public import proposal_page
from services.gateway.public.proposal_page import Links, Refused, issue

ONE = "/proposals/<uuid:proposal_id>"


def add(pages: Blueprint) -> None:
    """Add the routes."""
    pages.get("/proposals", endpoint="proposals")(listing)
    pages.get(ONE, endpoint="proposal")(show)
    pages.get(f"{ONE}/pdf", endpoint="proposal_pdf")(pdf)
    pages.get(f"{ONE}/files/<name>", endpoint="proposal_file")(file)
    pages.post(f"{ONE}/seen", endpoint="proposal_seen")(seen)
    pages.post(f"{ONE}/accept", endpoint="accept_proposal")(accept)
    pages.post(f"{ONE}/decline", endpoint="decline_proposal")(decline)
    pages.post(f"{ONE}/comment", endpoint="comment_proposal")(comment)


def listing() -> desk.View:
    """List what was sent, newest first."""
    asked = pb2.ListMyProposalsRequest(page_size=desk.PAGE_SIZE, page_token=desk.page_token())
    found = desk.ask(PortalServiceStub).ListMyProposals(asked)
    return desk.page("proposals.html", found=found)


def show(proposal_id: object) -> desk.View:
    """Show one as it is now."""
    return _page(proposal_id)


def pdf(proposal_id: object) -> Response:
    """Give the document to keep."""
    asked = pb2.GetMyProposalPdfRequest(id=str(proposal_id))
    return pdfs.file(desk.ask(PortalServiceStub).GetMyProposalPdf(asked))


def file(proposal_id: object, name: str) -> Response:
    """Give a file that goes with it to keep."""
    asked = pb2.GetMyProposalAttachmentRequest(id=str(proposal_id), name=name)
    return downloads.file(desk.ask(PortalServiceStub).GetMyProposalAttachment(asked))


def seen(proposal_id: object) -> Response:
    """Take the script's word that the customer looks."""
    asked = pb2.SeeMyProposalRequest(id=str(proposal_id), issue=issue())
    desk.ask(PortalServiceStub).SeeMyProposal(asked)
    return Response(status=204)


def accept(proposal_id: object) -> desk.View:
    """Accept what was read."""
    name = request.form.get("name", "")
    asked = pb2.AcceptMyProposalRequest(id=str(proposal_id), issue=issue(), name=name)
    stub = desk.ask(PortalServiceStub)
    return _told(proposal_id, "accepted", lambda: stub.AcceptMyProposal(asked))


def decline(proposal_id: object) -> desk.View:
    """Decline what was read."""
    reason = request.form.get("reason", "")
    asked = pb2.DeclineMyProposalRequest(id=str(proposal_id), issue=issue(), reason=reason)
    stub = desk.ask(PortalServiceStub)
    return _told(proposal_id, "declined", lambda: stub.DeclineMyProposal(asked))


def comment(proposal_id: object) -> desk.View:
    """Leave a word for who sent it."""
    asked = pb2.CommentMyProposalRequest(
        id=str(proposal_id),
        text=request.form.get("text", ""),
        request_id=request.form.get("request_id", "")[:128],
    )
    stub = desk.ask(PortalServiceStub)
    return _told(proposal_id, "commented", lambda: stub.CommentMyProposal(asked))


def _told(proposal_id: object, said: str, call: Callable[[], object]) -> desk.View:
    refused = proposal_page.attempted(call)
    if refused is not None:
        return _page(proposal_id, refused)
    return desk.to("proposal", proposal_id=proposal_id, said=said)


def _page(proposal_id: object, refused: Refused | None = None) -> desk.View:
    asked = pb2.GetMyProposalRequest(id=str(proposal_id))
    found = desk.ask(PortalServiceStub).GetMyProposal(asked)

    def place(name: str, /, **more: Any) -> str:
        return url_for(f"my.{name}", proposal_id=proposal_id, **more)

    links = Links(
        seen=place("proposal_seen"),
        accept=place("accept_proposal"),
        decline=place("decline_proposal"),
        comment=place("comment_proposal"),
        pdf=place("proposal_pdf"),
        file=lambda name: place("proposal_file", name=name),
    )
    values = proposal_page.values(found, desk.language(), links, refused)
    return desk.page("proposal.html", **values), refused.status if refused else 200
