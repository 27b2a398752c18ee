"""Connections: few round trips, bounds in every transaction, and dead ones nobody meets."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from chassis import db
from chassis.config import ServiceSettings
from chassis.db import failures, pool
from local.postgres import Postgres

Asked = Callable[[Callable[[], Awaitable[object]]], Awaitable[list[str]]]


@pytest.fixture
async def single(settings_with: Callable[..., ServiceSettings]) -> AsyncIterator[db.Sessions]:
    """Sessions that share one connection, which was used."""
    made = db.sessions(settings_with(database_pool_size=1))
    await pid(made)
    yield made
    await db.dispose(made)


@pytest.fixture
def asked(single: db.Sessions) -> Asked:
    """A function that returns what the server was asked while another ran, one a round trip."""

    async def follow(work: Callable[[], Awaitable[object]]) -> list[str]:
        with tempfile.TemporaryFile("w+") as trace:
            async with db.engine(single).connect() as connection:
                raw: Any = (await connection.get_raw_connection()).driver_connection
                raw.pgconn.trace(trace.fileno())
            await work()
            raw.pgconn.untrace()
            trace.seek(0)
            lines = trace.read().splitlines()
        return [line for line in lines if "\tF\t" in line and ("Query" in line or "Sync" in line)]

    return follow


@pytest.fixture
def end(database_url: str, postgres: Postgres) -> Callable[[], Awaitable[None]]:
    """A function that ends every connection to this test's database, as a restart does."""
    name = database_url.rsplit("/", 1)[1]

    async def terminate() -> None:
        url = postgres.url("postgres").replace("+psycopg", "")
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                (name,),
            )

    return terminate


async def pid(made: db.Sessions) -> int:
    async with made.begin() as session:
        return int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)


async def state(postgres: Postgres, of: int) -> str:
    url = postgres.url("postgres").replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        found = await connection.execute("SELECT state FROM pg_stat_activity WHERE pid = %s", (of,))
        row = await found.fetchone()
        return str(row[0]) if row else "gone"


class TestRoundTrips:
    async def test_a_transaction_of_one_statement_takes_three(
        self, single: db.Sessions, asked: Asked
    ) -> None:
        lines = await asked(lambda: pid(single))

        assert len(lines) == 3, lines
        assert "BEGIN; SET LOCAL statement_timeout = 30000; SET LOCAL idle" in lines[0]
        assert "COMMIT" in lines[2]

    async def test_a_look_takes_one(self, single: db.Sessions, asked: Asked) -> None:
        lines = await asked(lambda: db.look(single, "SELECT 1"))

        assert len(lines) == 1, lines

    async def test_a_connection_that_rested_is_asked_whether_it_lives(
        self, single: db.Sessions, asked: Asked, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "_RESTED_SECONDS", 0.0)

        assert len(await asked(lambda: db.look(single, "SELECT 1"))) == 2


class TestTransactions:
    async def test_a_reading_session_ends_its_transaction(
        self, single: db.Sessions, postgres: Postgres
    ) -> None:
        async with single() as session:
            bound = await session.scalar(text("SHOW statement_timeout"))
            us = int(await session.scalar(text("SELECT pg_backend_pid()")) or 0)
            within = await state(postgres, us)
        after = await state(postgres, us)

        assert (bound, within, after) == ("30s", "idle in transaction", "idle")

    async def test_an_error_undoes_what_was_done_before_it(self, single: db.Sessions) -> None:
        before = await pid(single)
        async with single.begin() as session:
            await session.execute(text("CREATE TABLE marks (n int)"))

        async def fail() -> None:
            async with single.begin() as session:
                await session.execute(text("INSERT INTO marks VALUES (1)"))
                await session.execute(text("SELECT 1 / 0"))

        with pytest.raises(DBAPIError):
            await fail()

        assert await db.look(single, "SELECT count(*) FROM marks") == (0,)
        assert await pid(single) == before

    async def test_a_level_of_isolation_may_be_chosen(self, single: db.Sessions) -> None:
        async with single.begin() as session:
            await session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            chosen = await session.scalar(text("SHOW transaction_isolation"))
            bound = await session.scalar(text("SHOW statement_timeout"))
        async with single.begin() as session:
            usual = await session.scalar(text("SHOW transaction_isolation"))

        assert (chosen, bound, usual) == ("serializable", "30s", "read committed")

    async def test_a_look_tells_what_is_wrong_as_a_session_would(self, single: db.Sessions) -> None:
        with pytest.raises(ProgrammingError):
            await db.look(single, "SELECT 1 FROM nowhere")

        assert await db.look(single, "SELECT %(n)s::int", {"n": 7}) == (7,)

    async def test_rows_fetched_as_they_are_and_errors_are_those_of_a_session(
        self, single: db.Sessions
    ) -> None:
        async def fetched(statement: str) -> list[tuple[object, ...]]:
            async with single.begin() as session:
                return await db.fetch(session, statement, {"n": 2})

        with pytest.raises(ProgrammingError):
            await fetched("SELECT %(n)s::int FROM nowhere")

        found = await fetched("SELECT n, uuid_send(md5('')::uuid) FROM generate_series(1, %(n)s) n")
        assert found == [(n, bytes.fromhex(hashlib.md5(b"").hexdigest())) for n in (1, 2)]  # noqa: S324


class TestADatabaseThatRestarted:
    async def test_nobody_meets_a_connection_that_ended_while_it_rested(
        self, single: db.Sessions, end: Callable[[], Awaitable[None]]
    ) -> None:
        before = await pid(single)
        await end()

        assert await pid(single) != before

    async def test_every_resting_connection_is_found_dead(
        self, sessions: db.Sessions, end: Callable[[], Awaitable[None]]
    ) -> None:
        async def three() -> set[object]:
            async with sessions.begin() as a, sessions.begin() as b, sessions.begin() as c:
                return {await it.scalar(text("SELECT pg_backend_pid()")) for it in (a, b, c)}

        before = await three()
        await end()

        assert before.isdisjoint(await three())

    @pytest.mark.parametrize("use", [pid, lambda made: db.look(made, "SELECT 1")])
    async def test_one_that_ends_just_then_is_told_as_away_and_replaced(
        self,
        single: db.Sessions,
        end: Callable[[], Awaitable[None]],
        monkeypatch: pytest.MonkeyPatch,
        use: Callable[[db.Sessions], Awaitable[object]],
    ) -> None:
        monkeypatch.setattr(pool, "_has_news", lambda _: False)
        await end()

        with pytest.raises(DBAPIError) as met:
            await use(single)

        assert failures.is_away(met.value)
        assert await pid(single)


class TestTheConnectionAside:
    async def test_is_there_while_all_others_are_in_use(self, single: db.Sessions) -> None:
        async with single.begin() as busy:
            others = await busy.scalar(text("SELECT pg_backend_pid()"))
            async with asyncio.timeout(5):
                assert await pid(db.aside(single)) != others

    async def test_is_closed_with_the_pool(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        made = db.sessions(settings_with())
        beside: Any = db.engine(db.aside(made)).pool
        await pid(db.aside(made))
        there = beside.checkedin()

        await db.dispose(made)

        assert there == 1
        assert made not in db.opened()
        assert db.engine(db.aside(made)).pool is not beside
