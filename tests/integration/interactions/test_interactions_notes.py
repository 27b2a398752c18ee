"""Notes about contacts."""

from typing import Any
from uuid import uuid4

from crm.interactions.v1 import note_service_pb2 as pb2
from crm.interactions.v1.note_pb2 import Note
from crm.leads.v1 import events_pb2

from chassis import errors
from chassis.context import Principal
from tests.integration.interactions.house import person
from tests.integration.serving import refused


async def write(house: Any, contact_id: str, who: Any = None, text: str = "Thích màu xanh") -> Any:
    note = Note(contact_id=contact_id, text=text)
    return await house.notes(who or person()).CreateNote(pb2.CreateNoteRequest(note=note))


class TestNotes:
    async def test_they_are_written_changed_listed_and_deleted(self, house: Any) -> None:
        me, contact = person(), house.contact().id
        first, second = await write(house, contact, me), await write(house, contact, me, "hai")
        await write(house, house.contact().id, me, "noise")

        change = pb2.UpdateNoteRequest(id=first.id, text="một", etag=first.etag)
        changed = await house.notes(me).UpdateNote(change)
        page = await house.notes(me).ListNotes(
            pb2.ListNotesRequest(contact_id=contact, page_size=1)
        )
        rest = await house.notes(me).ListNotes(
            pb2.ListNotesRequest(contact_id=contact, page_size=1, page_token=page.next_page_token)
        )

        assert (changed.text, changed.revision, changed.author_id) == ("một", 2, me.subject)
        assert [each.id for each in (*page.notes, *rest.notes)] == [second.id, first.id]
        assert rest.next_page_token == ""
        await house.notes(me).DeleteNote(pb2.DeleteNoteRequest(id=first.id))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.notes(me).GetNote(pb2.GetNoteRequest(id=first.id))

    async def test_bad_fields_are_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await write(house, "x", text="")
        assert set(refusal.fields()) == {"note.contact_id", "note.text"}

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await write(house, str(uuid4()), text="n" * 10_001)
        assert set(refusal.fields()) == {"note.contact_id", "note.text"}

    async def test_a_stale_etag_is_aborted(self, house: Any) -> None:
        note = await write(house, house.contact().id)

        with refused(errors.Aborted, "ETAG_STALE"):
            await house.notes().UpdateNote(pb2.UpdateNoteRequest(id=note.id, text="t", etag="7"))

    async def test_who_may_not_see_the_contact_sees_no_note_of_it(self, house: Any) -> None:
        me = person("own", notes="all")
        mine, others = house.contact(me.subject).id, house.contact(str(uuid4())).id
        own, hidden = await write(house, mine), await write(house, others)

        assert (await house.notes(me).GetNote(pb2.GetNoteRequest(id=own.id))).id == own.id
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.notes(me).GetNote(pb2.GetNoteRequest(id=hidden.id))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.notes(me).ListNotes(pb2.ListNotesRequest(contact_id=others))

    async def test_with_the_level_own_one_changes_what_one_wrote(self, house: Any) -> None:
        contact = house.contact().id
        me = person("own", contacts="all")
        mine, others = await write(house, contact, me), await write(house, contact)

        await house.notes(me).UpdateNote(pb2.UpdateNoteRequest(id=mine.id, text="mine"))

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.notes(me).UpdateNote(pb2.UpdateNoteRequest(id=others.id, text="t"))
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.notes(me).DeleteNote(pb2.DeleteNoteRequest(id=others.id))

    async def test_without_the_right_nothing_is_shown(self, house: Any) -> None:
        note = await write(house, house.contact().id)
        nobody = Principal(str(uuid4()), "user")

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.notes(nobody).GetNote(pb2.GetNoteRequest(id=note.id))

    async def test_the_same_request_id_writes_once(self, house: Any) -> None:
        note = Note(contact_id=house.contact().id, text="once")
        request = pb2.CreateNoteRequest(note=note, request_id="r")

        first = await house.notes().CreateNote(request)

        assert await house.notes().CreateNote(request) == first

    async def test_nothing_can_be_written_about_who_was_deleted(self, house: Any) -> None:
        contact = house.contact()
        note = await write(house, contact.id)

        await house.tell(events_pb2.ContactDeleted(contact_id=contact.id, revision=2))

        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await write(house, contact.id)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.notes().GetNote(pb2.GetNoteRequest(id=note.id))
