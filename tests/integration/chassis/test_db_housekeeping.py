"""What goes in time, and what stays."""

from collections.abc import Awaitable, Callable

import pytest
from crm.interactions.v1.note_pb2 import Note
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.db import housekeeping, idempotency, inbox, outbox
from chassis.db.outbox import Class

Count = Callable[[str], Awaitable[int]]
Age = Callable[[str, str, str], Awaitable[None]]
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
USER = Principal("0190", "user")


async def answer(sessions: db.Sessions, request_id: str) -> None:
    """Stores the answer to one request."""
    async with sessions.begin() as session:
        await idempotency.remember(
            session, method="Create", request_id=request_id, request=Note(), response=Note()
        )


class TestHousekeeping:
    async def test_only_what_is_past_its_time_goes(
        self, sessions: db.Sessions, settings: ServiceSettings, count: Count, age: Age
    ) -> None:
        async with sessions.begin() as session:
            published = [await outbox.add(session, Note(), to=Class.FACTS) for _ in range(3)]
            await outbox.mark_published(session, published)
            await inbox.seen_before(session, "timeline", "old")
        await answer(sessions, "old")
        await age("outbox", "published_at", "8 days")
        await age("inbox", "seen_at", "36 days")
        await age("idempotency", "created_at", "25 hours")
        async with sessions.begin() as session:
            fresh = await outbox.add(session, Note(), to=Class.FACTS)
            await outbox.mark_published(session, [fresh])
            await outbox.add(session, Note(), to=Class.CONTROL)
            await inbox.seen_before(session, "timeline", "new")
        await age("outbox", "created_at", "90 days")
        await answer(sessions, "new")

        deleted = await housekeeping.sweep(sessions, settings)

        assert deleted == 5
        left = [await count(it) for it in ("outbox", "inbox", "idempotency")]
        assert left == [2, 1, 1]

    async def test_what_the_service_prunes_itself_goes_along_until_nothing_is_left(
        self, sessions: db.Sessions, settings: ServiceSettings
    ) -> None:
        left = [housekeeping.BATCH, housekeeping.BATCH, 3]

        async def own(session: AsyncSession) -> int:
            assert (await session.execute(text("SELECT 1"))).scalar() == 1
            return left.pop(0)

        deleted = await housekeeping.sweep(sessions, settings, [own])

        assert (deleted, left) == (2 * housekeeping.BATCH + 3, [])

    async def test_more_than_a_batch_goes_in_several(
        self,
        sessions: db.Sessions,
        settings: ServiceSettings,
        monkeypatch: pytest.MonkeyPatch,
        age: Age,
    ) -> None:
        monkeypatch.setattr(housekeeping, "BATCH", 2)
        async with sessions.begin() as session:
            for number in range(5):
                await inbox.seen_before(session, "timeline", str(number))
        await age("inbox", "seen_at", "36 days")

        assert await housekeeping.sweep(sessions, settings) == 5

    async def test_another_replica_at_it_is_left_alone(
        self, sessions: db.Sessions, settings: ServiceSettings, age: Age
    ) -> None:
        async with sessions.begin() as session:
            await inbox.seen_before(session, "timeline", "old")
        await age("inbox", "seen_at", "36 days")

        async with sessions.begin() as other:
            await other.execute(housekeeping._TURN)
            assert await housekeeping.sweep(sessions, settings) == 0
