"""Outboxes with something in them, and the broker they are published to."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from chassis import db
from chassis.db import outbox
from chassis.db.outbox import Class
from local.nats import Nats
from tests.integration.chassis.events_house import Bus

Waiting = Callable[[], Awaitable[int]]


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[Nats]:
    server = Nats(tmp_path / "nats", password="secret")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def waiting(sessions: db.Sessions) -> Waiting:
    async def read() -> int:
        async with sessions.begin() as session:
            return (await outbox.backlog(session, Class.FACTS)).count

    return read


async def announce(
    bus: Bus, sessions: db.Sessions, count: int, cls: Class = Class.FACTS
) -> list[UUID]:
    async with sessions.begin() as session:
        return [
            await outbox.add_raw(session, f"{bus.prefix}.made", b"%d" % number, cls, revision=7)
            for number in range(count)
        ]


async def _is_zero(waiting: Waiting) -> bool:
    return await waiting() == 0
