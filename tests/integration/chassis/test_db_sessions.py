"""Sessions: bounded, named, and honest about a database that is away."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from chassis import db
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.errors import Unavailable

Count = Callable[[str], Awaitable[int]]
Age = Callable[[str, str, str], Awaitable[None]]
TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
USER = Principal("0190", "user")


class TestSessions:
    async def test_a_runaway_statement_ends_by_itself(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        made = db.sessions(settings_with(database_statement_timeout_seconds=0.1))

        with pytest.raises(DBAPIError, match="statement timeout"):
            async with made.begin() as session:
                await session.execute(text("SELECT pg_sleep(30)"))

        await db.dispose(made)

    async def test_the_bound_does_not_stay_with_the_connection(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        made = db.sessions(settings_with(database_pool_size=1))

        async with made.begin() as session:
            within = await session.scalar(text("SHOW statement_timeout"))
        async with db.engine(made).connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            after = await connection.scalar(text("SHOW statement_timeout"))

        assert (within, after) == ("30s", "0")
        await db.dispose(made)

    async def test_the_server_sees_who_is_connected(self, sessions: db.Sessions) -> None:
        async with sessions.begin() as session:
            name = await session.scalar(text("SELECT current_setting('application_name')"))

        assert str(name).startswith("leads/")

    async def test_an_error_does_not_quote_the_values_of_its_statement(
        self, sessions: db.Sessions
    ) -> None:
        with pytest.raises(SQLAlchemyError) as failed:
            async with sessions.begin() as session:
                await session.execute(text("SELECT CAST(:x AS text) / 0"), {"x": "0903123456"})

        assert "0903123456" not in str(failed.value)

    async def test_a_database_that_answers_is_ready(self, sessions: db.Sessions) -> None:
        await db.check(sessions)()

    async def test_a_database_that_is_away_is_said_to_be(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        made = db.sessions(settings_with(database_url="postgresql+psycopg://u:p@127.0.0.1:1/d"))

        with pytest.raises(Unavailable, match="DATABASE_AWAY"):
            await db.check(made)()

        await db.dispose(made)

    async def test_disposed_sessions_are_no_longer_opened(self, settings: ServiceSettings) -> None:
        made = db.sessions(settings)
        opened = made in db.opened()

        await db.dispose(made)

        assert opened
        assert made not in db.opened()

    async def test_bulk_work_may_ask_for_more_time(
        self, settings_with: Callable[..., ServiceSettings]
    ) -> None:
        made = db.sessions(settings_with(database_statement_timeout_seconds=0.1))

        async with made.begin() as session:
            await db.allow(session, seconds=20)
            waited = await session.scalar(text("SELECT 'waited' FROM pg_sleep(0.3)"))
        async with made.begin() as session:
            next_one = await session.scalar(text("SHOW statement_timeout"))

        assert (waited, next_one) == ("waited", "100ms")
        await db.dispose(made)

    async def test_copy_is_part_of_the_transaction(self, sessions: db.Sessions) -> None:
        async def copy(*, fails: bool) -> int:
            async with sessions.begin() as session:
                await session.execute(text("CREATE TEMPORARY TABLE IF NOT EXISTS rows (id int)"))
                connection = await db.driver(session)
                async with (
                    connection.cursor() as cursor,
                    cursor.copy("COPY rows FROM STDIN (FORMAT BINARY)") as copying,
                ):
                    copying.set_types(["int4"])
                    for number in range(3):
                        await copying.write_row((number,))
                if fails:
                    raise ZeroDivisionError
                return int(await session.scalar(text("SELECT count(*) FROM rows")) or 0)

        with pytest.raises(ZeroDivisionError):
            await copy(fails=True)

        assert await copy(fails=False) == 3
