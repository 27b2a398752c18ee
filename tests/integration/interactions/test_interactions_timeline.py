"""The story of a contact: from events in any order, from own tables, and from campaigns."""

import random
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import note_service_pb2 as pb2
from crm.interactions.v1.note_pb2 import Note
from crm.leads.v1 import consent_pb2, contact_pb2, events_pb2, transaction_pb2
from google.protobuf.message import Message
from sqlalchemy import text

from chassis import errors
from chassis.events.consumer import Event, Poison
from tests.integration.interactions.house import NOON, person, stamp
from tests.integration.interactions.story_parts import MINUTE, moved, state, story
from tests.integration.serving import refused

OWNERS = [str(uuid4()), str(uuid4())]


def bought(contact_id: str, transaction_id: str, amount: int) -> events_pb2.TransactionsIngested:
    made = transaction_pb2.Transaction(
        id=transaction_id,
        system="pos",
        contact_id=contact_id,
        amount=amount,
        currency="VND",
        type=transaction_pb2.TRANSACTION_TYPE_ORDER,
        time=stamp(NOON + 5 * MINUTE),
    )
    stranger = transaction_pb2.Transaction(id=str(uuid4()), system="pos", amount=1)
    return events_pb2.TransactionsIngested(transactions=[made, stranger])


def imported(*some: contact_pb2.Contact, created: bool = False) -> events_pb2.ContactsImported:
    told = [
        events_pb2.ImportedContact(id=it.id, revision=it.revision, created=created) for it in some
    ]
    return events_pb2.ContactsImported(import_id="i1", contacts=told)


class TestFacts:
    async def test_every_kind_of_event_becomes_an_entry(self, house: Any) -> None:
        contact = house.contact()
        consent = consent_pb2.ConsentEntry(
            id=str(uuid4()),
            contact_id=contact.id,
            channel=contact_pb2.CHANNEL_SMS,
            purpose=contact_pb2.PURPOSE_MARKETING,
            record_time=stamp(NOON + 6 * MINUTE),
        )
        withdrawn = consent_pb2.ConsentEntry(
            id=str(uuid4()), contact_id=contact.id, record_time=stamp(NOON + 7 * MINUTE)
        )
        for message in (
            events_pb2.ContactCreated(contact=contact),
            imported(contact),
            moved(contact, 2),
            events_pb2.ContactConverted(contact=contact, by="sale"),
            bought(contact.id, str(uuid4()), 150_000),
            events_pb2.ConsentGiven(entry=consent),
            events_pb2.ConsentWithdrawn(entry=withdrawn),
        ):
            await house.tell(message, time=NOON + MINUTE)

        entries = {entry.kind: entry for entry in (await story(house, contact.id)).entries}

        assert set(entries) == {
            "contact_created",
            "contact_imported",
            "stage_changed",
            "converted",
            "transaction",
            "consent_given",
            "consent_withdrawn",
        }
        assert entries["stage_changed"].details["to_status"] == "contacted"
        assert entries["stage_changed"].actor == "u1"
        assert entries["transaction"].details["amount"] == "150000"
        assert entries["transaction"].details["type"] == "order"
        assert entries["consent_given"].details["channel"] == "sms"
        assert entries["contact_imported"].details["result"] == "updated"

    @pytest.mark.parametrize("seed", range(6))
    async def test_events_shuffled_and_doubled_give_the_same_story(
        self, house: Any, seed: int
    ) -> None:
        alive, gone = house.contact(), house.contact()
        transaction = str(uuid4())
        told: list[Message] = [
            events_pb2.ContactCreated(contact=alive),
            events_pb2.ContactCreated(contact=gone),
            imported(alive, gone, created=True),
            events_pb2.ContactUpdated(contact=copy(alive, 2, OWNERS[0])),
            moved(copy(alive, 3, OWNERS[1]), 1),
            bought(alive.id, transaction, 100),
            bought(alive.id, transaction, 200),
            bought(gone.id, str(uuid4()), 300),
            events_pb2.ContactDeleted(contact_id=gone.id, revision=9),
        ]
        events = [event(message, at) for at, message in enumerate(told)]
        for each in events:
            await house.deliver(each)
        expected = await state(house)
        async with house.sessions.begin() as session:
            await session.execute(text("TRUNCATE facts, contacts"))

        again = [*events, *events]
        random.Random(seed).shuffle(again)
        for each in again:
            await house.deliver(each)

        assert await state(house) == expected
        assert len(expected["facts"]) == 4

    async def test_bytes_that_are_no_event_are_poison(self, house: Any) -> None:
        bad = event(events_pb2.ContactCreated(contact=contact_pb2.Contact(id="no uuid")), 0)

        with pytest.raises(Poison):
            await house.deliver(bad)


class TestReading:
    async def test_notes_and_follow_ups_are_in_it_as_they_are_now(self, house: Any) -> None:
        contact = house.contact()
        planned = await house.plan(contact.id, title="Gọi")
        note = Note(contact_id=contact.id, text="Chào")
        written = await house.notes().CreateNote(pb2.CreateNoteRequest(note=note))

        entries = (await story(house, contact.id)).entries

        assert [entry.resource_id for entry in entries] == [written.id, planned.id]
        assert entries[0].details["text"] == "Chào"
        assert dict(entries[1].details) == {"title": "Gọi", "type": "call", "status": "open"}

    async def test_it_needs_the_right_to_read_the_contact(self, house: Any) -> None:
        me, contact = person("own"), house.contact(str(uuid4()))

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await story(house, contact.id, me)
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await story(house, contact.id, person("none"))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await story(house, str(uuid4()))

    async def test_without_rights_to_them_notes_and_follow_ups_are_left_out(
        self, house: Any
    ) -> None:
        contact = house.contact()
        await house.tell(events_pb2.ContactCreated(contact=contact))
        await house.plan(contact.id)
        note = Note(contact_id=contact.id, text="Chào")
        await house.notes().CreateNote(pb2.CreateNoteRequest(note=note))

        who = person(notes="none", follow_ups="own")
        kinds = [entry.kind for entry in (await story(house, contact.id, who)).entries]

        assert kinds == ["contact_created"]

    async def test_kinds_are_filtered_and_unknown_ones_named(self, house: Any) -> None:
        contact = house.contact()
        await house.tell(events_pb2.ContactCreated(contact=contact))
        await house.plan(contact.id)

        page = await story(house, contact.id, kinds=["follow_up"])

        assert [entry.kind for entry in page.entries] == ["follow_up"]
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await story(house, contact.id, kinds=["note", "moon"])
        assert refusal.fields() == ["kinds[1]"]

    async def test_a_new_owner_sees_it_and_the_old_one_does_not(self, house: Any) -> None:
        old, new = person("own"), person("own")
        contact = house.contact(old.subject)
        await house.tell(events_pb2.ContactCreated(contact=contact))

        await house.tell(events_pb2.ContactUpdated(contact=copy(contact, 2, new.subject)))

        assert len((await story(house, contact.id, new)).entries) == 1
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await story(house, contact.id, old)
        assert house.leads.asked_for == []


def copy(contact: contact_pb2.Contact, revision: int, owner: str) -> contact_pb2.Contact:
    made = contact_pb2.Contact()
    made.CopyFrom(contact)
    made.revision = revision
    del made.owner_ids[:]
    made.owner_ids.append(owner)
    return made


def event(message: Message, at: int) -> Event:
    return Event(
        id=f"0190-{at:04}",
        subject=message.DESCRIPTOR.full_name,
        data=message.SerializeToString(),
        headers={},
        time=NOON + at * MINUTE,
        revision=0,
        key="",
        deliveries=1,
    )
