"""Work that is cancelled within a statement ends as cancelled, and harms nobody after it."""

import asyncio
import contextlib
import time

import pytest
from sqlalchemy import text

from chassis import db

SECONDS = 10.0


class TestCancellingAStatement:
    async def test_it_ends_as_cancelled(self, sessions: db.Sessions) -> None:
        task = await _sleeping(sessions)

        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_the_next_statement_works(self, sessions: db.Sessions) -> None:
        task = await _sleeping(sessions)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

        async with sessions.begin() as session:
            assert await session.scalar(text("SELECT 1")) == 1


async def _sleeping(sessions: db.Sessions) -> asyncio.Task[None]:
    """Return a task that waits for the server to answer its statement."""

    async def sleep() -> None:
        async with sessions.begin() as session:
            await session.execute(text("SELECT pg_sleep(5)"))

    task = asyncio.create_task(sleep())
    asked = text("SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(5)'")
    deadline = time.monotonic() + SECONDS
    while True:
        async with sessions.begin() as session:
            if await session.scalar(asked):
                return task
        assert time.monotonic() < deadline, "the statement did not begin"
        await asyncio.sleep(0.01)
