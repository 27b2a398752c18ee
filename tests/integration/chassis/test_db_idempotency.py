"""Remembered answers on a real PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from crm.interactions.v1.note_pb2 import Note
from crm.interactions.v1.note_service_pb2 import CreateNoteRequest
from sqlalchemy import text

from chassis import context, db
from chassis.context import Principal
from chassis.db import idempotency
from chassis.errors import AlreadyExists, InvalidArgument

Count = Callable[[str], Awaitable[int]]
Age = Callable[[str, str, str], Awaitable[None]]
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
USER = Principal("0190", "user")


class Notes:
    """A use case that counts how often it is really done."""

    def __init__(self, sessions: db.Sessions) -> None:
        self.done = 0
        self._sessions = sessions

    async def create(
        self, request_id: str, body: str = "b", principal: Principal = USER, method: str = "Create"
    ) -> Note:
        request = CreateNoteRequest(note=Note(text=body), request_id=request_id)
        with context.bind(principal=principal):
            async with self._sessions.begin() as session:
                return await idempotency.once(session, method, request, Note, self.work)

    async def work(self) -> Note:
        self.done += 1
        return Note(id=str(self.done))


async def until_waiting(sessions: db.Sessions, number: int) -> None:
    """Returns once that many transactions wait for an advisory lock, within ten seconds."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    async with asyncio.timeout(10):
        while True:
            async with sessions.begin() as session:
                if await session.scalar(waiting) == number:
                    return
            await asyncio.sleep(0.01)


class TestIdempotency:
    async def test_a_retry_gets_the_first_answer_and_changes_nothing(
        self, sessions: db.Sessions
    ) -> None:
        notes = Notes(sessions)

        answers = [await notes.create("q1"), await notes.create("q1"), await notes.create("q2")]

        assert [it.id for it in answers] == ["1", "1", "2"]
        assert notes.done == 2

    async def test_without_an_id_everything_is_done(
        self, sessions: db.Sessions, count: Count
    ) -> None:
        notes = Notes(sessions)

        await notes.create("")
        await notes.create("")

        assert notes.done == 2
        assert await count("idempotency") == 0

    async def test_an_id_used_for_something_else_is_refused(self, sessions: db.Sessions) -> None:
        notes = Notes(sessions)
        await notes.create("q1", body="one")

        with pytest.raises(AlreadyExists, match="REQUEST_ID_REUSED") as refused:
            await notes.create("q1", body="two")

        assert refused.value.metadata == {"method": "Create"}

    async def test_an_id_belongs_to_its_caller_and_method(self, sessions: db.Sessions) -> None:
        notes = Notes(sessions)
        await notes.create("q1")

        await notes.create("q1", principal=Principal("another", "user"))
        await notes.create("q1", method="Update")

        assert notes.done == 3

    async def test_a_twin_waits_for_the_first_and_gets_its_answer(
        self, sessions: db.Sessions
    ) -> None:
        notes = Notes(sessions)
        request = CreateNoteRequest(note=Note(text="b"), request_id="q1")
        with context.bind(principal=USER):
            async with sessions.begin() as session:
                first = await idempotency.once(session, "Create", request, Note, notes.work)
                twins = [asyncio.create_task(notes.create("q1")) for _ in range(3)]
                await until_waiting(sessions, 3)

        answers = await asyncio.gather(*twins)

        assert {it.id for it in answers} == {first.id} == {"1"}
        assert notes.done == 1

    async def test_work_that_failed_may_be_tried_again(self, sessions: db.Sessions) -> None:
        request = CreateNoteRequest(request_id="q1")

        async def fail() -> Note:
            raise ZeroDivisionError

        async def change() -> None:
            async with sessions.begin() as session:
                await idempotency.once(session, "Create", request, Note, fail)

        with pytest.raises(ZeroDivisionError):
            await change()

        assert (await Notes(sessions).create("q1")).id == "1"

    async def test_an_endless_id_is_refused_by_name(self, sessions: db.Sessions) -> None:
        with pytest.raises(InvalidArgument) as refused:
            await Notes(sessions).create("q" * 129)

        assert [it.field for it in refused.value.violations] == ["request_id"]

    async def test_an_answer_older_than_a_day_is_forgotten(
        self, sessions: db.Sessions, age: Age
    ) -> None:
        notes = Notes(sessions)
        await notes.create("q1", body="one")
        await age("idempotency", "created_at", "25 hours")

        again = await notes.create("q1", body="two")

        assert again.id == "2"
        assert (await notes.create("q1", body="two")).id == "2"
