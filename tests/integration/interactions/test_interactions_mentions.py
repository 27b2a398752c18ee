"""Who is mentioned in a note is told of it, once, if they may see it."""

from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import note_service_pb2
from crm.interactions.v1 import notification_service_pb2 as pb2
from crm.leads.v1 import events_pb2
from sqlalchemy import text

from chassis import errors
from tests.integration.interactions.notification_parts import colleague, kinds, told, unread, write
from tests.integration.serving import refused

FIELDS = "note.mentioned_user_ids"


class TestMentions:
    async def test_who_is_mentioned_is_told_once_and_the_writer_is_not(self, house: Any) -> None:
        lan, binh, noise = (colleague(house) for _ in range(3))
        contact = house.contact().id
        mentioned = (binh.subject, lan.subject, binh.subject)

        note = await write(house, lan, contact, *mentioned, request_id="r")
        await write(house, lan, contact, *mentioned, request_id="r")
        change = note_service_pb2.UpdateNoteRequest(
            id=note.id, text="@Bình gấp", mentioned_user_ids=[binh.subject]
        )
        changed = await house.notes(lan).UpdateNote(change)

        (one,) = await told(house, binh)
        assert (note.mentioned_user_ids, changed.mentioned_user_ids) == (
            [binh.subject, lan.subject],
            [binh.subject],
        )
        assert (one.note_id, one.contact_id, one.actor_id) == (note.id, contact, lan.subject)
        assert (one.text, one.read_time.seconds) == ("@Bình gấp", 0)
        assert [await kinds(house, it) for it in (lan, noise)] == [[], []]

    async def test_whom_nobody_knows_and_who_may_not_see_the_contact_is_refused(
        self, house: Any
    ) -> None:
        lan, outsider = colleague(house), colleague(house, "own")
        contact = house.contact(lan.subject).id

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await write(house, lan, contact, lan.subject, str(uuid4()), outsider.subject)
        assert refusal.fields() == [f"{FIELDS}[1]", f"{FIELDS}[2]"]
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await write(house, lan, contact, "x", *(str(uuid4()) for _ in range(20)))
        assert {FIELDS, f"{FIELDS}[0]"} <= set(refusal.fields())
        listed = await house.notes(lan).ListNotes(
            note_service_pb2.ListNotesRequest(contact_id=contact)
        )
        assert not listed.notes

    async def test_a_note_keeps_a_mention_of_who_left(self, house: Any) -> None:
        lan, binh = colleague(house), colleague(house)
        note = await write(house, lan, house.contact().id, binh.subject)
        del house.people[binh.subject]

        change = {"id": note.id, "text": "sửa", "mentioned_user_ids": [binh.subject]}
        changed = await house.notes(lan).UpdateNote(note_service_pb2.UpdateNoteRequest(**change))

        assert changed.text == "sửa"

    async def test_who_may_no_longer_see_the_contact_is_shown_nothing_of_it(
        self, house: Any
    ) -> None:
        lan, binh = colleague(house), colleague(house, "own")
        contact = house.contact(binh.subject)
        await write(house, lan, contact.id, binh.subject)
        (before,) = await told(house, binh)

        del contact.owner_ids[:]
        contact.revision = 2
        await house.tell(events_pb2.ContactUpdated(contact=contact))

        assert (await told(house, binh), await unread(house, binh)) == ([], (0, False))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.notifications(binh).MarkNotificationRead(
                pb2.MarkNotificationReadRequest(id=before.id)
            )

    @pytest.mark.parametrize("erased", [True, False])
    async def test_they_go_with_the_note_and_with_the_contact(
        self, house: Any, erased: bool
    ) -> None:
        lan, binh = colleague(house), colleague(house)
        contact = house.contact().id
        note = await write(house, lan, contact, binh.subject)
        await house.plan(contact, lan, assignee_ids=[binh.subject])
        assert await kinds(house, binh) == ["ASSIGNED", "MENTIONED"]

        if erased:
            await house.tell(events_pb2.ContactDeleted(contact_id=contact, revision=2))
        else:
            await house.notes(lan).DeleteNote(note_service_pb2.DeleteNoteRequest(id=note.id))

        async with house.sessions.begin() as session:
            left = list(await session.scalars(text("SELECT kind FROM notifications")))
        assert left == ([] if erased else ["assigned"])
