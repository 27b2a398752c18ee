"""Migrations: applied once, by one replica at a time, and asked for when they are missing."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from chassis import db
from chassis.config import ServiceSettings
from chassis.db import migrate
from chassis.errors import Unavailable

MIGRATION = '''
"""{doc}"""
from alembic import op
from chassis.db import schema
revision = "{number:04}"
down_revision = {before}
def upgrade():
    {body}
'''
FIRST = 'schema.chassis_tables(op); op.execute("CREATE TABLE people (id int)")'

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """A function that makes a service's package with the migrations whose bodies are given."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(name: str, *bodies: str) -> str:
        versions = tmp_path / name / "migrations" / "versions"
        versions.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "__init__.py").touch()
        for number, body in enumerate(bodies, start=1):
            before = None if number == 1 else f'"{number - 1:04}"'
            (versions / f"{number:04}_step.py").write_text(
                MIGRATION.format(doc="Step", number=number, before=before, body=body)
            )
        return name

    return make


async def tables(settings: ServiceSettings) -> set[str]:
    made = db.sessions(settings)
    async with made.begin() as session:
        found = await session.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        )
        names = {it.tablename for it in found}
    await db.dispose(made)
    return names


class TestUpgrade:
    async def test_it_applies_what_is_missing_and_nothing_twice(
        self, settings: ServiceSettings, package: Package
    ) -> None:
        name = package("shop_one", FIRST)
        first = await asyncio.to_thread(migrate.upgrade, settings, name)
        package("shop_one", FIRST, 'op.execute("CREATE TABLE orders (id int)")')

        second = await asyncio.to_thread(migrate.upgrade, settings, name)
        again = await asyncio.to_thread(migrate.upgrade, settings, name)

        assert (first, second, again) == ("0001", "0002", "0002")
        assert await tables(settings) == {
            "alembic_version", "outbox", "inbox", "idempotency", "people", "orders",
        }  # fmt: skip

    async def test_where_nothing_is_missing_the_tool_is_not_loaded(
        self, settings: ServiceSettings, package: Package, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name = package("shop_current", FIRST)
        await asyncio.to_thread(migrate.upgrade, settings, name)
        monkeypatch.setitem(sys.modules, "chassis.db.steps", None)

        assert await asyncio.to_thread(migrate.upgrade, settings, name) == "0001"

    async def test_replicas_take_turns(self, settings: ServiceSettings, package: Package) -> None:
        name = package("shop_two", FIRST, 'op.execute("INSERT INTO people VALUES (1)")')

        reached = await asyncio.gather(
            *(asyncio.to_thread(migrate.upgrade, settings, name) for _ in range(4))
        )

        assert set(reached) == {"0002"}
        made = db.sessions(settings)
        async with made.begin() as session:
            assert await session.scalar(text("SELECT count(*) FROM people")) == 1
        await db.dispose(made)

    async def test_a_step_that_fails_leaves_those_before_it(
        self, settings: ServiceSettings, package: Package
    ) -> None:
        broken = 'op.execute("CREATE TABLE half (id int)"); op.execute("SELECT nonsense")'
        name = package("shop_three", FIRST, broken)

        with pytest.raises(ProgrammingError):
            await asyncio.to_thread(migrate.upgrade, settings, name)

        assert {"people", "half"} & await tables(settings) == {"people"}

    async def test_an_index_can_be_built_without_stopping_writes(
        self, settings: ServiceSettings, package: Package
    ) -> None:
        build = (
            "with op.get_context().autocommit_block():\n"
            '        op.execute("CREATE INDEX CONCURRENTLY people_id ON people (id)")'
        )
        name = package("shop_four", FIRST, build)

        assert await asyncio.to_thread(migrate.upgrade, settings, name) == "0002"

    async def test_it_waits_a_little_for_a_lock_and_tries_again(
        self,
        settings: ServiceSettings,
        package: Package,
        database_url: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(migrate, "LOCK_TIMEOUT_MS", 50)
        name = package("shop_five", FIRST)
        await asyncio.to_thread(migrate.upgrade, settings, name)
        package("shop_five", FIRST, 'op.execute("ALTER TABLE people ADD COLUMN age int")')
        refused = asyncio.Event()
        loop = asyncio.get_running_loop()
        url = database_url.replace("+psycopg", "")

        def note(event: str, **_: object) -> None:
            loop.call_soon_threadsafe(refused.set)

        monkeypatch.setattr(migrate.log, "warning", note)

        async with await psycopg.AsyncConnection.connect(url) as reader:
            await reader.execute("SELECT * FROM people")
            upgrading = asyncio.create_task(asyncio.to_thread(migrate.upgrade, settings, name))
            await asyncio.wait_for(refused.wait(), 20)
            await reader.commit()

        assert await upgrading == "0002"


class TestRevisionCheck:
    async def test_it_says_which_revision_is_needed(
        self, settings: ServiceSettings, package: Package
    ) -> None:
        name = package("shop_six", FIRST)
        made = db.sessions(settings)

        with pytest.raises(Unavailable, match="needs revision 0001 and has none"):
            await db.revision_check(made, name)()

        await asyncio.to_thread(migrate.upgrade, settings, name)
        await db.revision_check(made, name)()
        package("shop_six", FIRST, "pass")
        with pytest.raises(Unavailable, match="needs revision 0002 and has 0001"):
            await db.revision_check(made, name)()
        await db.dispose(made)

    async def test_a_schema_of_a_newer_release_will_do(
        self, settings: ServiceSettings, package: Package
    ) -> None:
        newer = package("shop_seven", FIRST, "pass")
        older = package("shop_eight", FIRST)
        await asyncio.to_thread(migrate.upgrade, settings, newer)
        made = db.sessions(settings)

        await db.revision_check(made, older)()

        await db.dispose(made)

    async def test_a_database_that_is_away_is_not_called_behind(
        self, settings_with: Callable[..., ServiceSettings], package: Package
    ) -> None:
        name = package("shop_nine", FIRST)
        made = db.sessions(settings_with(database_url="postgresql+psycopg://u:p@127.0.0.1:1/d"))

        with pytest.raises(Unavailable, match="DATABASE_AWAY"):
            await db.revision_check(made, name)()

        await db.dispose(made)
