"""Events that are there together share a transaction, and a bad one harms none of the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, db, errors
from chassis.db import inbox
from chassis.events import consumer
from chassis.events.consumer import Event, Poison
from tests.integration.chassis.events_house import FAST, Bus, Puller, eventually, running

Effects = Callable[[], Awaitable[list[tuple[str, int]]]]


@pytest.fixture
async def effects(sessions: db.Sessions) -> Effects:
    """A table for handlers to write to, and what is in it: ids in order, with transactions."""
    async with sessions.begin() as session:
        await session.execute(text("CREATE TABLE effects (n serial, event_id text, tx bigint)"))

    async def read() -> list[tuple[str, int]]:
        async with sessions.begin() as session:
            found = await session.execute(text("SELECT event_id, tx FROM effects ORDER BY n"))
            return [(row.event_id, row.tx) for row in found]

    return read


async def write(session: AsyncSession, event: Event) -> None:
    await session.execute(
        text("INSERT INTO effects (event_id, tx) VALUES (:id, txid_current())"), {"id": event.id}
    )


def consuming(
    bus: Bus,
    sessions: db.Sessions,
    handlers: dict[str, consumer.Handler],
    size: int = 10,
    together: consumer.BatchHandler | None = None,
    apart: float = 0.0,
) -> Puller:
    return consumer.consume(
        bus.settings,
        bus.nats,
        sessions,
        stream=bus.stream,
        durable=bus.durable,
        handlers={f"{bus.prefix}.{name}": handler for name, handler in handlers.items()},
        policy=FAST,
        batch=size,
        apart=apart,
        batch_handler=together,
    )


async def publish(bus: Bus, *event_ids: str, name: str = "made") -> None:
    for event_id in event_ids:
        await bus.publish(name, event_id, **{"x-request-id": f"of {event_id}"})


class TestABatch:
    async def test_what_is_there_shares_transactions_and_keeps_its_order(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        expected = [f"e{number}" for number in range(40)]
        await publish(bus, *expected)

        async with running(consuming(bus, sessions, {"made": write})):
            await eventually(bus.is_settled)

        found = await effects()
        assert [event_id for event_id, _ in found] == expected
        assert len({tx for _, tx in found}) < 20

    async def test_what_comes_soon_after_another_waits_for_more(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async def some() -> bool:
            return bool(await effects())

        async with running(consuming(bus, sessions, {"made": write}, apart=1.0)):
            await publish(bus, "e1")
            began = time.monotonic()
            await eventually(some)
            at_once = time.monotonic() - began
            await publish(bus, "e2")
            await publish(bus, "e3")
            await eventually(bus.is_settled)

        (_, first), (_, second), (_, third) = await effects()
        assert at_once < 1.0
        assert first != second == third

    async def test_each_handler_knows_the_request_of_its_event(
        self, bus: Bus, sessions: db.Sessions
    ) -> None:
        known = {}

        async def note(session: AsyncSession, event: Event) -> None:
            known[event.id] = context.current().request_id

        await publish(bus, "e1", "e2", "e3")
        async with running(consuming(bus, sessions, {"made": note})):
            await eventually(bus.is_settled)

        assert known == {"e1": "of e1", "e2": "of e2", "e3": "of e3"}

    async def test_an_event_that_is_in_it_twice_or_was_before_has_one_effect(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async with sessions.begin() as session:
            await inbox.seen_before(session, bus.durable, "e2")
        await publish(bus, "e1", "e1", "e2", "e3", "e1")

        async with running(consuming(bus, sessions, {"made": write})):
            await eventually(bus.is_settled)

        assert [event_id for event_id, _ in await effects()] == ["e1", "e3"]

    async def test_a_handler_of_batches_gets_what_has_a_handler_and_no_effect_yet(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        batches = []

        async def together(session: AsyncSession, events: Sequence[Event]) -> None:
            batches.append([event.id for event in events])
            for event in events:
                await write(session, event)

        async with sessions.begin() as session:
            await inbox.seen_before(session, bus.durable, "e2")
        await publish(bus, "e1", "e2", "e3")
        await publish(bus, "other", name="newer")
        await publish(bus, "e4")
        async with running(consuming(bus, sessions, {"made": write}, together=together)):
            await eventually(bus.is_settled)

        assert [event_id for event_id, _ in await effects()] == ["e1", "e3", "e4"]
        assert max(map(len, batches)) > 1


class TestABadOne:
    async def test_it_is_buried_and_the_others_have_their_effect(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async def refuse(session: AsyncSession, event: Event) -> None:
            await write(session, event)
            raise Poison("UNREADABLE")

        await publish(bus, "e1", "e2")
        await publish(bus, "bad", name="bad")
        await publish(bus, "e3", "e4")
        async with running(consuming(bus, sessions, {"made": write, "bad": refuse})):
            await eventually(bus.is_settled)

        assert sorted(event_id for event_id, _ in await effects()) == ["e1", "e2", "e3", "e4"]
        assert [(each.headers or {})["Mekong-Reason"] for each in await bus.letters()] == [
            "UNREADABLE"
        ]

    async def test_one_that_fails_a_handler_of_batches_is_found_by_handling_each(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        alone: list[tuple[str, int]] = []

        async def together(session: AsyncSession, events: Sequence[Event]) -> None:
            for event in events:
                await write(session, event)
            raise RuntimeError

        async def single(session: AsyncSession, event: Event) -> None:
            alone.append((event.id, event.deliveries))
            if event.id == "e2" and event.deliveries == 1:
                raise RuntimeError
            await write(session, event)

        await publish(bus, "e1", "e2", "e3")
        async with running(consuming(bus, sessions, {"made": single}, together=together)):
            await eventually(bus.is_settled)

        assert sorted(event_id for event_id, _ in await effects()) == ["e1", "e2", "e3"]
        assert ("e2", 2) in alone
        assert await bus.letters() == []

    async def test_a_part_that_is_away_is_waited_for_with_all_of_them(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        seen: list[tuple[str, int]] = []
        is_back = False

        async def handle(session: AsyncSession, event: Event) -> None:
            seen.append((event.id, event.deliveries))
            if not is_back:
                raise errors.Unavailable("PEER_AWAY", "later")
            await write(session, event)

        await publish(bus, "e1", "e2", "e3")
        async with running(consuming(bus, sessions, {"made": handle})):
            await eventually(lambda: len(seen) >= 3)
            is_back = True
            await eventually(bus.is_settled)

        assert {deliveries for _, deliveries in seen} == {1}
        assert [event_id for event_id, _ in await effects()] == ["e1", "e2", "e3"]


class TestTheEnd:
    async def test_what_came_and_was_not_begun_goes_to_another_at_once(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        begun, release, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def slow(session: AsyncSession, event: Event) -> None:
            begun.set()
            await release.wait()
            await write(session, event)

        task = consuming(bus, sessions, {"made": slow})

        async def run() -> None:
            await task()
            ended.set()

        async with running(run) as draining:
            await publish(bus, "e1")
            await begun.wait()
            await publish(bus, "e2", "e3")
            await eventually(lambda: _holds(bus, 3))
            draining.set()
            release.set()
            await asyncio.wait_for(ended.wait(), 5.0)
        assert [event_id for event_id, _ in await effects()] == ["e1"]

        async with running(consuming(bus, sessions, {"made": write})):
            await eventually(bus.is_settled, seconds=5)  # the acknowledgement wait is longer

        assert sorted(event_id for event_id, _ in await effects()) == ["e1", "e2", "e3"]


async def _holds(bus: Bus, count: int) -> bool:
    return (await bus.consumer()).num_ack_pending == count
