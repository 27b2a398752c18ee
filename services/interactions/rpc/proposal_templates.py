"""Templates of proposals."""

from typing import Any

import grpc
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2_grpc
from crm.interactions.v1 import proposal_service_pb2 as pb2
from pydantic import SecretStr

from chassis import context, db
from chassis.db import idempotency, paging
from chassis.rpc import fieldmask
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import pages, proposals, sheets
from services.interactions.domain.proposals import templates as rules
from services.interactions.messages import proposals as messages
from services.interactions.rpc.proposal_parts import Studio
from services.interactions.storage import proposal_templates as kept
from services.interactions.usecases import found
from services.interactions.usecases import proposal_templates as usecases

Context = grpc.aio.ServicerContext[Any, Any]

FIELDS = ("name", "blocks")


class ProposalTemplateServicer(proposal_service_pb2_grpc.ProposalTemplateServiceServicer):
    """Serves `ProposalTemplateService`.

    Who reads proposals reads their templates; to write them takes the right to write templates.
    """

    def __init__(self, sessions: db.Sessions, studio: Studio, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._studio = studio
        self._seal_key = seal_key

    async def CreateProposalTemplate(
        self, request: pb2.CreateProposalTemplateRequest, _: Context
    ) -> proposal_pb2.ProposalTemplate:
        """Stores a template that renders for everybody."""
        problems = Problems()
        name = rules.name(request.template.name, "template.name", problems)
        blocks = rules.blocks(messages.blocks(request.template.blocks), "template.blocks", problems)
        problems.raise_if_any()
        await self._studio.press.admit(blocks, "template.blocks")
        async with self._sessions.begin() as session:

            async def create() -> proposal_pb2.ProposalTemplate:
                made = await usecases.create(session, _author(), name, blocks)
                return messages.template(made)

            return await idempotency.once(
                session, "CreateProposalTemplate", request, proposal_pb2.ProposalTemplate, create
            )

    async def GetProposalTemplate(
        self, request: pb2.GetProposalTemplateRequest, _: Context
    ) -> proposal_pb2.ProposalTemplate:
        """Returns one in a version."""
        template_id = found.parsed(request.id, rules.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.template(await usecases.get(session, template_id, request.version))

    async def ListProposalTemplates(
        self, request: pb2.ListProposalTemplatesRequest, _: Context
    ) -> pb2.ListProposalTemplatesResponse:
        """Lists them by name."""
        page = paging.read(request.page_size, request.page_token, {}, self._seal_key)
        after: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, page.size + 1, after)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].name, shown[-1].id], {}, self._seal_key)
        return pb2.ListProposalTemplatesResponse(
            templates=[messages.template(it) for it in shown], next_page_token=token
        )

    async def UpdateProposalTemplate(
        self, request: pb2.UpdateProposalTemplateRequest, _: Context
    ) -> proposal_pb2.ProposalTemplate:
        """Writes a new version."""
        given, problems = request.template, Problems()
        template_id = found.parsed(given.id, rules.RESOURCE)
        paths = fieldmask.paths(request.update_mask, given, FIELDS)
        name = rules.name(given.name, "template.name", problems) if "name" in paths else None
        blocks = None
        if "blocks" in paths:
            blocks = rules.blocks(messages.blocks(given.blocks), "template.blocks", problems)
        problems.raise_if_any()
        if blocks is not None:
            await self._studio.press.admit(blocks, "template.blocks")
        async with self._sessions.begin() as session:

            async def update() -> proposal_pb2.ProposalTemplate:
                after = await usecases.update(
                    session, _author(), template_id, given.etag, name, blocks
                )
                return messages.template(after)

            return await idempotency.once(
                session, "UpdateProposalTemplate", request, proposal_pb2.ProposalTemplate, update
            )

    async def PreviewProposalTemplate(
        self, request: pb2.PreviewProposalTemplateRequest, _: Context
    ) -> pb2.ProposalPreview:
        """Renders one with sample values and sample prices."""
        problems = Problems()
        blocks = rules.blocks(messages.blocks(request.template.blocks), "template.blocks", problems)
        problems.raise_if_any()
        rendered = await self._studio.press.render(blocks, rules.SAMPLE, "template.blocks")
        return pb2.ProposalPreview(
            html=pages.html(sheets.sample(rendered)), currency=proposals.HOME_CURRENCY
        )


def _author() -> str:
    return context.require_principal().subject
