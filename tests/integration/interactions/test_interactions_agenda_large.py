"""Queues among 40,000 follow-ups and 20,000 leads: by index alone."""

import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from crm.interactions.v1 import agenda_pb2
from crm.interactions.v1 import agenda_service_pb2 as pb2
from sqlalchemy import event, text

from chassis.context import Principal
from services.interactions.storage import standings
from tests.integration.interactions.house import person

ME = "00000000-0000-4000-8000-000000000007"
TEAM = "00000000-0000-4000-9000-000000000003"
QUEUES = (agenda_pb2.QUEUE_OVERDUE, agenda_pb2.QUEUE_TODAY, agenda_pb2.QUEUE_NO_NEXT_STEP)

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


@pytest.mark.timeout(600)
class TestLarge:
    async def test_no_queue_reads_a_whole_table(self, large: Any) -> None:
        me, team = person(user_id=ME), person("team", TEAM, ME)
        engine = large.sessions.kw["bind"].sync_engine
        told: list[str] = []
        for who, more in ((me, {"user_id": ME}), (team, {"team_id": TEAM}), (me, {})):
            for queue in QUEUES:
                asked: list[tuple[str, Any]] = []

                def keep(_: Any, __: Any, statement: str, given: Any, *___: Any) -> None:
                    if "LIMIT" in statement:
                        asked.append((statement, given))  # noqa: B023

                event.listen(engine, "before_cursor_execute", keep)
                took, listed = await _list(large, who, queue, more)
                event.remove(engine, "before_cursor_execute", keep)
                ((statement, given),) = asked
                found = await _plan(large, statement, given)
                scans = {it["Node Type"] for it in nodes(found["Plan"])}
                told.append(
                    f"{agenda_pb2.Queue.Name(queue)} {more}: "
                    f"{len(listed.items)} items, {took * 1000:.1f} ms the call,"
                    f" {found['Execution Time']:.1f} ms the query, {sorted(scans)}"
                )
                assert listed.items
                assert "Seq Scan" not in scans, told[-1]
        print("\n".join(told))  # noqa: T201


async def _list(
    house: Any, who: Principal, queue: Any, more: Mapping[str, Any]
) -> tuple[float, Any]:
    stub = house.agenda(who)
    request = pb2.ListQueueRequest(queue=queue, **more)
    started = time.perf_counter()
    listed = await stub.ListQueue(request)
    return time.perf_counter() - started, listed


async def _plan(house: Any, statement: str, given: Any) -> Any:
    async with house.sessions.begin() as session:
        connection = await session.connection()
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        found = (await connection.exec_driver_sql(explained, given)).scalar_one()
    return found[0]
