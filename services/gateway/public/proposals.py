"""The link of a proposal: read it on a phone, keep it as PDF, accept, decline or comment.

GET changes nothing, since mail programs and their scanners open links: that somebody looked is
told by the page's script. An answer carries which sending of the proposal was read, so that nobody
accepts what they have not seen. Whoever has the link may answer, so that it is passed on with the
gateway's own identity.
"""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.interactions.v1.proposal_service_pb2_grpc import ProposalLinkServiceStub
from flask import Flask, Response, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug.wrappers import Response as WerkzeugResponse

from chassis import errors
from services.gateway import downloads, languages, pdfs
from services.gateway.languages import Language
from services.gateway.public.proposal_texts import TEXTS

if TYPE_CHECKING:
    from services.gateway.app import Gateway

View = str | WerkzeugResponse | tuple[str, int]

STATES = proposal_pb2.ProposalState
OPEN = (
    STATES.PROPOSAL_STATE_SENDING,
    STATES.PROPOSAL_STATE_SENT,
    STATES.PROPOSAL_STATE_VIEWED,
)
SAID = ("accepted", "declined", "commented")


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
        said = request.args.get("said", "")
        return self._page(token, said=said if said in SAID else "")

    def pdf(self, token: str) -> Response:
        """Give the document to keep."""
        return pdfs.file(self._stub().OpenProposalPdf(pb2.OpenProposalPdfRequest(token=token)))

    def file(self, token: str, name: str) -> Response:
        """Give a file that goes with it to keep."""
        asked = pb2.OpenProposalAttachmentRequest(token=token, name=name)
        return downloads.file(self._stub().OpenProposalAttachment(asked))

    def seen(self, token: str) -> Response:
        """Take the script's word that a person looks."""
        self._stub().SeeProposal(pb2.SeeProposalRequest(token=token, issue=_issue()))
        return Response(status=204)

    def accept(self, token: str) -> View:
        """Accept what was read."""
        name = request.form.get("name", "")
        asked = pb2.AcceptProposalRequest(token=token, issue=_issue(), name=name)
        return self._told(token, "accepted", lambda: self._stub().AcceptProposal(asked))

    def decline(self, token: str) -> View:
        """Decline what was read."""
        reason = request.form.get("reason", "")
        asked = pb2.DeclineProposalRequest(token=token, issue=_issue(), reason=reason)
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
        try:
            call()
        except errors.InvalidArgument as refused:
            field = refused.violations[0].field if refused.violations else ""
            return self._page(token, wrong=field, status=400)
        except errors.Aborted:
            return self._page(token, trouble="stale", status=409)
        except errors.FailedPrecondition as refused:
            late = refused.metadata.get("state") == "expired"
            return self._page(token, trouble="late" if late else "state", status=409)
        return redirect(url_for("public.proposal", token=token, said=said, lang=_asked()), code=303)

    def _page(
        self, token: str, *, said: str = "", wrong: str = "", trouble: str = "", status: int = 200
    ) -> View:
        found = self._stub().OpenProposal(pb2.OpenProposalRequest(token=token))
        language = _language_of(found.locale)
        state = STATES.Name(found.state).removeprefix("PROPOSAL_STATE_").lower()
        # What it was refused for is its state now, whatever the worker has written yet.
        is_open = found.state in OPEN and trouble != "late"
        body = render_template(
            "public/proposal.html",
            language=language,
            texts=TEXTS[language],
            other="en" if language == "vi" else "vi",
            found=found,
            files=[(it.name, downloads.size(language, it.size)) for it in found.attachments],
            document=Markup(found.html),  # noqa: S704 (made by interactions, every text escaped)
            state=state,
            is_open=is_open,
            said=said,
            wrong=wrong,
            trouble=trouble,
            typed=request.form,
            token=token,
            key=str(uuid.uuid4()),
        )
        return body, status

    def _stub(self) -> Any:
        return self._gateway.peers.own(ProposalLinkServiceStub)


def _issue() -> int:
    text = request.form.get("issue", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _asked() -> str | None:
    asked = request.args.get("lang", "")
    return asked if asked in TEXTS else None


def _language_of(locale: str) -> Language:
    """Return the language asked for, else the one that the proposal is written in."""
    asked = {request.args.get("lang"), languages.kept(request)} & TEXTS.keys()
    if asked:
        return languages.of(request)
    return "en" if locale == "en" else "vi"
