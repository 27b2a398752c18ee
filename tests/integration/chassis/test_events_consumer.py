"""Each event has one effect, however often it is delivered and whenever the process ends."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.config import ServiceSettings
from chassis.db import inbox
from chassis.events import consumer, topology
from chassis.events.consumer import Event, Policy
from tests.integration.chassis import events_house
from tests.integration.chassis.events_house import (
    Bus,
    Effects,
    consuming,
    eventually,
    running,
    write,
)

SECRET = "0901234567"


class TestOneEffect:
    async def test_an_event_delivered_twice_has_it_once(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        for event_id in ("e1", "e2", "e1", "e1", "e3"):
            await bus.publish("made", event_id)

        async with running(consuming(bus, sessions, made=write)):
            await eventually(bus.is_settled)

        assert await effects() == ["e1", "e2", "e3"]

    async def test_a_process_that_died_between_commit_and_acknowledgement_repeats_nothing(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async with sessions.begin() as session:
            await inbox.seen_before(session, bus.durable, "e1")
        await bus.publish("made", "e1")
        await bus.publish("made", "e2")

        async with running(consuming(bus, sessions, made=write)):
            await eventually(bus.is_settled)

        assert await effects() == ["e2"]

    async def test_replicas_share_the_work_without_doubling_it(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        for number in [*range(60), *range(60)]:
            await bus.publish("made", f"e{number}")
        policy = Policy(concurrency=2, backoff=(0.05,))
        replicas = [consuming(bus, sessions, policy, made=write) for _ in range(2)]

        async with running(*replicas):
            await eventually(bus.is_settled, seconds=20)

        assert sorted(await effects()) == sorted(f"e{number}" for number in range(60))

    async def test_a_failed_attempt_leaves_nothing_behind(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        attempts = []

        async def fail_once(session: AsyncSession, event: Event) -> None:
            await write(session, event)
            attempts.append(event.deliveries)
            if len(attempts) == 1:
                raise RuntimeError(SECRET)

        await bus.publish("made", "e1")
        async with running(consuming(bus, sessions, made=fail_once)):
            await eventually(bus.is_settled)

        assert attempts == [1, 2]
        assert await effects() == ["e1"]


class TestWorkThatTakesLong:
    async def test_it_is_kept_beyond_the_brokers_patience(
        self, settings_with: Callable[..., ServiceSettings], nats_url: str
    ) -> None:
        seen = []

        async def handle(event: Event) -> None:
            seen.append(event.deliveries)
            await asyncio.sleep(2.5)  # the work itself, longer than the acknowledgement wait

        async with events_house.ride(settings_with(nats_url=nats_url), ack_wait=1.0) as bus:
            await bus.publish("made", "e1")
            tasks = [
                consumer.work(
                    bus.settings, bus.nats, stream=bus.stream, durable=bus.durable, handler=handle
                )
                for _ in range(2)
            ]
            async with running(*tasks):
                await eventually(bus.is_settled)

        assert seen == [1]


class TestWhatItDoesNotKnow:
    async def test_an_unknown_subject_is_acknowledged_without_a_note(
        self, bus: Bus, sessions: db.Sessions, count: Callable[[str], Awaitable[int]]
    ) -> None:
        await bus.publish("newer", "e1")

        async with running(consuming(bus, sessions, made=write)):
            await eventually(bus.is_settled)

        assert await bus.letters() == []
        assert await count("inbox") == 0

    async def test_a_consumer_declared_later_is_found(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        await bus.nats.js.delete_consumer(bus.stream, bus.durable)
        await bus.publish("made", "e1")
        with structlog.testing.capture_logs() as lines:
            async with running(consuming(bus, sessions, made=write)):
                await eventually(lambda: "consumer_not_declared" in {it["event"] for it in lines})
                await topology.apply(bus.nats, *bus.declaration())
                await eventually(bus.is_settled)

        assert await effects() == ["e1"]


class TestTheEnd:
    async def test_the_message_in_hand_is_finished_and_no_other_begun(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        begun, release = asyncio.Event(), asyncio.Event()

        async def slow(session: AsyncSession, event: Event) -> None:
            begun.set()
            await release.wait()
            await write(session, event)

        await bus.publish("made", "e1")
        await bus.publish("made", "e2")
        task = consuming(bus, sessions, made=slow)
        ended = asyncio.Event()

        async def run() -> None:
            await task()
            ended.set()

        async with running(run) as draining:
            await begun.wait()
            draining.set()
            release.set()
            await asyncio.wait_for(ended.wait(), 5.0)

        assert await effects() == ["e1"]
        assert (await bus.consumer()).num_pending == 1

    async def test_a_cancelled_one_comes_again_soon_and_not_after_the_acknowledgement_wait(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        begun = asyncio.Event()

        async def hang(session: AsyncSession, event: Event) -> None:
            begun.set()
            await asyncio.Event().wait()

        await bus.publish("made", "e1")
        async with running(consuming(bus, sessions, made=hang)):
            await begun.wait()

        async with running(consuming(bus, sessions, made=write)):
            await eventually(bus.is_settled, seconds=5)

        assert await effects() == ["e1"]
