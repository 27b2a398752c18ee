"""A person leaves interactions once leads said that the contact is gone."""

import asyncio
from typing import Any
from uuid import UUID

from crm.interactions.v1 import note_pb2, note_service_pb2
from crm.leads.v1 import contact_pb2, events_pb2
from sqlalchemy import text

from services.erasing import Erased, Person
from services.erasure_traces import Traces
from services.interactions.storage import contacts
from services.interactions.usecases import erasing
from tests.integration.interactions.portal_parts import answer, ask, reply

NAME = "Trần Thị Rất Riêng"
_TABLES = (
    *("follow_ups", "notes", "facts", "outbox", "idempotency", "digests"),
    *("requests", "request_replies", "notifications"),
)


async def erase(house: Any, *contact_ids: str, names: tuple[str, ...] = ()) -> Erased:
    person = Person(tuple(UUID(it) for it in contact_ids), names=names)
    async with house.sessions.begin() as session:
        await session.execute(text("UPDATE outbox SET published_at = now()"))
        erased = await erasing.erase(session, person)
    await Traces(house.sessions).erase(person, erased)
    return erased


async def with_story(house: Any) -> tuple[contact_pb2.Contact, str, str]:
    """A contact with a follow-up and a note; returns the ids of these too."""
    contact = house.contact()
    await house.tell(events_pb2.ContactCreated(contact=contact))
    planned = await house.plan(contact.id, title=f"Gọi {NAME}")
    note = note_pb2.Note(contact_id=contact.id, text=f"{NAME} hỏi giá")
    written = await house.notes().CreateNote(note_service_pb2.CreateNoteRequest(note=note))
    return contact, planned.id, written.id


async def gone(house: Any, contact: contact_pb2.Contact) -> None:
    await house.tell(events_pb2.ContactDeleted(contact_id=contact.id, revision=99))


async def rows(house: Any) -> str:
    found: list[str] = []
    async with house.sessions.begin() as session:
        for table in _TABLES:
            found += (
                (await session.execute(text(f"SELECT t::text FROM {table} AS t"))).scalars().all()  # noqa: S608
            )
    return "\n".join(found)


class TestErasing:
    async def test_who_is_not_known_as_deleted_is_waited_for(self, house: Any) -> None:
        contact, _, _ = await with_story(house)

        assert (await erase(house, contact.id)).waiting == 1
        assert NAME in await rows(house)

    async def test_nothing_is_left_and_what_was_theirs_is_named_each_time(self, house: Any) -> None:
        contact, planned, written = await with_story(house)
        await gone(house, contact)

        first = await erase(house, contact.id)
        second = await erase(house, contact.id)

        subjects = {("follow_up", planned), ("note", written)}
        assert first.subjects == second.subjects == subjects
        assert (second.waiting, dict(second.counts)) == (0, {})
        left = await rows(house)
        assert NAME not in left
        assert NAME.encode().hex() not in left

    async def test_requests_go_with_their_replies(self, house: Any) -> None:
        contact = house.contact()
        await house.tell(events_pb2.ContactCreated(contact=contact))
        request = await ask(house, contact, subject=f"{NAME} hỏi")
        await reply(house, contact, request.id, text=f"{NAME} hỏi nữa")
        await answer(house, request.id, text=f"Chào {NAME}")
        await gone(house, contact)

        first = await erase(house, contact.id)
        second = await erase(house, contact.id)

        assert ("request", request.id) in first.subjects
        assert first.subjects == second.subjects
        assert (second.waiting, dict(second.counts)) == (0, {})
        left = await rows(house)
        assert NAME not in left
        assert NAME.encode().hex() not in left

    async def test_an_event_that_comes_late_brings_nothing_back(self, house: Any) -> None:
        contact, _, _ = await with_story(house)
        await gone(house, contact)
        await erase(house, contact.id)

        await house.tell(events_pb2.ContactCreated(contact=contact))

        assert (await erase(house, contact.id)).waiting == 0
        assert contact.id not in await rows(house)

    async def test_a_digest_that_names_them_is_written_anew(self, house: Any) -> None:
        async with house.sessions.begin() as session:
            for user, said in (("0" * 32, NAME), ("1" * 32, "khac")):
                await session.execute(
                    text(
                        "INSERT INTO digests (user_id, words) VALUES (CAST(:user AS uuid),"
                        " jsonb_build_object('text', CAST(:said AS text)))"
                    ),
                    {"user": user, "said": said},
                )
        contact, _, _ = await with_story(house)
        await gone(house, contact)

        await erase(house, contact.id, names=(NAME,))

        async with house.sessions.begin() as session:
            kept = (await session.execute(text("SELECT words FROM digests ORDER BY user_id"))).all()
        assert [it.words for it in kept] == [None, {"text": "khac"}]

    async def test_who_writes_is_not_held_up_where_nothing_is_left(self, house: Any) -> None:
        contact, _, _ = await with_story(house)
        await gone(house, contact)
        await erase(house, contact.id)

        async with house.sessions.begin() as writing:
            await contacts.lock_against_deletion(writing)
            async with asyncio.timeout(5):
                assert dict((await erase(house, contact.id)).counts) == {}

    async def test_a_digest_that_names_somebody_longer_stays(self, house: Any) -> None:
        async with house.sessions.begin() as session:
            await session.execute(
                text('INSERT INTO digests (user_id, words) VALUES (:user, \'{"text": "Lê Anh"}\')'),
                {"user": UUID(int=1)},
            )

        erased = await erase(house, str(UUID(int=2)), names=("Lê An",))

        assert "digests" not in erased.counts
