"""The relay's heartbeat, and how fast it publishes."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.events import topology
from chassis.events.relay import Relay
from chassis.events.topology import Stream
from local.nats import Nats
from tests.integration.chassis import events_house
from tests.integration.chassis.events_house import Bus, eventually, running
from tests.integration.chassis.relay_parts import Waiting, _is_zero, announce
from tests.integration.chassis.relay_parts import own_nats as own_nats
from tests.integration.chassis.relay_parts import waiting as waiting


class TestTheHeartbeat:
    @pytest.fixture
    async def bus(
        self, settings_with: Callable[..., ServiceSettings], own_nats: Nats
    ) -> AsyncIterator[Bus]:
        # On the shared broker another test's stream may have the heartbeats already.
        async with events_house.ride(settings_with(nats_url=own_nats.url)) as made:
            yield made

    @pytest.fixture
    async def beats(self, bus: Bus) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        subject = "control.heartbeat.test"
        stream = f"H{bus.stream}"
        await topology.apply(bus.nats, [Stream(stream, [subject])], [])

        async def count() -> int:
            return int((await bus.nats.js.stream_info(stream)).state.last_seq)

        yield count
        await bus.nats.js.delete_stream(stream)

    async def test_it_tells_twice_a_second_that_nothing_is_left(
        self, bus: Bus, sessions: db.Sessions, beats: Callable[[], Awaitable[int]]
    ) -> None:
        async def three() -> bool:
            return await beats() >= 3

        async with running(Relay(sessions, bus.nats, Class.CONTROL)):
            began = time.monotonic()
            await eventually(three)
            took = time.monotonic() - began

        assert 0.9 < took < 3.0

    async def test_it_is_silent_while_an_event_waits_that_another_relay_holds(
        self, bus: Bus, sessions: db.Sessions, beats: Callable[[], Awaitable[int]]
    ) -> None:
        await announce(bus, sessions, 1, Class.CONTROL)
        relay = Relay(sessions, bus.nats, Class.CONTROL)
        async with sessions.begin() as holding:
            held = await outbox.take(holding, Class.CONTROL, 10)
            async with running(relay):
                await asyncio.sleep(1.2)  # silence can only be seen by listening for a while
                silent = await beats()

        async def beating() -> bool:
            return await beats() > 0

        async with running(relay):
            await eventually(beating)
        assert len(held) == 1
        assert silent == 0


class TestSpeed:
    async def test_an_outbox_of_thousands_drains_in_batches(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        async with sessions.begin() as session:
            await session.execute(
                text(
                    "INSERT INTO outbox (id, class, subject, payload)"
                    " SELECT gen_random_uuid(), 'facts', :subject, 'x'"
                    " FROM generate_series(1, 10000)"
                ),
                {"subject": f"{bus.prefix}.made"},
            )
        began = time.monotonic()

        async with running(Relay(sessions, bus.nats, Class.FACTS)):
            await eventually(lambda: _is_zero(waiting), seconds=30)

        # One by one, each with its own fsync, this many take several times as long.
        assert time.monotonic() - began < 15
        info = await bus.nats.js.stream_info(bus.stream)
        assert info.state.messages == 10_000
