"""What is due is seen by one look, and wakes whose work it is."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import text

from services.interactions.storage.due import Kind, due
from services.interactions.workers.rounds import Rounds, Watch

AHEAD, PAST = "now() + interval '1 hour'", "now() - interval '1 hour'"
WAITS = {"state": "'waiting'"}
CASES = [
    (Kind.OPENING, "follow_ups", "start_time", {"status": "'scheduled'", "end_time": AHEAD}),
    (Kind.REMINDERS, "reminders", "due_time", {}),
    (Kind.PROPOSALS, "proposals", "expire_time", {"state": "'viewed'"}),
    (Kind.PROPOSALS, "proposals", "remind_time", {"state": "'draft'"}),
    (Kind.PROPOSALS, "proposal_letters", "next_time", WAITS),
    (Kind.MOVES, "proposals", "move_time", {"stage_move": "'waiting'", "state": "'accepted'"}),
    (Kind.SERIES, "series", "due_time", {"rrule": "'FREQ=DAILY'"}),
    (Kind.RESOLUTIONS, "resolutions", "try_time", {}),
    (Kind.BATCHES, "follow_up_batches", "try_time", {"state": "'running'"}),
    (Kind.DELIVERIES, "deliveries", "try_time", WAITS),
    (Kind.CONTACT_REMINDERS, "contact_reminders", "try_time", WAITS),
    (Kind.REMINDER_LETTERS, "reminder_letters", "next_time", WAITS),
]
PLACEHOLDERS = {
    "uuid": "gen_random_uuid()",
    "ARRAY": "'{}'",
    "timestamp with time zone": "now()",
    "interval": "interval '1 hour'",
    "jsonb": "'{}'",
    "date": "current_date",
    "bytea": "''",
}
PARENT = "'00000000-0000-4000-8000-000000000001'"
PARENTS = {"follow_up_id": PARENT, "proposal_id": PARENT, "template_id": PARENT}


@pytest.fixture
async def parents(house: Any) -> None:
    """A follow-up and a proposal that are done with, for what belongs to one."""
    await put(house, "follow_ups", {"id": PARENT, "status": "'completed'"})
    await put(house, "proposal_templates", {"id": PARENT})
    await put(house, "proposal_template_versions", {"version": "1"})
    await put(house, "proposals", {"id": PARENT, "state": "'draft'"})


async def put(house: Any, table: str, values: Mapping[str, str]) -> None:
    """Store a row of which only `values`, SQL by column, matter."""
    async with house.sessions.begin() as session:
        asked = text("""
            SELECT column_name, data_type FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = :table AND is_nullable = 'NO'
                AND column_default IS NULL AND is_generated = 'NEVER'
        """)
        needed = {
            name: PARENTS.get(name) or PLACEHOLDERS.get(kind, "'1'")
            for name, kind in await session.execute(asked, {"table": table})
        }
        row = {**needed, **values}
        names, given = ", ".join(row), ", ".join(row.values())
        await session.execute(text(f"INSERT INTO {table} ({names}) VALUES ({given})"))  # noqa: S608


@pytest.mark.usefixtures("parents")
class TestDue:
    @pytest.mark.parametrize(
        ("kind", "table", "time", "values"), CASES, ids=[f"{it[0]}-{it[2]}" for it in CASES]
    )
    async def test_a_kind_is_due_from_its_time_on_and_no_other(
        self, house: Any, kind: Kind, table: str, time: str, values: Mapping[str, str]
    ) -> None:
        await put(house, table, {**values, time: AHEAD})
        before = await due(house.sessions)
        async with house.sessions.begin() as session:
            later = text(f"UPDATE {table} SET {time} = {PAST} WHERE {time} > now()")  # noqa: S608
            await session.execute(later)

        assert before == set()
        assert await due(house.sessions) == {kind}

    async def test_a_batch_that_is_taken_back_is_due_at_once(self, house: Any) -> None:
        await put(house, "follow_up_batches", {"state": "'reverting'", "try_time": AHEAD})

        assert await due(house.sessions) == {Kind.REVERTING}

    async def test_a_series_that_is_paused_is_not(self, house: Any) -> None:
        paused = {"rrule": "'FREQ=DAILY'", "paused": "true", "due_time": PAST}
        await put(house, "series", paused)

        assert await due(house.sessions) == set()


@pytest.mark.usefixtures("parents")
class TestWatch:
    async def test_a_worker_does_a_round_once_something_of_its_kind_is_due(
        self, house: Any
    ) -> None:
        done: asyncio.Queue[str] = asyncio.Queue()

        def worker(kind: Kind) -> Rounds:
            async def do() -> bool:
                done.put_nowait(kind)
                return False

            return watch.wakes(kind, Rounds(kind, do))

        watch = Watch(house.sessions, 0.01)
        tasks = [
            asyncio.create_task(it())
            for it in (watch, worker(Kind.RESOLUTIONS), worker(Kind.DELIVERIES))
        ]
        async with asyncio.timeout(10):
            first = {await done.get(), await done.get()}
            await put(house, "resolutions", {"try_time": PAST})
            woken = await done.get()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert first == {Kind.RESOLUTIONS, Kind.DELIVERIES}
        assert woken == Kind.RESOLUTIONS
