"""Statements sent in one round trip are a part of the transaction, each after the other."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.config import ServiceSettings
from chassis.db import failures
from tests.integration.chassis.together_parts import ADD, added
from tests.integration.chassis.together_parts import made as made

_SLEEPS: LiteralString = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
_NUMBERS = text("SELECT number FROM together ORDER BY number")


def numbers() -> db.Ask[list[int]]:
    return db.Ask(_NUMBERS, {}, lambda found: [row.number for row in found])


class TestTogether:
    async def test_each_has_its_answer_and_sees_what_those_before_did(
        self, made: db.Sessions
    ) -> None:
        async with made.begin() as session:
            together = db.Together(session)
            before = together.add(numbers())
            together.add(added(1))
            between = together.add(numbers())
            together.add(added(2))
            await together.send()
            assert (before(), between()) == ([], [1])

            after = together.add(numbers())
            await together.send()

        assert after() == [1, 2]

    async def test_it_is_committed_with_the_transaction_and_not_before(
        self, made: db.Sessions
    ) -> None:
        async with made() as session:
            await db.ask(session, added(1))
            await session.rollback()

        async with made.begin() as session:
            assert await db.ask(session, numbers()) == []

    async def test_an_error_in_the_middle_leaves_nothing_and_the_connection_usable(
        self, settings_with: Callable[..., ServiceSettings], made: db.Sessions
    ) -> None:
        one = db.sessions(settings_with(database_pool_size=1))
        async with one.begin() as session:
            pid = await session.scalar(text("SELECT pg_backend_pid()"))
            together = db.Together(session)
        for number in (1, 2, 1, 3):
            together.add(added(number))
        unasked = together.add(numbers())
        with pytest.raises(DBAPIError) as failed:
            async with one.begin() as together.session:
                await together.send()

        assert getattr(failed.value.orig, "sqlstate", None) == "23505"
        with pytest.raises(RuntimeError):
            unasked()
        async with one.begin() as session:
            assert await db.ask(session, numbers()) == []
            assert await session.scalar(text("SELECT pg_backend_pid()")) == pid
        await db.dispose(one)

    async def test_a_statement_sees_what_another_committed_while_a_lock_was_waited_for(
        self, made: db.Sessions
    ) -> None:
        lock = text("SELECT pg_advisory_xact_lock(:seed)")
        waits = text("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        async with made.begin() as first:
            await first.execute(lock, {"seed": 4711})
            async with made.begin() as second:
                together = db.Together(second)
                together.add(db.Ask(lock, {"seed": 4711}, db.nothing))
                seen = together.add(numbers())
                sending = asyncio.create_task(together.send())
                while not (await first.execute(waits)).first():  # noqa: ASYNC110
                    await asyncio.sleep(0)
                await db.ask(first, added(7))
                await first.commit()
                await sending

        assert seen() == [7]

    async def test_values_arrive_as_they_are(self, made: db.Sessions) -> None:
        given = {
            "text": 'Đào\'s \\ "x" %s %(x)s; DROP TABLE together; --',
            "none": None,
            "flag": True,
            "number": -3,
            "id": UUID(int=7),
            "at": datetime(2026, 11, 22, 1, 2, 3, 456789, UTC),
            "day": date(2026, 11, 22),
            "long": timedelta(seconds=1.5),
            "list": ["a,b", '"', "%"],
            "bytes": b"\x00\xff",
        }
        columns = ", ".join(
            f"CAST(:{name} AS {kind}) AS c{place}"
            for place, (name, kind) in enumerate(
                zip(
                    given,
                    "text text boolean int uuid timestamptz date interval text[] bytea".split(),
                    strict=True,
                )
            )
        )
        statement = text(f"SELECT {columns}, '50%' AS percent, '\\:x' AS colon")
        async with made.begin() as session:
            found = await db.ask(session, db.Ask(statement, given, lambda rows: tuple(rows[0])))
            assert await db.ask(session, numbers()) == []

        assert found == (*given.values(), "50%", ":x")

    @pytest.mark.parametrize("wrong", ["CAST(:x AS text) / 0", "CAST(:x AS int[])"])
    async def test_an_error_does_not_quote_the_values_of_its_statement(
        self, made: db.Sessions, wrong: str
    ) -> None:
        statement = text(f"SELECT {wrong}")
        with pytest.raises(SQLAlchemyError) as failed:
            async with made.begin() as session:
                await db.ask(session, db.Ask(statement, {"x": "{1,0903123456}" * 9}, db.nothing))

        assert "LINE 1" not in str(failed.value)
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__

    async def test_a_connection_that_ends_is_told_so_and_replaced(self, made: db.Sessions) -> None:
        end = db.Ask(text("SELECT pg_terminate_backend(pg_backend_pid())"), {}, db.nothing)
        together = db.Together(made())
        together.add(added(1))
        together.add(end)
        with pytest.raises(SQLAlchemyError) as failed:
            async with together.session.begin():
                await together.send()

        assert failures.is_away(failed.value)
        async with made.begin() as session:
            assert await db.ask(session, numbers()) == []

    async def test_a_runaway_statement_ends_by_itself(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        short = db.sessions(settings_with(database_statement_timeout_seconds=0.1))
        with pytest.raises(DBAPIError, match="statement timeout"):
            async with short.begin() as session:
                await db.ask(session, db.Ask(text("SELECT pg_sleep(30)"), {}, db.nothing))
        await db.dispose(short)

    async def test_one_that_is_cancelled_leaves_nothing_and_its_connection_to_others(
        self, settings_with: Callable[..., ServiceSettings], made: db.Sessions
    ) -> None:
        one = db.sessions(settings_with(database_pool_size=1))

        async def send() -> None:
            async with one.begin() as session:
                together = db.Together(session)
                together.add(added(1))
                together.add(db.Ask(text("SELECT pg_sleep(60)"), {}, db.nothing))
                await together.send()

        sending = asyncio.create_task(send())
        async with asyncio.timeout(20):
            while not await db.look(made, _SLEEPS):  # noqa: ASYNC110
                await asyncio.sleep(0)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

        async with one.begin() as session:
            assert await db.ask(session, numbers()) == []
            await db.ask(session, added(2))
        async with made.begin() as session:
            assert await db.ask(session, numbers()) == [2]
        await db.dispose(one)

    async def test_nothing_is_sent_of_nothing(self, made: db.Sessions) -> None:
        async with made.begin() as session:
            await db.Together(session).send()

    async def test_it_begins_the_transaction_in_the_same_round_trip(
        self, made: db.Sessions
    ) -> None:
        bounds = text("SELECT current_setting('lock_timeout') AS bound")
        async with made() as session:
            together = db.Together(session)
            together.add(added(1))
            bound = together.add(db.Ask(bounds, {}, lambda found: found[0].bound))
            await together.send()
            assert bound() == "5s"
            assert await session.scalar(bounds) == "5s"
            await session.rollback()
            # Another transaction of the same session.
            assert await db.ask(session, numbers()) == []

    async def test_whatever_comes_first_is_in_the_transaction(self, made: db.Sessions) -> None:
        async def through_the_session(session: AsyncSession) -> None:
            await session.execute(ADD, {"number": 1, "word": ""})

        async def through_the_driver(session: AsyncSession) -> None:
            await (await db.driver(session)).execute("INSERT INTO together VALUES (1)")

        async def through_a_savepoint(session: AsyncSession) -> None:
            async with session.begin_nested():
                await db.ask(session, added(1))

        async def after_an_error(session: AsyncSession) -> None:
            with pytest.raises(SQLAlchemyError):
                await db.ask(session, db.Ask(text("SELEC 1"), {}, db.nothing))
            await db.ask(session, added(1))

        async def after_values_that_cannot_be_sent(session: AsyncSession) -> None:
            with pytest.raises(SQLAlchemyError):
                await db.ask(session, added(1, "\x00"))
            await db.ask(session, added(1))

        for first in (
            through_the_session,
            through_the_driver,
            through_a_savepoint,
            after_an_error,
            after_values_that_cannot_be_sent,
        ):
            async with made() as session:
                await first(session)
                assert await db.ask(session, numbers()) == [1], first
                await session.rollback()
            async with made.begin() as session:
                assert await db.ask(session, numbers()) == [], first

    async def test_after_an_error_nothing_is_done_until_the_rollback(
        self, made: db.Sessions
    ) -> None:
        async with made() as session:
            together = db.Together(session)
            together.add(added(1))
            together.add(added(1))
            for _ in range(2):
                with pytest.raises(SQLAlchemyError):
                    await together.send()
                with pytest.raises(SQLAlchemyError):
                    await db.ask(session, added(2))
                with pytest.raises(SQLAlchemyError):
                    await session.execute(ADD, {"number": 3, "word": ""})
                together.add(added(4))
            await session.rollback()
            assert await db.ask(session, numbers()) == []

    async def test_a_transaction_without_a_statement_leaves_no_other_one_open(
        self, settings_with: Callable[..., ServiceSettings], made: db.Sessions
    ) -> None:
        one = db.sessions(settings_with(database_pool_size=1))
        for _ in range(2):
            async with one.begin() as session:
                await session.connection()
            async with db.engine(one).connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("DELETE FROM together"))
                raw = (await connection.get_raw_connection()).driver_connection
                assert isinstance(raw, psycopg.AsyncConnection)
                assert raw.info.transaction_status is psycopg.pq.TransactionStatus.IDLE
        await db.dispose(one)
