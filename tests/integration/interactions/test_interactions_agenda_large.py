"""Queues and lists of leads among 40,000 follow-ups and 20,000 leads: by index alone."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from crm.interactions.v1 import agenda_pb2
from crm.interactions.v1 import agenda_service_pb2 as pb2
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import psycopg

from chassis import db
from services.interactions.storage import standings
from tests.integration import explained
from tests.integration.interactions.house import person

ME = "00000000-0000-4000-8000-000000000007"
TEAM = "00000000-0000-4000-9000-000000000003"
WHO = (
    (person(user_id=ME), {"user_id": ME}),
    (person("team", TEAM, ME), {"team_id": TEAM}),
    (person(user_id=ME), {}),
)
MOST_READ = 500
"""Rows that one step of a plan for a page of 50 may read."""

# 200 people in ten teams; nine of ten follow-ups are done; one in twenty has two assignees.
_SEED = (
    """
    INSERT INTO contacts (id, revision, owner_ids, team_id, open_lead)
    SELECT ('00000000-0000-4000-a000-' || lpad(to_hex(n), 12, '0'))::uuid, 1,
        ARRAY[('00000000-0000-4000-8000-' || lpad(to_hex(n % 200), 12, '0'))::uuid],
        ('00000000-0000-4000-9000-' || lpad(to_hex(n % 10), 12, '0'))::uuid, n % 3 > 0
    FROM generate_series(1, 20000) AS n
    """,
    """
    INSERT INTO follow_ups (id, title, type, status, contact_id, assignee_ids, start_time,
        end_time, time_zone, team_id, creator_id, close_time)
    SELECT gen_random_uuid(), 'Gọi', 'call',
        CASE WHEN n % 10 > 0 THEN 'completed' WHEN at <= now() THEN 'open' ELSE 'scheduled' END,
        ('00000000-0000-4000-a000-' || lpad(to_hex(1 + n % 20000), 12, '0'))::uuid,
        CASE WHEN n % 20 = 0 THEN ARRAY[other, mine] ELSE ARRAY[mine] END, at,
        at + interval '30 minutes', 'UTC',
        ('00000000-0000-4000-9000-' || lpad(to_hex(n / 10 % 10), 12, '0'))::uuid, 's',
        CASE WHEN n % 10 > 0 THEN at END
    FROM (
        SELECT n, now() + (n * 7919 % 997 - 700) * interval '10 minutes' AS at,
            ('00000000-0000-4000-8000-' || lpad(to_hex(n / 10 % 200), 12, '0'))::uuid AS mine,
            ('00000000-0000-4000-8000-' || lpad(to_hex(n / 7 % 200), 12, '0'))::uuid AS other
        FROM generate_series(1, 40000) AS n
    ) AS planned
    """,
    # At any hour there is something today.
    f"""
    INSERT INTO follow_ups (id, title, type, status, contact_id, assignee_ids, start_time,
        end_time, time_zone, team_id, creator_id)
    SELECT gen_random_uuid(), 'Gọi', 'call', 'open', id, ARRAY['{ME}'::uuid],
        now() - interval '5 minutes', now() + interval '1 hour', 'UTC', '{TEAM}', 's'
    FROM contacts LIMIT 3
    """,  # noqa: S608 (our own constants)
)


def nodes(plan: Any) -> Iterator[Mapping[str, Any]]:
    """Every node of a plan."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture
async def large(house: Any) -> Any:
    """The house with its tables filled, and where every contact stands found."""
    async with house.sessions.begin() as session:
        for statement in _SEED:
            await session.execute(text(statement))
        ids = list(await session.scalars(text("SELECT id FROM contacts")))
    started = time.perf_counter()
    for at in range(0, len(ids), 1_000):
        async with house.sessions.begin() as session:
            await standings.refresh(session, ids[at : at + 1_000])
    print(f"{len(ids):,} contacts refreshed in {time.perf_counter() - started:.1f} s")  # noqa: T201
    async with house.sessions.begin() as session:
        await session.execute(text("ANALYZE contacts, follow_ups"))
    return house


@pytest.fixture
def asked(large: Any) -> Iterator[list[db.Ask[Any]]]:
    """The statements that are sent from now on, the clock's left out."""
    sent: list[db.Ask[Any]] = []

    async def keep(asks: Sequence[db.Ask[Any]]) -> None:
        sent.extend(it for it in asks if it.given)

    info = large.sessions.kw["info"]
    info[explained.WATCHING] = keep
    yield sent
    del info[explained.WATCHING]


@pytest.mark.timeout(600)
class TestLarge:
    async def test_nothing_reads_a_whole_table(
        self, large: Any, asked: list[db.Ask[Any]], subtests: pytest.Subtests
    ) -> None:
        # One test, as to fill the tables takes longer than to ask.
        with subtests.test("the day is asked for in few statements"):
            await large.agenda(person()).GetDay(pb2.GetDayRequest())
            assert len(asked) == 4
        for who, more in WHO:
            asked.clear()
            with subtests.test(f"the queues of {more}"):
                await the_day(large, asked, who, more)
            for order in agenda_pb2.StandingOrder.values()[1:]:
                with subtests.test(f"leads of {more} by {order}"):
                    await the_leads(large, asked, who, {"order": order, **more})


async def the_day(house: Any, asked: list[db.Ask[Any]], who: Any, more: Mapping[str, Any]) -> None:
    """The queues of a day have something in them, and are read by index."""
    took, found = await timed(house.agenda(who).GetDay(pb2.GetDayRequest(**more)))
    for name in ("overdue", "today", "no_next_step"):
        assert getattr(found, name).items
    await by_index(house, asked, f"{took * 1000:.1f} ms the call")


async def the_leads(
    house: Any, asked: list[db.Ask[Any]], who: Any, more: Mapping[str, Any]
) -> None:
    """Three pages of leads are read by index."""
    token = ""
    for _ in range(3):
        request = pb2.ListStandingsRequest(page_token=token, **more)
        took, found = await timed(house.agenda(who).ListStandings(request))
        assert found.standings
        await by_index(house, asked, f"{took * 1000:.1f} ms the call")
        token = found.next_page_token
        if not token:
            break


async def timed(call: Any) -> tuple[float, Any]:
    """How long a call took, and what it answered."""
    started = time.perf_counter()
    found = await call
    return time.perf_counter() - started, found


async def by_index(house: Any, asked: list[db.Ask[Any]], told: str) -> None:
    """None of the statements reads a whole table or sorts more than a few hundred rows."""
    assert asked
    for each in asked:
        found = await plan_of(house, each)
        read = [it for it in nodes(found["Plan"]) if "Relation Name" in it]
        scans = sorted({f"{it['Node Type']} {it.get('Index Name', '')}" for it in read})
        told += f"\n  {found['Execution Time']:.1f} ms {scans}"
        assert not any(it["Node Type"] == "Seq Scan" for it in read), told
        assert all(it["Actual Rows"] <= MOST_READ for it in read), told
    print(told)  # noqa: T201
    asked.clear()


async def plan_of(house: Any, ask: db.Ask[Any]) -> Any:
    """What PostgreSQL does for a statement, executed."""
    statement = str(ask.statement.compile(dialect=psycopg.dialect()))
    async with house.sessions.begin() as session:
        connection = await session.connection()
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        found = (await connection.exec_driver_sql(explain, dict(ask.given))).scalar_one()
    return found[0]
