"""Each event has one effect, a bad one is put aside, and a part that is away is waited for."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import pairwise
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db, errors
from chassis.config import ServiceSettings
from chassis.db import inbox
from chassis.events import consumer, deadletters, topology
from chassis.events.consumer import Event, Poison, Policy
from chassis.events.publish import Outgoing, publish
from local.nats import Nats
from local.postgres import Postgres
from tests.integration.chassis import events_house
from tests.integration.chassis.events_house import Bus, Puller, eventually, running

FAST = Policy(backoff=(0.05,))
SECRET = "0901234567"


@pytest.fixture
async def bus(settings_with: Callable[..., ServiceSettings], nats_url: str) -> AsyncIterator[Bus]:
    async with events_house.ride(settings_with(nats_url=nats_url)) as made:
        yield made


@pytest.fixture
async def effects(sessions: db.Sessions) -> Callable[[], Awaitable[list[str]]]:
    """A table for handlers to write to, and a function that reads it in order."""
    async with sessions.begin() as session:
        await session.execute(text("CREATE TABLE effects (n serial, event_id text)"))

    async def read() -> list[str]:
        async with sessions.begin() as session:
            return list(await session.scalars(text("SELECT event_id FROM effects ORDER BY n")))

    return read


async def write(session: AsyncSession, event: Event) -> None:
    await session.execute(text("INSERT INTO effects (event_id) VALUES (:id)"), {"id": event.id})


def consuming(
    bus: Bus, sessions: db.Sessions, policy: Policy = FAST, **handlers: consumer.Handler
) -> Puller:
    named = {f"{bus.prefix}.{name}": handler for name, handler in handlers.items()}
    return consumer.consume(
        bus.settings,
        bus.nats,
        sessions,
        stream=bus.stream,
        durable=bus.durable,
        handlers=named,
        policy=policy,
    )


Effects = Callable[[], Awaitable[list[str]]]


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


class TestAPartThatIsAway:
    async def test_nothing_is_fetched_and_no_delivery_counted_until_it_is_back(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        attempts: list[tuple[str, int]] = []
        is_back = False

        async def handle(session: AsyncSession, event: Event) -> None:
            attempts.append((event.id, event.deliveries))
            if not is_back:
                raise errors.Unavailable("PEER_AWAY", "later")
            await write(session, event)

        await bus.publish("made", "e1")
        await bus.publish("made", "e2")
        async with running(consuming(bus, sessions, made=handle)):
            await eventually(lambda: len(attempts) >= 3)
            is_back = True
            await eventually(bus.is_settled)

        assert {each for each in attempts if each[0] == "e1"} == {("e1", 1)}
        assert attempts[-1] == ("e2", 1)
        assert await effects() == ["e1", "e2"]

    async def test_a_database_that_went_away_is_waited_for(
        self,
        bus: Bus,
        sessions: db.Sessions,
        effects: Effects,
        database_url: str,
        postgres: Postgres,
    ) -> None:
        name = database_url.rsplit("/", 1)[1]
        admin = db.sessions(
            bus.settings.model_copy(
                update={"database_url": type(bus.settings.seal_key)(postgres.url("postgres"))}
            )
        )
        async with db.engine(admin).connect() as raw:
            connection = await raw.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"))
            await connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :n"),
                {"n": name},
            )
            await bus.publish("made", "e1")
            with structlog.testing.capture_logs() as lines:
                async with running(consuming(bus, sessions, made=write)):
                    await eventually(lambda: "consumer_waits" in {it["event"] for it in lines})
                    await connection.execute(text(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true"))
                    await eventually(bus.is_settled)
        await db.dispose(admin)

        assert await effects() == ["e1"]
        assert "event_failed" not in {line["event"] for line in lines}

    async def test_a_process_that_starts_without_it_fetches_nothing(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        """Else each restart in an outage would count, and the ninth delivery is buried unseen."""
        asked: list[int] = []
        starts = FAST.max_deliveries + 2

        async def away() -> None:
            asked.append(1)
            raise errors.Unavailable("DATABASE_AWAY", "not yet")

        async def never(event: Event) -> None:
            raise AssertionError(event.id)

        await bus.publish("made", "e1")
        for start in range(starts):
            puller = Puller(bus.nats, bus.stream, bus.durable, never, FAST, well=away)
            async with running(puller):
                await eventually(lambda start=start: len(asked) > start)  # type: ignore[misc]
        delivered = (await bus.consumer()).delivered
        async with running(consuming(bus, sessions, made=write)):
            await eventually(bus.is_settled)

        assert delivered is not None
        assert delivered.consumer_seq == 0
        assert await effects() == ["e1"]
        assert await bus.letters() == []

    async def test_one_that_falls_silent_is_not_taken_for_a_bad_message(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        attempts: list[int] = []
        back = asyncio.Event()

        async def handle(event: Event) -> None:
            attempts.append(event.deliveries)
            await back.wait()
            async with sessions.begin() as session:
                await write(session, event)

        async def well() -> None:
            if attempts and not back.is_set():
                raise errors.Unavailable("DATABASE_AWAY", "silent")

        policy = Policy(handle_seconds=0.3, max_deliveries=2, backoff=(0.05,))
        puller = Puller(bus.nats, bus.stream, bus.durable, handle, policy, well=well)
        await bus.publish("made", "e1")
        async with running(puller):
            await eventually(lambda: len(attempts) > 2)
            back.set()
            await eventually(bus.is_settled)

        assert set(attempts) == {1}
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


class TestABrokerThatGoesAway:
    @pytest.mark.parametrize("ending", ["stop", "kill"])
    async def test_consuming_goes_on_within_seconds_of_its_return(
        self,
        settings_with: Callable[..., ServiceSettings],
        tmp_path: Path,
        sessions: db.Sessions,
        effects: Effects,
        ending: str,
    ) -> None:
        server = Nats(tmp_path / "nats", password="secret")
        server.start()

        async def has(count: int) -> bool:
            return len(await effects()) == count

        # An acknowledgement that the broker lost brings the event again after this wait.
        riding = events_house.ride(settings_with(nats_url=server.url), ack_wait=2.0)
        try:
            async with riding as bus, running(consuming(bus, sessions, made=write)):
                await bus.publish("made", "e1")
                await eventually(lambda: has(1))
                await asyncio.to_thread(getattr(server, ending))
                await asyncio.to_thread(server.start)
                await bus.nats.connected(within=10)
                await bus.publish("made", "e2")
                await eventually(lambda: has(2), seconds=5)
                await eventually(bus.is_settled)
        finally:
            server.stop()

        assert await effects() == ["e1", "e2"]
