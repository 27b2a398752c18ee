"""ContactService."""

import functools
from collections.abc import AsyncIterator

from crm.leads.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc
from google.protobuf.empty_pb2 import Empty
from pydantic import SecretStr

from chassis.db import Sessions, idempotency
from chassis.db.paging import Page
from chassis.errors import ResourceExhausted
from services.leads.domain.contact import Channel, Status
from services.leads.domain.fields import Checks
from services.leads.messages import contacts as messages
from services.leads.messages import exports as files
from services.leads.messages import values
from services.leads.rpc import pages
from services.leads.rpc.requests import Clock, Context, optional_id, required_id
from services.leads.usecases import access, addresses, contacts, exports, hidden, stages

pb = contact_service_pb2

MAX_IDS = 1_000
_BATCH = 500


class ContactServicer(contact_service_pb2_grpc.ContactServiceServicer):
    """Leads and customers."""

    def __init__(self, sessions: Sessions, seal: SecretStr, region: str, clock: Clock) -> None:
        self._sessions = sessions
        self._seal = seal
        self._region = region
        self._clock = clock

    async def CreateContact(
        self, request: pb.CreateContactRequest, context: Context
    ) -> contact_pb2.Contact:
        """Creates a contact, or refuses it whole."""
        draft = messages.draft(request.contact)
        async with self._sessions.begin() as session:

            async def work() -> contact_pb2.Contact:
                made = await contacts.create(
                    session, draft, home_region=self._region, now=self._clock()
                )
                return messages.contact(made)

            return await idempotency.once(
                session, "CreateContact", request, contact_pb2.Contact, work
            )

    async def CreateContactWithLogin(
        self, request: pb.CreateContactWithLoginRequest, context: Context
    ) -> contact_pb2.Contact:
        """Creates a contact and has accounts let them sign in, or refuses both."""
        draft = messages.draft(request.contact)
        checks = Checks()
        by = checks.needed("channel", request.channel, Channel)
        checks.finish()
        async with self._sessions.begin() as session:

            async def work() -> contact_pb2.Contact:
                made = await contacts.create(
                    session, draft, home_region=self._region, now=self._clock(), login_by=by
                )
                return messages.contact(made)

            return await idempotency.once(
                session, "CreateContactWithLogin", request, contact_pb2.Contact, work
            )

    async def GetContact(
        self, request: pb.GetContactRequest, context: Context
    ) -> contact_pb2.Contact:
        """Returns one contact."""
        contact_id = required_id(request.id)
        async with self._sessions.begin() as session:
            return messages.contact(await access.visible(session, contact_id))

    async def BatchGetContacts(
        self, request: pb.BatchGetContactsRequest, context: Context
    ) -> pb.BatchGetContactsResponse:
        """Returns those of the contacts that are there for the caller."""
        checks = Checks()
        ids = checks.ids("ids", request.ids, MAX_IDS)
        if len(request.ids) > MAX_IDS:
            raise ResourceExhausted("TOO_LARGE", "more than 1,000 ids", limit=MAX_IDS)
        checks.finish()
        async with self._sessions.begin() as session:
            found = await contacts.batch_get(session, ids)
        return pb.BatchGetContactsResponse(contacts=[messages.contact(it) for it in found])

    async def ListContacts(
        self, request: pb.ListContactsRequest, context: Context
    ) -> pb.ListContactsResponse:
        """Lists, searches and filters."""
        wanted, order = messages.wanted(request)
        wanted = hidden.searched(wanted)
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await contacts.page(session, wanted, order, page)
        return pb.ListContactsResponse(
            contacts=[messages.contact(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )

    async def ExportContacts(
        self, request: pb.ExportContactsRequest, context: Context
    ) -> AsyncIterator[pb.ExportContactsResponse]:
        """Sends all that a list would have, page by page; none holds a connection while it goes."""
        wanted = hidden.searched(files.wanted(request))
        async with self._sessions.begin() as session:
            scope = await exports.begin(session, wanted)
        page: Page | None = Page(_BATCH)
        while page:
            async with self._sessions.begin() as session:
                part = await exports.part(session, wanted, scope, page)
            for each in files.parts(files.line(it, part.names) for it in part.contacts):
                yield each
            page = part.next

    async def UpdateContact(
        self, request: pb.UpdateContactRequest, context: Context
    ) -> contact_pb2.Contact:
        """Changes the fields named in the mask."""
        contact_id = required_id(request.contact.id, "contact.id")
        changed = messages.paths(request.update_mask, request.contact)
        hidden.refuse_change(changed)
        redraft = functools.partial(messages.redraft, given=request.contact, changed=changed)
        async with self._sessions.begin() as session:

            async def work() -> contact_pb2.Contact:
                made = await contacts.change(
                    session,
                    contact_id,
                    request.contact.etag,
                    redraft,
                    home_region=self._region,
                    now=self._clock(),
                )
                return messages.contact(made)

            return await idempotency.once(
                session, "UpdateContact", request, contact_pb2.Contact, work
            )

    async def DeleteContact(self, request: pb.DeleteContactRequest, context: Context) -> Empty:
        """Deletes a contact."""
        contact_id = required_id(request.id)
        async with self._sessions.begin() as session:
            await contacts.delete(session, contact_id, request.etag, now=self._clock())
        return Empty()

    async def ConfirmAddress(
        self, request: pb.ConfirmAddressRequest, context: Context
    ) -> contact_pb2.Contact:
        """Takes an address that failed for valid again."""
        contact_id = required_id(request.id)
        async with self._sessions.begin() as session:
            made = await addresses.confirm(
                session, contact_id, request.address, request.etag, now=self._clock()
            )
            return messages.contact(made)

    async def ConvertContact(
        self, request: pb.ConvertContactRequest, context: Context
    ) -> contact_pb2.Contact:
        """Turns a lead into a customer."""
        contact_id = required_id(request.id)
        async with self._sessions.begin() as session:
            made = await stages.convert(session, contact_id, request.etag, now=self._clock())
            return messages.contact(made)

    async def ChangeStatus(
        self, request: pb.ChangeStatusRequest, context: Context
    ) -> contact_pb2.Contact:
        """Moves a lead's status."""
        contact_id = required_id(request.id)
        checks = Checks()
        to = checks.needed("status", request.status, Status)
        checks.finish()
        async with self._sessions.begin() as session:
            made = await stages.change_status(
                session, contact_id, to, request.lost_reason, request.etag, now=self._clock()
            )
            return messages.contact(made)

    async def MoveToLifeStage(
        self, request: pb.MoveToLifeStageRequest, context: Context
    ) -> contact_pb2.Contact:
        """Moves a contact to a life stage."""
        contact_id = required_id(request.id)
        wanted = stages.Move(
            optional_id(request.life_stage_id, "life_stage_id"),
            request.reason,
            request.etag,
            values.moment(request, "unless_moved_since"),
        )
        async with self._sessions.begin() as session:

            async def work() -> contact_pb2.Contact:
                made = await stages.move(session, contact_id, wanted, now=self._clock())
                return messages.contact(made)

            return await idempotency.once(
                session, "MoveToLifeStage", request, contact_pb2.Contact, work
            )

    async def ListStageChanges(
        self, request: pb.ListStageChangesRequest, context: Context
    ) -> pb.ListStageChangesResponse:
        """Lists a contact's moves."""
        contact_id = required_id(request.contact_id, "contact_id")
        page = pages.read(request, self._seal)
        async with self._sessions.begin() as session:
            found, after = await stages.history(session, contact_id, page)
        return pb.ListStageChangesResponse(
            changes=[messages.change(it) for it in found],
            next_page_token=pages.next_token(after, request, self._seal),
        )
