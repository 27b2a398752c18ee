"""Proposals: the list, one with its state and history, and what is done with it."""

from crm.interactions.v1 import proposal_pb2
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.interactions.v1.proposal_service_pb2_grpc import ProposalServiceStub
from crm.leads.v1 import contact_pb2, contact_service_pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from crm.notifier.v1 import message_pb2
from flask import Blueprint, Response, flash, request, url_for

from services.gateway import pdfs
from services.gateway.web import desk, lookups, names
from services.gateway.web.forms import Form

STATES = proposal_pb2.ProposalState
SENT = (STATES.PROPOSAL_STATE_SENDING, STATES.PROPOSAL_STATE_SENT, STATES.PROPOSAL_STATE_VIEWED)
REVISABLE = (
    *SENT[1:],
    STATES.PROPOSAL_STATE_DECLINED,
    STATES.PROPOSAL_STATE_EXPIRED,
    STATES.PROPOSAL_STATE_WITHDRAWN,
)
HISTORY = 100


def add(pages: Blueprint) -> None:
    """Add the routes."""
    one = "/proposals/<uuid:proposal_id>"
    pages.get("/proposals", endpoint="proposals")(listing)
    pages.get(one, endpoint="proposal")(detail)
    pages.get(f"{one}/pdf", endpoint="proposal_pdf")(pdf)
    pages.post(f"{one}/send", endpoint="send_proposal")(send)
    pages.post(f"{one}/withdraw", endpoint="withdraw_proposal")(withdraw)
    pages.post(f"{one}/revise", endpoint="revise_proposal")(revise)
    pages.post(f"{one}/delete", endpoint="delete_proposal")(delete)
    pages.post(f"{one}/lead", endpoint="proposal_lead")(new_lead)


def get(proposal_id: object) -> proposal_pb2.Proposal:
    """Return a proposal."""
    return desk.ask(ProposalServiceStub).GetProposal(pb2.GetProposalRequest(id=str(proposal_id)))


def listing() -> desk.View:
    """List proposals, newest first, of a state or a contact if one is asked for."""
    state = names.value(STATES, request.args.get("state", ""))
    asked = pb2.ListProposalsRequest(
        page_size=desk.PAGE_SIZE,
        page_token=desk.page_token(),
        contact_id=request.args.get("contact", ""),
        states=[STATES.ValueType(state)] if state else [],
    )
    found = desk.ask(ProposalServiceStub).ListProposals(asked)
    ids = [it.contact_id for it in found.proposals if it.contact_id]
    return desk.page("proposals.html", found=found, contacts=lookups.contacts(ids))


def detail(proposal_id: object) -> desk.View:
    """Show a proposal with its history."""
    return _page(proposal_id)


def shown(proposal_id: object, *, said: str = "") -> str:
    """Return the page of a proposal; `said` is why a file was not taken."""
    return _body(proposal_id, said=said)


def pdf(proposal_id: object) -> Response:
    """Give the document to print."""
    asked = pb2.GetProposalPdfRequest(id=str(proposal_id))
    return pdfs.file(desk.ask(ProposalServiceStub).GetProposalPdf(asked))


def send(proposal_id: object) -> desk.View:
    """Send a draft; where nobody has the address, the next page offers a new lead."""
    form = Form.sent(prefix="s-")
    advertiser, _, identity = form.get("sender").partition("/")
    asked = pb2.SendProposalRequest(
        id=str(proposal_id),
        advertiser_id=advertiser,
        sender_identity_id=identity,
        message=form.get("message"),
        etag=form.get("etag"),
        request_id=form.request_id,
    )
    if not identity:
        form.refuse("sender", desk.t("proposals.choose_sender"))
    sent = None
    if not form.bad:
        sent = form.attempt(
            lambda: desk.ask(ProposalServiceStub).SendProposal(asked), known=["message", "sender"]
        )
    if sent is None:
        return _page(proposal_id, send_form=form)
    flash(desk.t("proposals.sent"))
    unknown = "1" if sent.address_unknown else None
    return desk.to(url_for("web.proposal", proposal_id=proposal_id, unknown=unknown))


def withdraw(proposal_id: object) -> desk.View:
    """Take a proposal back."""
    form = Form.sent()
    asked = pb2.WithdrawProposalRequest(
        id=str(proposal_id), reason=form.get("reason"), etag=form.get("etag")
    )
    done = form.attempt(lambda: desk.ask(ProposalServiceStub).WithdrawProposal(asked))
    return _done(proposal_id, form, done, "proposals.withdrawn")


def revise(proposal_id: object) -> desk.View:
    """Make a draft of it again."""
    form = Form.sent()
    asked = pb2.ReviseProposalRequest(id=str(proposal_id), etag=form.get("etag"))
    done = form.attempt(lambda: desk.ask(ProposalServiceStub).ReviseProposal(asked))
    return _done(proposal_id, form, done, "proposals.revised")


def delete(proposal_id: object) -> desk.View:
    """Delete a draft without a number."""
    form = Form.sent()
    asked = pb2.DeleteProposalRequest(id=str(proposal_id), etag=form.get("etag"))
    if form.attempt(lambda: desk.ask(ProposalServiceStub).DeleteProposal(asked)) is None:
        return _page(proposal_id, form=form)
    flash(desk.t("proposals.deleted"))
    return desk.to(url_for("web.proposals"))


def new_lead(proposal_id: object) -> desk.View:
    """Make a lead of the address that a proposal went to, and say that it is for them."""
    form, proposal = Form.sent(prefix="l-"), get(proposal_id)
    contact = contact_service_pb2.CreateContactRequest(
        contact=contact_pb2.Contact(
            display_name=form.get("display_name") or proposal.recipient_name,
            emails=[contact_pb2.Email(address=proposal.address)],
        ),
        request_id=form.request_id,
    )
    made = form.attempt(
        lambda: desk.ask(ContactServiceStub).CreateContact(contact),
        prefix="contact.",
        known=["display_name"],
    )
    linked = None
    if made is not None:
        asked = pb2.LinkProposalRequest(id=proposal.id, contact_id=made.id)
        linked = form.attempt(lambda: desk.ask(ProposalServiceStub).LinkProposal(asked))
    if linked is None:
        return _page(proposal_id, lead_form=form)
    flash(desk.t("proposals.linked"))
    return desk.to(url_for("web.proposal", proposal_id=proposal_id))


def _done(proposal_id: object, form: Form, done: object, said: str) -> desk.View:
    if done is None:
        return _page(proposal_id, form=form)
    flash(desk.t(said))
    return desk.to(url_for("web.proposal", proposal_id=proposal_id))


def _page(proposal_id: object, **forms: Form) -> desk.View:
    sent = next(iter(forms.values()), None)
    return _body(proposal_id, **forms), sent.status if sent else 200


def _body(proposal_id: object, **more: Form | str) -> str:
    proposal = get(proposal_id)
    stub = desk.ask(ProposalServiceStub)
    asked = pb2.ListProposalEventsRequest(proposal_id=proposal.id, page_size=HISTORY)
    history = desk.maybe(lambda: stub.ListProposalEvents(asked), source="interactions")
    return desk.page(
        "proposal.html",
        proposal=proposal,
        history=history.events if history else [],
        contact=lookups.contacts([proposal.contact_id]).get(proposal.contact_id),
        senders=_senders() if proposal.state == STATES.PROPOSAL_STATE_DRAFT else [],
        is_draft=proposal.state == STATES.PROPOSAL_STATE_DRAFT,
        is_sent=proposal.state in SENT,
        is_revisable=proposal.state in REVISABLE,
        is_nobodys=not proposal.contact_id and bool(proposal.issue),
        **more,
    )


def _senders() -> list[tuple[str, str]]:
    """Return (advertiser/identity, what to show) of those who send e-mail."""
    of = {it.id: it.name for it in lookups.advertisers()}
    return [
        (f"{it.advertiser_id}/{it.id}", f"{of.get(it.advertiser_id, '')} <{it.address}>")
        for it in lookups.sender_identities()
        if it.channel == message_pb2.CHANNEL_EMAIL
    ]
