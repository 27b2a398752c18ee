"""The link of a proposal: read it on a phone, keep it as PDF, accept, decline or comment.

GET changes nothing, since mail programs and their scanners open links: that somebody looked is
told by the page's script. An answer carries which sending of the proposal was read, so that nobody
accepts what they have not seen. Whoever has the link may answer, so that it is passed on with the
gateway's own identity.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.interactions.v1.proposal_service_pb2_grpc import ProposalLinkServiceStub
from flask import Flask, Response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

from services.gateway import downloads, languages, pdfs
from services.gateway.languages import Language
from services.gateway.public import proposal_page
from services.gateway.public.proposal_page import Links, Refused, issue
from services.gateway.public.proposal_texts import TEXTS

if TYPE_CHECKING:
    from services.gateway.app import Gateway

View = str | WerkzeugResponse | tuple[str, int]


def attach(app: Flask, gateway: "Gateway") -> None:
    """Add `/p/<token>` to `app`."""
    limit = gateway.limiter.limit(f"{gateway.settings.public_per_minute} per minute")
    pages = _Pages(gateway)
    for rule, name, method, view in (
        ("/p/<token>", "proposal", "GET", pages.show),
        ("/p/<token>/pdf", "proposal_pdf", "GET", pages.pdf),
        ("/p/<token>/files/<name>", "proposal_file", "GET", pages.file),
        ("/p/<token>/seen", "proposal_seen", "POST", pages.seen),
        ("/p/<token>/accept", "proposal_accept", "POST", pages.accept),
        ("/p/<token>/decline", "proposal_decline", "POST", pages.decline),
        ("/p/<token>/comment", "proposal_comment", "POST", pages.comment),
    ):
        app.add_url_rule(rule, f"public.{name}", limit(view), methods=[method])


class _Pages:
    def __init__(self, gateway: "Gateway") -> None:
        self._gateway = gateway

    def show(self, token: str) -> View:
        """Show the proposal as it is now."""
        return self._page(token)

    def pdf(self, token: str) -> Response:
        """Give the document to keep."""
        return pdfs.file(self._stub().OpenProposalPdf(pb2.OpenProposalPdfRequest(token=token)))

    def file(self, token: str, name: str) -> Response:
        """Give a file that goes with it to keep."""
        asked = pb2.OpenProposalAttachmentRequest(token=token, name=name)
        return downloads.file(self._stub().OpenProposalAttachment(asked))

    def seen(self, token: str) -> Response:
        """Take the script's word that a person looks."""
        self._stub().SeeProposal(pb2.SeeProposalRequest(token=token, issue=issue()))
        return Response(status=204)

    def accept(self, token: str) -> View:
        """Accept what was read."""
        name = request.form.get("name", "")
        asked = pb2.AcceptProposalRequest(token=token, issue=issue(), name=name)
        return self._told(token, "accepted", lambda: self._stub().AcceptProposal(asked))

    def decline(self, token: str) -> View:
        """Decline what was read."""
        reason = request.form.get("reason", "")
        asked = pb2.DeclineProposalRequest(token=token, issue=issue(), reason=reason)
        return self._told(token, "declined", lambda: self._stub().DeclineProposal(asked))

    def comment(self, token: str) -> View:
        """Leave a word for who sent it."""
        asked = pb2.CommentProposalRequest(
            token=token,
            text=request.form.get("text", ""),
            request_id=request.form.get("request_id", "")[:128],
        )
        return self._told(token, "commented", lambda: self._stub().CommentProposal(asked))

    def _told(self, token: str, said: str, call: Callable[[], object]) -> View:
        """Make a call, and show what came of it; what is refused is said above what was typed."""
        refused = proposal_page.attempted(call)
        if refused is not None:
            return self._page(token, refused)
        return redirect(url_for("public.proposal", token=token, said=said, lang=_asked()), code=303)

    def _page(self, token: str, refused: Refused | None = None) -> View:
        found = self._stub().OpenProposal(pb2.OpenProposalRequest(token=token))
        language = languages.of(request, "en" if found.locale == "en" else "vi")
        links = _links(token, language)
        body = render_template(
            "public/proposal.html",
            language=language,
            other="en" if language == "vi" else "vi",
            token=token,
            **proposal_page.values(found, language, links, refused),
        )
        return body, refused.status if refused else 200

    def _stub(self) -> Any:
        return self._gateway.peers.own(ProposalLinkServiceStub)


def _links(token: str, language: Language) -> Links:
    def to(name: str, /, **more: Any) -> str:
        return url_for(f"public.{name}", token=token, **more)

    return Links(
        seen=to("proposal_seen"),
        accept=to("proposal_accept", lang=language),
        decline=to("proposal_decline", lang=language),
        comment=to("proposal_comment", lang=language),
        pdf=to("proposal_pdf"),
        file=lambda name: to("proposal_file", name=name),
    )


def _asked() -> str | None:
    asked = request.args.get("lang", "")
    return asked if asked in TEXTS else None
