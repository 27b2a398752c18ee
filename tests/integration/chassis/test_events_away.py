"""A part that is away, or in use by others, is waited for; no message is blamed for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db, errors
from chassis.config import ServiceSettings
from chassis.events.consumer import Event, Policy
from local.nats import Nats
from local.postgres import Postgres
from tests.integration.chassis import events_house
from tests.integration.chassis.events_house import (
    FAST,
    Bus,
    Effects,
    Puller,
    consuming,
    eventually,
    running,
    write,
)


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


class TestLocksOfOthers:
    @pytest.fixture
    async def hurried(
        self, settings_with: Callable[..., ServiceSettings], effects: Effects
    ) -> AsyncIterator[db.Sessions]:
        """Sessions that wait for a lock for 0.05 s."""
        made = db.sessions(settings_with(database_statement_timeout_seconds=0.1))
        yield made
        await db.dispose(made)

    @pytest.fixture
    async def patient(
        self,
        settings_with: Callable[..., ServiceSettings],
        database_url: str,
        postgres: Postgres,
    ) -> AsyncIterator[db.Sessions]:
        """Sessions of a superuser, who may set after what time deadlocks are looked for."""
        name = database_url.rsplit("/", 1)[1]
        made = db.sessions(settings_with(database_url=postgres.url(name)))
        yield made
        await db.dispose(made)

    async def test_they_are_waited_for_and_no_delivery_is_counted(
        self, bus: Bus, sessions: db.Sessions, hurried: db.Sessions, effects: Effects
    ) -> None:
        deliveries: list[int] = []

        async def handle(session: AsyncSession, event: Event) -> None:
            deliveries.append(event.deliveries)
            await write(session, event)

        policy = Policy(max_deliveries=2, backoff=(0.05,))
        await bus.publish("made", "e1")
        await bus.publish("made", "e2")
        async with AsyncExitStack() as stack:
            async with sessions.begin() as other:
                await other.execute(text("LOCK TABLE effects"))
                consumer = running(consuming(bus, hurried, policy, made=handle))
                await stack.enter_async_context(consumer)
                await eventually(lambda: len(deliveries) > policy.max_deliveries + 1)
            await eventually(bus.is_settled)

        assert set(deliveries) == {1}
        assert await effects() == ["e1", "e2"]
        assert await bus.letters() == []

    async def test_one_that_never_gets_its_locks_is_put_aside_in_the_end(
        self, bus: Bus, sessions: db.Sessions, hurried: db.Sessions, effects: Effects
    ) -> None:
        policy = Policy(max_deliveries=2, backoff=(0.05,), contention_seconds=0.2)
        await bus.publish("bad", "e1")
        async with sessions.begin() as other:
            await other.execute(text("LOCK TABLE effects"))
            async with running(consuming(bus, hurried, policy, bad=write)):
                await eventually(bus.is_settled)

        (letter,) = await bus.letters()
        assert (letter.headers or {})["Mekong-Deliveries"] == "2"
        assert (letter.headers or {})["Mekong-Reason"] == "OperationalError"
        assert await effects() == []

    async def test_the_victim_of_a_deadlock_is_handled_again(
        self, bus: Bus, sessions: db.Sessions, effects: Effects, patient: db.Sessions
    ) -> None:
        deliveries: list[int] = []
        async with sessions.begin() as session:
            await session.execute(text("CREATE TABLE others (n int)"))

        async def handle(session: AsyncSession, event: Event) -> None:
            await session.execute(text("LOCK TABLE others"))
            deliveries.append(event.deliveries)
            await write(session, event)

        await bus.publish("made", "e1")
        async with AsyncExitStack() as stack:
            async with patient.begin() as other:
                # Whoever looks for deadlocks is the victim of the one it finds.
                await other.execute(text("SET LOCAL deadlock_timeout = '1h'"))
                await other.execute(text("LOCK TABLE effects"))
                consumer = running(consuming(bus, sessions, Policy(max_deliveries=1), made=handle))
                await stack.enter_async_context(consumer)
                await eventually(lambda: len(deliveries) > 0)
                await other.execute(text("LOCK TABLE others"))
            await eventually(bus.is_settled)

        assert set(deliveries) == {1}
        assert len(deliveries) > 1
        assert await effects() == ["e1"]

    async def test_what_the_database_refuses_is_put_aside_as_ever(
        self, bus: Bus, sessions: db.Sessions, effects: Effects
    ) -> None:
        async with sessions.begin() as session:
            await session.execute(text("ALTER TABLE effects ADD UNIQUE (event_id)"))

        async def twice(session: AsyncSession, event: Event) -> None:
            await write(session, event)
            await write(session, event)

        policy = Policy(max_deliveries=2, backoff=(0.05,))
        await bus.publish("bad", "e1")
        await bus.publish("made", "e2")
        async with running(consuming(bus, sessions, policy, bad=twice, made=write)):
            await eventually(bus.is_settled)

        (letter,) = await bus.letters()
        assert (letter.headers or {})["Mekong-Reason"] == "IntegrityError"
        assert await effects() == ["e2"]


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
