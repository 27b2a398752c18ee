"""Traces are read a few rows at a time, and nothing is locked meanwhile."""

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from chassis.db import Sessions, traces

NOW = datetime(2026, 11, 21, 5, tzinfo=UTC)


def tells(data: bytes) -> bool:
    return b"hoa" in data


async def event(
    sessions: Sessions, payload: bytes, *, published: bool = True, its_id: uuid.UUID | None = None
) -> uuid.UUID:
    its_id = its_id or uuid.uuid4()
    async with sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO outbox (id, class, subject, payload, published_at)"
                " VALUES (:id, 'facts', 'x', :payload, :published)"
            ),
            {"id": its_id, "payload": payload, "published": NOW if published else None},
        )
    return its_id


async def answer(sessions: Sessions, request_id: str, response: bytes) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO idempotency (subject, method, request_id, request_hash, response)"
                " VALUES ('a', 'm', :id, '', :response)"
            ),
            {"id": request_id, "response": response},
        )


async def left(sessions: Sessions, query: str) -> list[Any]:
    async with sessions.begin() as session:
        return list(await session.scalars(text(query)))


class TestErase:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Several batches of few rows."""
        monkeypatch.setattr(traces, "_BATCH", 2)

    async def test_what_tells_goes_whatever_batch_it_is_in(self, sessions: Sessions) -> None:
        for number in range(5):
            await event(sessions, b"hoa" if number % 2 else b"lan")
            await answer(sessions, f"r{number}", b"hoa" if number % 2 else b"lan")

        found = await traces.erase(sessions, tells)

        assert found == traces.Traces(events=2, answers=2, waiting=0)
        assert await left(sessions, "SELECT payload FROM outbox") == [b"lan"] * 3
        assert await left(sessions, "SELECT response FROM idempotency") == [b"lan"] * 3

    async def test_what_is_not_published_stays_and_is_counted(self, sessions: Sessions) -> None:
        await event(sessions, b"hoa", published=False)

        assert await traces.erase(sessions, tells) == traces.Traces(0, 0, waiting=1)
        assert await left(sessions, "SELECT payload FROM outbox") == [b"hoa"]

    async def test_what_was_clean_is_not_read_again(self, sessions: Sessions) -> None:
        ids = sorted([await event(sessions, b"hoa"), await event(sessions, b"hoa")])

        found = await traces.erase(sessions, tells, after=ids[0])

        assert found.events == 1
        assert await left(sessions, "SELECT id FROM outbox") == [ids[0]]

    async def test_nothing_is_locked_while_bytes_are_looked_at(self, sessions: Sessions) -> None:
        await event(sessions, b"hoa")
        held: list[int] = []

        def looks(data: bytes) -> bool:
            held.append(sessions.kw["bind"].pool.checkedout())
            return tells(data)

        await traces.erase(sessions, looks)

        assert held == [0]
