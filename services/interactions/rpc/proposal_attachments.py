"""Files that go with proposals and their templates."""

from typing import Any

import grpc
from crm.interactions.v1 import proposal_attachment_service_pb2 as pb2
from crm.interactions.v1 import (
    proposal_attachment_service_pb2_grpc,
    proposal_pb2,
)

from chassis import context, db
from chassis.attachments import File
from chassis.db import idempotency
from services.interactions.domain.proposals import proposals as rules
from services.interactions.domain.proposals import templates
from services.interactions.domain.proposals.links import Links
from services.interactions.domain.proposals.proposals import Proposal
from services.interactions.messages import proposals as messages
from services.interactions.rpc import gate
from services.interactions.rpc.proposal_parts import link
from services.interactions.storage import proposal_attachments as kept
from services.interactions.usecases import found, proposal_templates, proposals
from services.interactions.usecases import proposal_attachments as usecases

Context = grpc.aio.ServicerContext[Any, Any]


class ProposalAttachmentServicer(
    proposal_attachment_service_pb2_grpc.ProposalAttachmentServiceServicer
):
    """Serves `ProposalAttachmentService`; rights are those on proposals and on templates."""

    def __init__(self, sessions: db.Sessions, links: Links) -> None:
        self._sessions = sessions
        self._links = links

    async def AddProposalAttachment(
        self, request: pb2.AddProposalAttachmentRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Adds a file to a draft."""
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        proposal_id = found.parsed(request.id, rules.RESOURCE)
        file = File.given(request.name, request.data)
        async with self._sessions.begin() as session:

            async def add() -> proposal_pb2.Proposal:
                before = await proposals.locked(session, readable, allowed, proposal_id, "write")
                return self._out(await usecases.attach(session, before, request.etag, file))

            return await idempotency.once(
                session, "AddProposalAttachment", request, proposal_pb2.Proposal, add
            )

    async def RemoveProposalAttachment(
        self, request: pb2.RemoveProposalAttachmentRequest, _: Context
    ) -> proposal_pb2.Proposal:
        """Takes a file from a draft."""
        allowed, readable = gate.may("proposals", "write"), gate.reach("proposals", "read")
        proposal_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:

            async def remove() -> proposal_pb2.Proposal:
                before = await proposals.locked(session, readable, allowed, proposal_id, "write")
                after = await usecases.detach(session, before, request.etag, request.name)
                return self._out(after)

            return await idempotency.once(
                session, "RemoveProposalAttachment", request, proposal_pb2.Proposal, remove
            )

    async def GetProposalAttachment(
        self, request: pb2.GetProposalAttachmentRequest, _: Context
    ) -> proposal_pb2.ProposalFile:
        """Returns a file of one within reach."""
        readable = gate.may("proposals", "read")
        proposal_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            proposal = await proposals.get(session, readable, proposal_id)
            return messages.file(
                *await usecases.read(session, proposal, request.issue, request.name)
            )

    async def ListProposalAttachments(
        self, request: pb2.ListProposalAttachmentsRequest, _: Context
    ) -> pb2.ListProposalAttachmentsResponse:
        """Lists the files of one within reach."""
        readable = gate.may("proposals", "read")
        proposal_id = found.parsed(request.proposal_id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            proposal = await proposals.get(session, readable, proposal_id)
            listed = await kept.listed(session, proposal.id, request.issue)
        return pb2.ListProposalAttachmentsResponse(attachments=messages.attachments(listed))

    async def AddProposalTemplateAttachment(
        self, request: pb2.AddProposalTemplateAttachmentRequest, _: Context
    ) -> proposal_pb2.ProposalTemplate:
        """Writes a new version with one more file."""
        template_id = found.parsed(request.id, templates.RESOURCE)
        author, file = _author(), File.given(request.name, request.data)
        async with self._sessions.begin() as session:

            async def add() -> proposal_pb2.ProposalTemplate:
                return messages.template(
                    await proposal_templates.attach(
                        session, author, template_id, request.etag, file
                    )
                )

            return await idempotency.once(
                session,
                "AddProposalTemplateAttachment",
                request,
                proposal_pb2.ProposalTemplate,
                add,
            )

    async def RemoveProposalTemplateAttachment(
        self, request: pb2.RemoveProposalTemplateAttachmentRequest, _: Context
    ) -> proposal_pb2.ProposalTemplate:
        """Writes a new version without a file."""
        template_id = found.parsed(request.id, templates.RESOURCE)
        author = _author()
        async with self._sessions.begin() as session:

            async def remove() -> proposal_pb2.ProposalTemplate:
                return messages.template(
                    await proposal_templates.detach(
                        session, author, template_id, request.etag, request.name
                    )
                )

            return await idempotency.once(
                session,
                "RemoveProposalTemplateAttachment",
                request,
                proposal_pb2.ProposalTemplate,
                remove,
            )

    async def GetProposalTemplateAttachment(
        self, request: pb2.GetProposalTemplateAttachmentRequest, _: Context
    ) -> proposal_pb2.ProposalFile:
        """Returns a file of a version."""
        template_id = found.parsed(request.id, templates.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.file(
                *await proposal_templates.read(session, template_id, request.version, request.name)
            )

    def _out(self, proposal: Proposal) -> proposal_pb2.Proposal:
        return messages.whole(proposal, link(self._links, proposal))


def _author() -> str:
    return context.require_principal().subject
