"""What tests do with files of proposals and of their templates."""

import hashlib
from typing import Any

from crm.interactions.v1 import proposal_attachment_service_pb2 as pb2
from crm.interactions.v1 import proposal_service_pb2

from tests.integration.interactions.proposal_parts import Desk, token
from tests.unit.interactions.attachment_parts import PDF


async def attach(desk: Desk, proposal: Any, name: str, data: bytes = PDF, **more: Any) -> Any:
    """Adds a file to a draft."""
    request = pb2.AddProposalAttachmentRequest(id=proposal.id, name=name, data=data, **more)
    return await desk.files().AddProposalAttachment(request)


async def enclose(desk: Desk, template: Any, name: str, data: bytes = PDF, **more: Any) -> Any:
    """Adds a file to a template."""
    request = pb2.AddProposalTemplateAttachmentRequest(id=template.id, name=name, data=data, **more)
    return await desk.files().AddProposalTemplateAttachment(request)


def names(held: Any) -> list[str]:
    return [it.name for it in held.attachments]


async def detach(desk: Desk, proposal: Any, name: str, **more: Any) -> Any:
    request = pb2.RemoveProposalAttachmentRequest(id=proposal.id, name=name, **more)
    return await desk.files().RemoveProposalAttachment(request)


async def read(desk: Desk, proposal: Any, name: str, issue: int = 0) -> Any:
    request = pb2.GetProposalAttachmentRequest(id=proposal.id, name=name, issue=issue)
    return await desk.files().GetProposalAttachment(request)


async def listed(desk: Desk, proposal: Any, issue: int) -> list[str]:
    request = pb2.ListProposalAttachmentsRequest(proposal_id=proposal.id, issue=issue)
    return names(await desk.files().ListProposalAttachments(request))


async def opened(desk: Desk, proposal: Any, name: str) -> Any:
    request = proposal_service_pb2.OpenProposalAttachmentRequest(token=token(proposal), name=name)
    return await desk.link().OpenProposalAttachment(request)


async def show(desk: Desk, proposal: Any) -> Any:
    request = proposal_service_pb2.OpenProposalRequest(token=token(proposal))
    return await desk.link().OpenProposal(request)


async def revise(desk: Desk, proposal: Any) -> Any:
    request = proposal_service_pb2.ReviseProposalRequest(id=proposal.id)
    return await desk.proposals().ReviseProposal(request)


async def resend(desk: Desk, proposal: Any) -> Any:
    await desk.send(proposal)
    await desk.work()
    return await desk.get(proposal.id)


async def contents(desk: Desk) -> set[str]:
    """The hashes of what is stored."""
    return set(await desk.rows("SELECT hash FROM proposal_files"))


def hashed(*data: bytes) -> set[str]:
    return {hashlib.sha256(it).hexdigest() for it in data}
