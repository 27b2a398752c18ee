"""What the customer does with a proposal's link."""

from typing import Any

import grpc
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2_grpc
from crm.interactions.v1 import proposal_service_pb2 as pb2
from google.protobuf import empty_pb2

from chassis import db
from chassis.db import idempotency
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import proposals as rules
from services.interactions.domain.proposals.links import Links
from services.interactions.domain.proposals.proposals import SHOWN
from services.interactions.messages import proposals as messages
from services.interactions.rpc.proposal_parts import Studio, printed, public
from services.interactions.usecases import proposal_answers as usecases
from services.interactions.usecases import proposal_attachments

Context = grpc.aio.ServicerContext[Any, Any]


class ProposalLinkServicer(proposal_service_pb2_grpc.ProposalLinkServiceServicer):
    """Serves `ProposalLinkService`: the token says which proposal, and is what gives the right.

    The calls come from the gateway, whose own identity must reach all proposals.
    """

    def __init__(self, sessions: db.Sessions, studio: Studio, links: Links) -> None:
        self._sessions = sessions
        self._studio = studio
        self._links = links

    async def OpenProposal(
        self, request: pb2.OpenProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Returns what the link shows."""
        async with self._sessions.begin() as session:
            kept = await usecases.opened(session, self._links.read(request.token))
            return await public(session, kept)

    async def OpenProposalPdf(
        self, request: pb2.OpenProposalPdfRequest, _: Context
    ) -> pb2.ProposalPdf:
        """Returns what was sent last, to be printed."""
        async with self._sessions.begin() as session:
            kept = await usecases.opened(session, self._links.read(request.token))
        kept.must_be(*SHOWN, to="printed")
        return await printed(self._sessions, self._studio, kept, kept.document or {})

    async def OpenProposalAttachment(
        self, request: pb2.OpenProposalAttachmentRequest, _: Context
    ) -> proposal_pb2.ProposalFile:
        """Returns a file of what was sent last."""
        async with self._sessions.begin() as session:
            kept = await usecases.opened(session, self._links.read(request.token))
            kept.must_be(*SHOWN, to="read")
            return messages.file(
                *await proposal_attachments.read(session, kept, kept.issue, request.name)
            )

    async def SeeProposal(self, request: pb2.SeeProposalRequest, _: Context) -> empty_pb2.Empty:
        """Notes a look."""
        async with self._sessions.begin() as session:
            await usecases.see(session, self._links.read(request.token), request.issue)
        return empty_pb2.Empty()

    async def AcceptProposal(
        self, request: pb2.AcceptProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Accepts what was seen."""
        problems = Problems()
        name = fields.text(request.name, "name", rules.LONGEST_NAME, problems, required=True)
        problems.raise_if_any()
        wanted = self._links.read(request.token)
        async with self._sessions.begin() as session:
            kept = await usecases.accept(session, wanted, request.issue, name)
            return await public(session, kept)

    async def DeclineProposal(
        self, request: pb2.DeclineProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Declines what was seen."""
        problems = Problems()
        reason = fields.text(request.reason, "reason", rules.LONGEST_WORDS, problems)
        problems.raise_if_any()
        wanted = self._links.read(request.token)
        async with self._sessions.begin() as session:
            kept = await usecases.decline(session, wanted, request.issue, reason)
            return await public(session, kept)

    async def CommentProposal(
        self, request: pb2.CommentProposalRequest, _: Context
    ) -> proposal_pb2.PublicProposal:
        """Keeps a comment."""
        problems = Problems()
        text = fields.text(request.text, "text", rules.LONGEST_WORDS, problems, required=True)
        problems.raise_if_any()
        wanted = self._links.read(request.token)
        async with self._sessions.begin() as session:

            async def comment() -> proposal_pb2.PublicProposal:
                return await public(session, await usecases.comment(session, wanted, text))

            return await idempotency.once(
                session, "CommentProposal", request, proposal_pb2.PublicProposal, comment
            )
