"""A month of the calendar and a feed among very many follow-ups: by which plan, and how fast.

`TEST_FOLLOW_UPS=1000000` seeds as many as the promise is about; the plans are the same.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import ClauseElement, Executable, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.compiler import compiles

from chassis import db
from chassis.context import Level
from chassis.scope import Scope
from services.interactions.domain import feeds
from services.interactions.domain.calendar import Span
from services.interactions.storage import calendar
from services.interactions.storage.calendar import Filter

ROWS = int(os.environ.get("TEST_FOLLOW_UPS", "100000"))
USERS, TEAMS = 100, 10
MONTH = Span(datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
PAGE = 501

# Two years of work of a hundred people in ten teams; one of a thousand lasts for days.
_SEED = text("""
    INSERT INTO follow_ups (
        id, title, type, status, contact_id, assignee_ids, start_time, end_time, time_zone,
        team_id, creator_id
    )
    SELECT gen_random_uuid(), 'Gọi lại ' || n,
        (ARRAY['call', 'sms', 'email', 'meeting'])[n % 4 + 1],
        CASE WHEN start < now() THEN 'completed' ELSE 'scheduled' END, gen_random_uuid(),
        ARRAY[md5('user' || u)::uuid], start,
        start + CASE WHEN n % 1000 = 0 THEN interval '5 days' ELSE interval '30 minutes' END,
        'Asia/Ho_Chi_Minh', md5('team' || u % :teams)::uuid, md5('user' || u)::uuid::text
    FROM (
        SELECT n, hashint4(n) & 2147483647 AS h, (hashint4(n + 7) & 2147483647) % :users AS u
        FROM generate_series(1, :rows) AS n
    ) AS seed, LATERAL (
        SELECT timestamptz '2025-05-01 00:00Z' + (h % 1051200) * interval '1 minute' AS start
    ) AS s
""")


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Any) -> None:
        self.statement = statement


@compiles(_Explain)
def _explained(element: _Explain, compiler: Any, **given: Any) -> str:
    return f"EXPLAIN (ANALYZE, FORMAT JSON) {compiler.process(element.statement, **given)}"


def _nodes(plan: Any) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


async def plan_of(session: AsyncSession, ask: Any) -> list[dict[str, Any]]:
    """The nodes of the plan of the statement that `ask` executes."""
    plans, execute = [], session.execute

    async def explaining(statement: Any, *rest: Any) -> Any:
        told = (await execute(_Explain(statement))).scalar_one()
        plans.append(json.loads(told) if isinstance(told, str) else told)
        return await execute(statement, *rest)

    session.execute = explaining  # type: ignore[method-assign, assignment]
    await ask(session)
    session.execute = execute  # type: ignore[method-assign]
    return [node for plan in plans for node in _nodes(plan[0]["Plan"])]


@pytest.fixture
async def many(sessions: db.Sessions) -> db.Sessions:
    async with sessions.begin() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(_SEED, {"rows": ROWS, "users": USERS, "teams": TEAMS})
        await session.execute(text("ANALYZE follow_ups"))
        query = text("SELECT md5('user7')::uuid, md5('team7')::uuid")
        user, team = (await session.execute(query)).one()
    sessions_of: Any = sessions
    sessions_of.user, sessions_of.team = user, team
    return sessions


class TestMonth:
    async def test_it_is_found_by_indexes(self, many: Any, capsys: Any) -> None:
        user: UUID = many.user
        everybody = Scope(Level.ALL, str(user), user, None)
        own = Scope(Level.OWN, str(user), user, None)
        of_team = Scope(Level.TEAM, str(user), user, many.team)
        window = feeds.window(datetime(2026, 5, 15, tzinfo=UTC))
        mine, all_ = Filter(MONTH, [user]), Filter(MONTH)
        late = (MONTH.end - timedelta(days=2), uuid4())

        asks: dict[str, Any] = {
            "my month": lambda s: calendar.page(s, mine, everybody, PAGE, None),
            "my month by level own": lambda s: calendar.page(s, mine, own, PAGE, None),
            "a month by level own": lambda s: calendar.page(s, all_, own, PAGE, None),
            "my team's by level team": lambda s: calendar.page(s, all_, of_team, PAGE, None),
            "a month of everybody": lambda s: calendar.page(s, all_, everybody, PAGE, None),
            "its last pages": lambda s: calendar.page(s, all_, everybody, PAGE, late),
            "overlaps": lambda s: calendar.overlapping(
                s,
                Filter(Span(MONTH.start, MONTH.start + timedelta(hours=1)), [user]),
                own,
                None,
                20,
            ),
            "a feed": lambda s: calendar.newest(s, Filter(window, [user]), own, 2_000),
        }
        for name, ask in asks.items():
            async with many.begin() as session:
                nodes = await plan_of(session, ask)
                seconds = []
                for _ in range(7):
                    began = time.perf_counter()
                    found = await ask(session)
                    seconds.append(time.perf_counter() - began)
            median = sorted(seconds)[3] * 1000
            with capsys.disabled():
                sys.stdout.write(f"\n{name}: {len(found)} of {ROWS:,} in {median:.1f} ms")
            scans = {node["Node Type"] for node in nodes if "Relation Name" in node}
            assert scans, name
            assert "Seq Scan" not in scans, name
