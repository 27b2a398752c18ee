"""A message whose handler fails comes again after a while, and is put aside in the end."""

import asyncio
import time
from itertools import pairwise

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db, errors
from chassis.events import deadletters
from chassis.events.consumer import Event, Poison, Policy
from chassis.events.publish import Outgoing, publish
from tests.integration.chassis.events_house import (
    Bus,
    Effects,
    consuming,
    eventually,
    running,
    write,
)

SECRET = "0901234567"


class TestAFailingHandler:
    @pytest.mark.parametrize(
        "error", [Poison("UNREADABLE"), errors.InvalidArgument("UNREADABLE", "never")]
    )
    async def test_what_can_never_succeed_is_buried_at_once_and_the_next_is_handled(
        self, bus: Bus, sessions: db.Sessions, effects: Effects, error: Exception
    ) -> None:
        attempts = []

        async def refuse(session: AsyncSession, event: Event) -> None:
            attempts.append(event.id)
            raise error

        await bus.publish("bad", "e1", **{"x-request-id": "r1"})
        await bus.publish("made", "e2")
        began = time.monotonic()
        async with running(consuming(bus, sessions, bad=refuse, made=write)):
            await eventually(bus.is_settled)
            took = time.monotonic() - began

        letters = await bus.letters()
        assert attempts == ["e1"]
        assert await effects() == ["e2"]
        assert took < 1.5  # a connection, two messages, no backoff
        assert len(letters) == 1
        assert letters[0].data == b"bad"
        headers = letters[0].headers or {}
        assert headers["Mekong-Reason"] == "UNREADABLE"
        assert headers["Mekong-Subject"] == f"{bus.prefix}.bad"
        assert (headers["ce-id"], headers["x-request-id"]) == ("e1", "r1")

    async def test_it_is_buried_after_eight_deliveries_while_others_go_on(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        attempts = []

        async def fail(session: AsyncSession, event: Event) -> None:
            attempts.append(event.deliveries)
            raise RuntimeError(SECRET)

        await bus.publish("bad", "e1")
        await bus.publish("made", "e2")
        with structlog.testing.capture_logs() as lines:
            async with running(consuming(bus, sessions, bad=fail, made=write)):
                await eventually(bus.is_settled)

        letters = await bus.letters()
        assert attempts == list(range(1, 9))
        assert [(each.headers or {})["Mekong-Deliveries"] for each in letters] == ["8"]
        assert (letters[0].headers or {})["Mekong-Reason"] == "RuntimeError"
        assert await effects() == ["e2"]
        assert SECRET not in str(lines)
        assert "event_buried" in {line["event"] for line in lines}

    async def test_it_comes_again_only_after_the_delay(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        at = []

        async def fail(session: AsyncSession, event: Event) -> None:
            at.append(time.monotonic())
            if len(at) < 4:
                raise RuntimeError(SECRET)

        await bus.publish("bad", "e1")
        policy = Policy(backoff=(0.2, 0.4))
        async with running(consuming(bus, sessions, policy, bad=fail)):
            await eventually(bus.is_settled)

        gaps = [later - earlier for earlier, later in pairwise(at)]
        assert len(gaps) == 3
        assert gaps[0] >= 0.18
        assert min(gaps[1:]) >= 0.38

    async def test_a_hanging_one_is_bounded_and_the_next_event_is_handled(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async def hang(session: AsyncSession, event: Event) -> None:
            await asyncio.Event().wait()

        await bus.publish("bad", "e1")
        await bus.publish("made", "e2")
        policy = Policy(handle_seconds=0.2, max_deliveries=2, backoff=(0.05,))
        async with running(consuming(bus, sessions, policy, bad=hang, made=write)):
            await eventually(bus.is_settled)

        assert await effects() == ["e2"]
        assert len(await bus.letters()) == 1

    async def test_one_that_took_the_process_down_each_time_is_buried_unhandled(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        await bus.publish("made", "e1")
        subscription = await bus.nats.js.pull_subscribe_bind(bus.durable, stream=bus.stream)
        for _ in range(2):
            [message] = await subscription.fetch(1, timeout=5)
            await message.nak(delay=0.01)
        await subscription.unsubscribe()

        policy = Policy(max_deliveries=2)
        async with running(consuming(bus, sessions, policy, made=write)):
            await eventually(bus.is_settled)

        assert await effects() == []
        letters = await bus.letters()
        assert (letters[0].headers or {})["Mekong-Reason"] == "TOO_MANY_DELIVERIES"

    async def test_those_of_an_atomic_batch_are_buried_one_by_one(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async def refuse(session: AsyncSession, event: Event) -> None:
            raise Poison("UNREADABLE")

        batch = [Outgoing(f"{bus.prefix}.bad", b"", f"{bus.prefix}{n}") for n in range(3)]
        assert await publish(bus.nats, batch) == [True] * 3
        assert "Nats-Batch-Id" in ((await bus.messages())[0].headers or {})

        async with running(consuming(bus, sessions, bad=refuse)):
            await eventually(bus.is_settled)

        assert len(await bus.letters()) == 3

    async def test_a_dead_letter_can_be_sent_again(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        is_mended = False

        async def handle(session: AsyncSession, event: Event) -> None:
            if not is_mended:
                raise Poison("BROKEN")
            await write(session, event)

        await bus.publish("made", "e1")
        async with running(consuming(bus, sessions, made=handle)):
            await eventually(bus.is_settled)
            is_mended = True
            sent = await deadletters.replay(bus.nats, bus.durable)
            await eventually(bus.is_settled)

        assert sent == 1
        assert await effects() == ["e1"]
        assert await bus.letters() == []
