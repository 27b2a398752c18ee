"""Remarks about contacts."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import note_pb2, note_service_pb2_grpc
from crm.interactions.v1 import note_service_pb2 as pb2
from google.protobuf import empty_pb2
from pydantic import SecretStr

from chassis import db, scope
from chassis.db import idempotency, paging
from chassis.errors import NotFound
from chassis.rpc.identities import Identities
from services.interactions.domain import fields
from services.interactions.domain import notes as rules
from services.interactions.domain.contacts import Contact
from services.interactions.domain.fields import Problems
from services.interactions.messages import notes as messages
from services.interactions.rpc import gate
from services.interactions.storage import notes as kept
from services.interactions.usecases import found
from services.interactions.usecases import notes as usecases

Context = grpc.aio.ServicerContext[Any, Any]


class NoteServicer(note_service_pb2_grpc.NoteServiceServicer):
    """Serves `NoteService`."""

    def __init__(
        self, sessions: db.Sessions, contacts: gate.Gate, owners: Identities, seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._owners = owners
        self._seal_key = seal_key

    async def CreateNote(self, request: pb2.CreateNoteRequest, context: Context) -> note_pb2.Note:
        """Writes a note about a contact that the caller may see."""
        caller, problems = gate.may("notes", "write"), Problems()
        contact_id = fields.uuid(request.note.contact_id, "note.contact_id", problems)
        text = rules.text(request.note.text, "note.text", problems)
        field = "note.mentioned_user_ids"
        mentioned = rules.mentioned(request.note.mentioned_user_ids, field, problems)
        if contact_id is not None:
            try:
                contact = await self._contacts.visible(contact_id)
                await self._known(mentioned, contact, field, problems)
            except NotFound:
                problems.add("note.contact_id", "no such contact")
        problems.raise_if_any()
        async with self._sessions.begin() as session:

            async def create() -> note_pb2.Note:
                known = found.existing(contact_id, "contact", contact_id)
                made = await usecases.create(session, caller, known, text, mentioned)
                return messages.out(made)

            return await idempotency.once(session, "CreateNote", request, note_pb2.Note, create)

    async def GetNote(self, request: pb2.GetNoteRequest, context: Context) -> note_pb2.Note:
        """Returns a note of a contact that the caller may see."""
        note, _ = await self._visible(request.id)
        return messages.out(note)

    async def ListNotes(
        self, request: pb2.ListNotesRequest, context: Context
    ) -> pb2.ListNotesResponse:
        """Lists a contact's notes, newest first."""
        contact_id = found.parsed(request.contact_id, "contact")
        wanted = {"contact_id": str(contact_id)}
        page = paging.read(request.page_size, request.page_token, wanted, self._seal_key)
        before: Any = page.after
        await self._contacts.visible(contact_id)
        async with self._sessions.begin() as session:
            listed = await kept.page(session, contact_id, page.size + 1, before)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            token = paging.token([shown[-1].create_time, shown[-1].id], wanted, self._seal_key)
        return pb2.ListNotesResponse(
            notes=[messages.out(each) for each in shown], next_page_token=token
        )

    async def UpdateNote(self, request: pb2.UpdateNoteRequest, context: Context) -> note_pb2.Note:
        """Replaces the text."""
        allowed, problems = gate.may("notes", "write"), Problems()
        text = rules.text(request.text, "text", problems)
        field = "mentioned_user_ids"
        mentioned = rules.mentioned(request.mentioned_user_ids, field, problems)
        problems.raise_if_any()
        note, contact = await self._visible(request.id)
        before = note.mentioned_user_ids
        await self._known(mentioned, contact, field, problems, known=before)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            return messages.out(
                await usecases.update(session, allowed, note.id, request.etag, text, mentioned)
            )

    async def DeleteNote(self, request: pb2.DeleteNoteRequest, context: Context) -> empty_pb2.Empty:
        """Deletes a note."""
        allowed = gate.may("notes", "delete")
        note, _ = await self._visible(request.id)
        async with self._sessions.begin() as session:
            await usecases.delete(session, allowed, note.id, request.etag)
        return empty_pb2.Empty()

    async def _visible(self, wanted: str) -> tuple[rules.Note, Contact]:
        note_id = found.parsed(wanted, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            note = await usecases.get(session, note_id)
        try:
            return note, await self._contacts.visible(note.contact_id)
        except NotFound:
            raise found.missing(usecases.RESOURCE, note_id) from None

    async def _known(
        self,
        mentioned: Sequence[UUID],
        contact: Contact,
        field: str,
        problems: Problems,
        known: Collection[UUID] = (),
    ) -> None:
        """Notes those who are nobody or may not see the contact, but for those known before."""
        for at, user_id in enumerate(mentioned):
            if user_id in known:
                continue
            person = await self._owners.principal(user_id)
            if person is None:
                problems.add(f"{field}[{at}]", "no such person")
            elif not contact.visible(scope.of(person, person.level("contacts", "read"))):
                problems.add(f"{field}[{at}]", "may not see this contact")
