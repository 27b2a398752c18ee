"""TemplateService and ContentService."""

from collections.abc import Mapping
from typing import Any

from crm.campaigns.v1 import template_pb2 as pb
from crm.campaigns.v1 import template_service_pb2 as service_pb
from crm.campaigns.v1 import template_service_pb2_grpc as service_grpc
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import context, scope
from chassis.attachments import File
from chassis.db import Sessions, idempotency, paging
from chassis.errors import FieldViolation, InvalidArgument, NotFound
from chassis.rpc import client, fieldmask, rights
from services.campaigns.clients.leads import Leads
from services.campaigns.clients.renderer import Renderer
from services.campaigns.domain import rendering
from services.campaigns.domain import templates as domain
from services.campaigns.domain.clock import Clock
from services.campaigns.domain.kinds import Channel
from services.campaigns.domain.templates import Admitted, Draft
from services.campaigns.messages import templates as messages
from services.campaigns.rpc.requests import identifier, wrong
from services.campaigns.storage import templates as stored
from services.campaigns.usecases import templates as usecases

CHANGEABLE = ("name", "subject", "html", "text", "markup")


class TemplateServicer(service_grpc.TemplateServiceServicer):
    """Messages with places for a person's data."""

    def __init__(
        self,
        sessions: Sessions,
        renderer: Renderer,
        leads: Leads,
        clock: Clock,
        seal_key: SecretStr,
    ) -> None:
        self._sessions = sessions
        self._renderer = renderer
        self._leads = leads
        self._clock = clock
        self._seal_key = seal_key

    async def CreateTemplate(
        self, request: service_pb.CreateTemplateRequest, _: Any
    ) -> pb.Template:
        """Store a template after it was admitted."""
        draft = _draft(request.template)
        admitted = await self._admitted(draft)

        async with self._sessions.begin() as session:

            async def work() -> pb.Template:
                made = await usecases.create(session, admitted, self._clock())
                return messages.template(made)

            return await idempotency.once(session, "CreateTemplate", request, pb.Template, work)

    async def GetTemplate(self, request: service_pb.GetTemplateRequest, _: Any) -> pb.Template:
        """Return one template."""
        template_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            return messages.template(await stored.get(session, template_id))

    async def ListTemplates(
        self, request: service_pb.ListTemplatesRequest, _: Any
    ) -> service_pb.ListTemplatesResponse:
        """Return a page of templates by name."""
        wanted = {"channel": request.channel}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        async with self._sessions.begin() as session:
            found = await stored.read_page(session, page, messages.channel(request.channel))
        shown = found[: page.size]
        response = service_pb.ListTemplatesResponse(
            templates=[messages.template(each) for each in shown]
        )
        if len(found) > page.size:
            keys = (shown[-1].draft.name, shown[-1].id)
            response.next_page_token = paging.token(keys, wanted, self._seal_key)
        return response

    async def UpdateTemplate(
        self, request: service_pb.UpdateTemplateRequest, _: Any
    ) -> pb.Template:
        """Change a template after it was admitted; runs that started keep the old one."""
        template_id = identifier("template.id", request.template.id)
        paths = fieldmask.paths(request.update_mask, request.template, CHANGEABLE)
        async with self._sessions.begin() as session:
            read = await stored.get(session, template_id)
        usecases.check_etag(read, request.template.etag)
        _same_channel(request.template, read.draft.channel)
        given = messages.draft(request.template, read.draft.channel)
        draft = domain.changed(read.draft, given, paths)
        admitted = await self._admitted(draft)
        async with self._sessions.begin() as session:
            after = await usecases.change(session, read, admitted, self._clock())
            return messages.template(after)

    async def DeleteTemplate(
        self, request: service_pb.DeleteTemplateRequest, _: Any
    ) -> empty_pb2.Empty:
        """Delete a template that no campaign uses."""
        template_id = identifier("id", request.id)
        async with self._sessions.begin() as session:
            await usecases.delete(session, template_id)
        return empty_pb2.Empty()

    async def AddAttachment(self, request: service_pb.AddAttachmentRequest, _: Any) -> pb.Template:
        """Add a file to a template for e-mail; runs that started go without it."""
        template_id = identifier("id", request.id)
        file = File.given(request.name, request.data)
        async with self._sessions.begin() as session:

            async def work() -> pb.Template:
                after = await usecases.attach(
                    session, template_id, request.etag, file, self._clock()
                )
                return messages.template(after)

            return await idempotency.once(session, "AddAttachment", request, pb.Template, work)

    async def RemoveAttachment(
        self, request: service_pb.RemoveAttachmentRequest, _: Any
    ) -> pb.Template:
        """Take a file from a template; runs that started still have it."""
        template_id = identifier("id", request.id)
        async with self._sessions.begin() as session:

            async def work() -> pb.Template:
                after = await usecases.detach(
                    session, template_id, request.etag, request.name, self._clock()
                )
                return messages.template(after)

            return await idempotency.once(session, "RemoveAttachment", request, pb.Template, work)

    async def PreviewTemplate(
        self, request: service_pb.PreviewTemplateRequest, _: Any
    ) -> pb.RenderedMessage:
        """Render a template, stored or not, for a contact or with sample values."""
        channel, source = await self._previewed(request)
        values = {**rendering.SAMPLE_VALUES, **await self._values(request.contact_id)}
        (done,) = await self._renderer.render(source, [values])
        failure = f"{done.refusal.field} {done.refusal.text}".strip() if done.refusal else ""
        return messages.rendered(channel, done.fields, failure=failure)

    async def _previewed(
        self, request: service_pb.PreviewTemplateRequest
    ) -> tuple[Channel, rendering.Source]:
        if not request.template_id:
            if not request.HasField("template"):
                raise wrong("template_id", "or a template is required")
            draft = _draft(request.template, named=False)
            return draft.channel, draft.source()
        template_id = identifier("template_id", request.template_id)
        async with self._sessions.begin() as session:
            draft = (await stored.get(session, template_id)).draft
        return draft.channel, draft.source()

    async def _values(self, contact_id: str) -> Mapping[str, str]:
        """Return what the caller may know of a contact; raises `NotFound` for one out of reach."""
        if not contact_id:
            return {}
        contact = identifier("contact_id", contact_id)
        caller = context.require_principal()
        reach = scope.of(caller, rights.require("contacts", "read"))
        if caller.kind == "service":
            found = await self._leads.values(contact, reach)
        else:
            with client.acting_for(caller.subject):
                found = await self._leads.values(contact, reach)
        if found is None:
            raise NotFound("RESOURCE_MISSING", "no such contact", resource="contact", id=contact_id)
        return found

    async def _admitted(self, draft: Draft) -> Admitted:
        """Return a draft as it is sent; raises `InvalidArgument` naming each field."""
        violations = domain.violations(draft)
        if violations:
            raise InvalidArgument(
                "FIELDS_INVALID", "the template has wrong fields", violations=violations
            )
        compiled = await self._renderer.admit(draft.source())
        return Admitted(draft, compiled.fields, compiled.variables)


class ContentServicer(service_grpc.ContentServiceServicer):
    """Contents of runs, for notifiers."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def GetContent(self, request: service_pb.GetContentRequest, _: Any) -> pb.Content:
        """Return the content with this hash."""
        async with self._sessions.begin() as session:
            return messages.content(await stored.get_content(session, request.hash))

    async def GetAttachment(
        self, request: service_pb.GetAttachmentRequest, _: Any
    ) -> service_pb.GetAttachmentResponse:
        """Return the bytes of the attachment with this hash."""
        async with self._sessions.begin() as session:
            data = await stored.get_file(session, request.hash)
        return service_pb.GetAttachmentResponse(data=data)


def _draft(message: pb.Template, *, named: bool = True) -> Draft:
    channel = messages.channel(message.channel)
    if channel is not None:
        return messages.draft(message, channel)
    violations = [FieldViolation("template.channel", "is required")]
    if named and not message.name.strip():
        violations.append(FieldViolation("template.name", "is required"))
    raise InvalidArgument("FIELDS_INVALID", "the template has wrong fields", violations=violations)


def _same_channel(message: pb.Template, channel: Channel) -> None:
    given = messages.channel(message.channel)
    if given is not None and given is not channel:
        raise wrong("template.channel", "cannot be changed once created")
