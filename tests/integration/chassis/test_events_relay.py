"""What was committed is published, and kept once, whatever happens to the broker meanwhile."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from uuid import UUID

import pytest

from chassis import context, db
from chassis.config import ServiceSettings
from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.events import topology
from chassis.events.connection import Connection
from chassis.events.relay import Relay
from chassis.events.topology import Stream
from local.nats import Nats
from tests.integration.chassis import events_house
from tests.integration.chassis.events_house import Bus, eventually, running
from tests.integration.chassis.relay_parts import Waiting, _is_zero, announce
from tests.integration.chassis.relay_parts import own_nats as own_nats
from tests.integration.chassis.relay_parts import waiting as waiting


async def ids(bus: Bus) -> Counter[str]:
    return Counter((each.headers or {})["Nats-Msg-Id"] for each in await bus.messages())


def once(expected: list[UUID]) -> Counter[str]:
    return Counter(str(each) for each in expected)


class TestPublishing:
    async def test_an_event_carries_who_and_when_and_its_trace(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        trace = context.new_traceparent()
        with context.bind(request_id="request-1", traceparent=trace):
            [event_id] = await announce(bus, sessions, 1)

        async with running(Relay(sessions, bus.nats, Class.FACTS)):
            await eventually(lambda: _is_zero(waiting))

        [message] = await bus.messages()
        headers = message.headers or {}
        assert message.data == b"0"
        assert headers["Nats-Msg-Id"] == headers["ce-id"] == str(event_id)
        assert headers["ce-type"] == f"{bus.prefix}.made"
        assert headers["ce-source"] == "test"
        assert headers["revision"] == "7"
        assert (headers["x-request-id"], headers["traceparent"]) == ("request-1", trace)

    async def test_it_happens_at_once_after_the_commit(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        async with running(Relay(sessions, bus.nats, Class.FACTS)):
            await announce(bus, sessions, 1)
            await eventually(lambda: _is_zero(waiting))  # the relay is up and idle
            began = time.monotonic()
            await announce(bus, sessions, 1)
            await eventually(lambda: _is_zero(waiting))

        assert time.monotonic() - began < 0.4  # sooner than its poll

    @pytest.mark.parametrize("cls", [Class.FACTS, Class.CONTROL])
    async def test_what_another_process_left_behind_is_found(
        self, bus: Bus, sessions: db.Sessions, cls: Class
    ) -> None:
        async with running(Relay(sessions, bus.nats, cls, within=1.0)):
            await eventually(lambda: bus.nats.is_connected)
            [event_id] = await announce(bus, sessions, 1, cls)
            outbox.nudge(cls).clear()  # it was nudged elsewhere
            began = time.monotonic()
            await eventually(lambda: _holds(bus, 1))

        assert time.monotonic() - began < (1.5 if cls is Class.CONTROL else 4.0)
        assert await ids(bus) == once([event_id])

    async def test_what_was_rolled_back_is_not(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        async def fail() -> None:
            async with sessions.begin() as session:
                await outbox.add_raw(session, f"{bus.prefix}.made", b"", Class.FACTS)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        expected = await announce(bus, sessions, 1)

        async with running(Relay(sessions, bus.nats, Class.FACTS)):
            await eventually(lambda: _is_zero(waiting))

        assert await ids(bus) == once(expected)

    async def test_a_row_that_commits_late_is_not_passed_over(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        async with running(Relay(sessions, bus.nats, Class.FACTS)):
            async with sessions.begin() as late:
                early_id = await outbox.add_raw(late, f"{bus.prefix}.made", b"", Class.FACTS)
                expected = await announce(bus, sessions, 3)
                await eventually(lambda: _is_zero(waiting))
            await eventually(lambda: _holds(bus, 4))

        assert await ids(bus) == once([early_id, *expected])

    async def test_the_classes_do_not_wait_for_each_other(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        async with sessions.begin() as session:
            await outbox.add_raw(session, "of.no.stream", b"", Class.CONTROL)
        expected = await announce(bus, sessions, 2)

        tasks = [Relay(sessions, bus.nats, cls, within=1.0) for cls in Class]
        async with running(*tasks):
            await eventually(lambda: _is_zero(waiting))

        assert await ids(bus) == once(expected)

    async def test_a_subject_of_no_stream_waits_without_holding_up_the_rest(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        async with sessions.begin() as session:
            await outbox.add_raw(session, f"x{bus.prefix}.made", b"", Class.FACTS)
        expected = await announce(bus, sessions, 3)

        async with running(Relay(sessions, bus.nats, Class.FACTS, within=1.0)):
            await eventually(lambda: _holds(bus, 3))
            assert await waiting() == 1
            await topology.apply(bus.nats, [Stream(f"X{bus.stream}", [f"x{bus.prefix}.>"])], [])
            await eventually(lambda: _is_zero(waiting))

        assert await ids(bus) == once(expected)
        await bus.nats.js.delete_stream(f"X{bus.stream}")


class TestNothingTwice:
    async def test_a_batch_that_holds_a_published_event_is_published_all_the_same(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        expected = await announce(bus, sessions, 50)
        # A relay that died after the broker's answer and before its own commit.
        await bus.nats.js.publish(
            f"{bus.prefix}.made", b"20", headers={"Nats-Msg-Id": str(expected[20])}
        )

        async with running(Relay(sessions, bus.nats, Class.FACTS)):
            await eventually(lambda: _is_zero(waiting))

        assert await ids(bus) == once(expected)

    async def test_concurrent_relays_publish_each_event_once(
        self, bus: Bus, sessions: db.Sessions, waiting: Waiting
    ) -> None:
        expected = await announce(bus, sessions, 2_000)
        relays = [Relay(sessions, bus.nats, Class.FACTS) for _ in range(3)]

        async with running(*relays):
            await eventually(lambda: _is_zero(waiting), seconds=20)

        info = await bus.nats.js.stream_info(bus.stream)
        assert info.state.messages == len(expected)
        assert info.state.last_seq == len(expected)


class TestABrokerThatGoesAway:
    @pytest.mark.parametrize("ending", ["stop", "kill"])
    async def test_what_was_committed_meanwhile_is_published_once_it_is_back(
        self,
        settings_with: Callable[..., ServiceSettings],
        own_nats: Nats,
        sessions: db.Sessions,
        waiting: Waiting,
        ending: str,
    ) -> None:
        settings = settings_with(nats_url=own_nats.url)
        async with events_house.ride(settings) as bus:
            async with running(Relay(sessions, bus.nats, Class.FACTS, within=1.0)):
                expected = await announce(bus, sessions, 300)
                await asyncio.to_thread(getattr(own_nats, ending))
                expected += await announce(bus, sessions, 300)
                await eventually(lambda: not bus.nats.is_connected)
                await asyncio.to_thread(own_nats.start)
                await eventually(lambda: _is_zero(waiting), seconds=20)

            assert await ids(bus) == once(expected)

    async def test_a_process_may_start_before_it(
        self,
        settings_with: Callable[..., ServiceSettings],
        own_nats: Nats,
        sessions: db.Sessions,
        waiting: Waiting,
    ) -> None:
        settings = settings_with(nats_url=own_nats.url)
        async with events_house.ride(settings) as bus:
            expected = await announce(bus, sessions, 5)
            await asyncio.to_thread(own_nats.stop)
            late = Connection(settings, "late")
            async with running(Relay(sessions, late, Class.FACTS, within=1.0)):
                with pytest.raises(Exception, match="BROKER_AWAY"):
                    await late.connected(within=0.3)
                await asyncio.to_thread(own_nats.start)
                await eventually(lambda: _is_zero(waiting), seconds=20)
            await late.close()
            await bus.nats.connected(within=5)

            assert await ids(bus) == once(expected)


async def _holds(bus: Bus, count: int) -> bool:
    return len(await bus.messages()) == count
