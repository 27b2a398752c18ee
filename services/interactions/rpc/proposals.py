"""Offers with prices, as staff handle them."""

from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2_grpc
from crm.interactions.v1 import proposal_service_pb2 as pb2
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import db
from chassis.db import idempotency, paging
from chassis.rpc import fieldmask
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import pages, pricing
from services.interactions.domain.proposals import proposals as rules
from services.interactions.domain.proposals.links import Links
from services.interactions.domain.proposals.proposals import Proposal, State
from services.interactions.messages import proposals as messages
from services.interactions.rpc import gate, proposal_fields
from services.interactions.rpc.proposal_fields import Fields
from services.interactions.rpc.proposal_parts import (
    Studio,
    address_of,
    hides_addresses,
    link,
    pdf,
    printed,
)
from services.interactions.storage import proposals as kept
from services.interactions.usecases import found, proposal_moves
from services.interactions.usecases import proposals as usecases
from services.interactions.usecases.proposals import Envelope

Context = grpc.aio.ServicerContext[Any, Any]


class ProposalServicer(proposal_service_pb2_grpc.ProposalServiceServicer):
    """Serves `ProposalService`; numbers begin with `prefix`."""

    def __init__(
        self,
        sessions: db.Sessions,
        contacts: gate.Gate,
        studio: Studio,
        links: Links,
        prefix: str,
        seal_key: SecretStr,
    ) -> None:
        self._sessions = sessions
        self._fields = Fields(contacts, studio.people)
        self._studio = studio
        self._links = links
        self._prefix = prefix
        self._seal_key = seal_key

    async def CreateProposal(
        self, request: pb2.CreateProposalRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Drafts a proposal for a contact that the caller may see, or for an address."""
        caller, writable = gate.may("proposals", "write"), gate.reach("contacts", "write")
        columns = await self._fields.columns(request.proposal, rules.FIELDS)
        async with self._sessions.begin() as session:

            async def create() -> proposal_pb2.Proposal:
                made = await usecases.create(session, caller, columns)
                await proposal_moves.must_be_allowed(session, made, writable)
                return self._out(made)

            return await idempotency.once(
                session, "CreateProposal", request, proposal_pb2.Proposal, create
            )

    async def GetProposal(
        self, request: pb2.GetProposalRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Returns one within reach."""
        return self._out(await self._readable(request.id))

    async def ListProposals(
        self, request: pb2.ListProposalsRequest, _: Context
    ) -> pb2.ListProposalsResponse:
        """Lists those within reach, newest first."""
        readable = gate.may("proposals", "read")
        wanted = proposal_fields.wanted(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, wanted, readable, page.size + 1, before)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            last = shown[-1]
            token = paging.token([last.create_time, last.id], vars(wanted), self._seal_key)
        return pb2.ListProposalsResponse(
            proposals=[messages.out(it, link(self._links, it)) for it in shown],
            next_page_token=token,
        )

    async def UpdateProposal(
        self, request: pb2.UpdateProposalRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Changes the fields of the mask."""
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        writable = gate.reach("contacts", "write")
        given = request.proposal
        proposal_id = found.parsed(given.id, rules.RESOURCE)
        paths = fieldmask.paths(request.update_mask, given, rules.FIELDS)
        columns = await self._fields.columns(given, paths)
        async with self._sessions.begin() as session:

            async def update() -> proposal_pb2.Proposal:
                before = await usecases.locked(session, readable, allowed, proposal_id, "write")
                after = await usecases.update(session, before, given.etag, columns)
                if _whither(after) != _whither(before):
                    await proposal_moves.must_be_allowed(session, after, writable)
                return self._out(after)

            return await idempotency.once(
                session, "UpdateProposal", request, proposal_pb2.Proposal, update
            )

    async def DeleteProposal(
        self, request: pb2.DeleteProposalRequest, _: Context
    ) -> empty_pb2.Empty:
        """Deletes a draft without a number."""
        allowed, readable = gate.may("proposals", "delete"), gate.reach("proposals", "read")
        proposal_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, proposal_id, "delete")
            await usecases.delete(session, before, request.etag)
        return empty_pb2.Empty()

    async def PreviewProposal(
        self, request: pb2.PreviewProposalRequest, _: Context
    ) -> pb2.ProposalPreview:
        """Computes and renders what is given."""
        caller = gate.may("proposals", "write")
        given = request.proposal
        if request.totals_only:
            columns = await self._fields.columns(given, ("lines", "currency"))
        else:
            columns = await self._fields.columns(given, rules.FIELDS)
        priced = [pricing.price(line) for line in columns["lines"]]
        preview = pb2.ProposalPreview(
            lines=[messages.line(it) for it in priced],
            totals=messages.totals(pricing.total(priced)),
            currency=columns["currency"],
        )
        if request.totals_only:
            return preview
        async with self._sessions.begin() as session:
            draft = await usecases.imagined(session, caller, columns)
            template = await usecases.template_of(session, draft)
        person = await self._studio.person(draft.contact_id)
        preview.html = pages.html(await self._studio.sheet(draft, person, template.blocks))
        return preview

    async def GetProposalPdf(
        self, request: pb2.GetProposalPdfRequest, _: Context
    ) -> pb2.ProposalPdf:
        """Returns it to be printed: as it was sent last, a draft as it is."""
        proposal = await self._readable(request.id)
        sent = None if proposal.state is State.DRAFT else proposal.document
        if sent is not None and not hides_addresses():
            return await printed(self._sessions, self._studio, proposal, sent)
        async with self._sessions.begin() as session:
            template = await usecases.template_of(session, proposal)
        if sent is not None:
            sheet = await self._studio.veiled(proposal, sent, template.blocks)
            return pdf(proposal, await self._studio.press.print(sheet))
        person = await self._studio.person(proposal.contact_id)
        sheet = await self._studio.sheet(proposal, person, template.blocks)
        return pdf(proposal, await self._studio.press.print(sheet))

    async def SendProposal(
        self, request: pb2.SendProposalRequest, _: Context
    ) -> pb2.SendProposalResponse:
        """Takes the number, renders what is sent, and leaves the handing over to a worker."""
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        proposal_id, problems = found.parsed(request.id, rules.RESOURCE), Problems()
        advertiser = fields.uuid(request.advertiser_id, "advertiser_id", problems)
        identity = fields.uuid(request.sender_identity_id, "sender_identity_id", problems)
        words = fields.text(request.message, "message", rules.LONGEST_WORDS, problems)
        problems.raise_if_any()
        if advertiser is None or identity is None:
            raise AssertionError("what is no UUID was named")
        async with self._sessions.begin() as session:
            done = await self._sent_before(session, request)
            if done is not None:
                return done
            draft = await usecases.locked(session, readable, allowed, proposal_id, "write")
            draft = await usecases.numbered(session, draft, request.etag, self._prefix)
            template = await usecases.template_of(session, draft)
        person = await self._studio.person(draft.contact_id)
        address = address_of(draft, person)
        unknown = draft.contact_id is None and not await self._studio.knows(address)
        sheet = await self._studio.sheet(draft, person, template.blocks)
        page = self._links.of(draft.id)
        envelope = Envelope(advertiser, identity, address, words, sheet, page)
        async with self._sessions.begin() as session:

            async def send() -> pb2.SendProposalResponse:
                after = await usecases.send(session, draft, envelope)
                return pb2.SendProposalResponse(proposal=self._out(after), address_unknown=unknown)

            return await idempotency.once(
                session, "SendProposal", request, pb2.SendProposalResponse, send
            )

    async def WithdrawProposal(
        self, request: pb2.WithdrawProposalRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Takes it back."""
        problems = Problems()
        reason = fields.text(request.reason, "reason", 500, problems)
        problems.raise_if_any()
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        proposal_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, proposal_id, "write")
            return self._out(await usecases.withdraw(session, before, request.etag, reason))

    async def ReviseProposal(
        self, request: pb2.ReviseProposalRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Makes a draft of it again."""
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        proposal_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, proposal_id, "write")
            return self._out(await usecases.revise(session, before, request.etag))

    async def LinkProposal(
        self, request: pb2.LinkProposalRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Says whom it is for."""
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        proposal_id, problems = found.parsed(request.id, rules.RESOURCE), Problems()
        contact_id = fields.uuid(request.contact_id, "contact_id", problems)
        await self._fields.must_be_seen(contact_id, "contact_id", problems)
        if contact_id is None:
            raise AssertionError("what is no UUID was named")
        async with self._sessions.begin() as session:
            before = await usecases.locked(session, readable, allowed, proposal_id, "write")
            after = await usecases.link(session, before, request.etag, contact_id)
            await proposal_moves.must_be_allowed(session, after, gate.reach("contacts", "write"))
            return self._out(after)

    async def ListProposalEvents(
        self, request: pb2.ListProposalEventsRequest, _: Context
    ) -> pb2.ListProposalEventsResponse:
        """Lists what happened, newest first."""
        proposal = await self._readable(request.proposal_id)
        wanted = {"proposal_id": str(proposal.id)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.history(session, proposal.id, page.size + 1, before)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].time, shown[-1].id], wanted, self._seal_key)
        return pb2.ListProposalEventsResponse(
            events=[messages.event(it) for it in shown], next_page_token=token
        )

    async def _readable(self, wanted: str) -> Proposal:
        readable = gate.may("proposals", "read")
        proposal_id = found.parsed(wanted, rules.RESOURCE)
        async with self._sessions.begin() as session:
            return await usecases.get(session, readable, proposal_id)

    async def _sent_before(
        self, session: Any, request: pb2.SendProposalRequest
    ) -> pb2.SendProposalResponse | None:
        if not request.request_id:
            return None
        return await idempotency.remembered(
            session,
            method="SendProposal",
            request_id=request.request_id,
            request=request,
            response_type=pb2.SendProposalResponse,
        )

    def _out(self, proposal: Proposal) -> proposal_pb2.Proposal:
        return messages.whole(proposal, link(self._links, proposal))


def _whither(proposal: Proposal) -> tuple[UUID | None, UUID | None]:
    """Returns whom it would move to which life stage."""
    return proposal.contact_id, proposal.accepted_life_stage_id
