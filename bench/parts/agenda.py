"""What people look at all day, and the planning of series, among a million follow-ups."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench import jobs, meter, seed
from bench.table import Figures
from local.demo.api import Api
from local.running import House, house

FOLLOW_UPS, CONTACTS, PEOPLE, TEAMS = 1_000_000, 200_000, 200, 10
ENTRIES = 10_000
SERIES = 100_000
ASKED = 100
LONGEST_SECONDS = 900.0
QUEUES = ("overdue", "today", "no_next_step")


def measure(home: Path, figures: Figures) -> None:
    """Fill the tables by SQL, ask through the REST API, then have series planned."""
    with house(home) as running:
        asyncio.run(_measure(running, figures))
        figures.peaks("agenda", meter.peak_mb(running), "≤ 300 MB")


async def _measure(running: House, figures: Figures) -> None:
    url = seed.database(running, "interactions")
    began = time.monotonic()
    await asyncio.to_thread(_fill, url)
    seconds = time.monotonic() - began
    figures.add("agenda_fill_seconds", f"({FOLLOW_UPS:,} follow-ups by SQL)", seconds, "s")
    async with Api(jobs.access(running.state)) as api:
        await _looks(api, figures)
    planned, seconds = await asyncio.to_thread(_series, url)
    figures.add("series_planned", "(follow-ups that the series below come to)", planned, "")
    label = f"60 days of {SERIES:,} series planned"
    figures.add("series_seconds", label, seconds, "s", "≤ 60 s")


async def _looks(api: Api, figures: Figures) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month: dict[str, str | int] = {
        "range_start": (today - timedelta(days=15)).isoformat(),
        "range_end": (today + timedelta(days=15)).isoformat(),
        "page_size": 1_000,
    }

    async def day(number: int) -> int:
        page = await api.get("/agenda/day", user_id=_person(number))
        return sum(len(page[queue]["items"]) for queue in QUEUES)

    async def persons_leads(number: int) -> int:
        page = await api.get("/standings", user_id=_person(number))
        return len(page["standings"])

    async def everybodys_leads(number: int) -> int:
        page = await api.get("/standings", order="LAST_OLDEST" if number % 2 else "NEXT_LATEST")
        return len(page["standings"])

    async def persons_month(number: int) -> int:
        page = await api.get("/calendar", assignee_ids=_person(number), **month)
        return len(page["entries"])

    async def teams_month(number: int) -> int:
        page = await api.get("/calendar", team_id=_team(number), **month)
        return len(page["entries"])

    for key, label, ask, wanted in (
        ("day", "my day: the three queues of a person", day, "≤ 50 ms"),
        ("leads", "a person's open leads by next follow-up", persons_leads, ""),
        ("all_leads", "everybody's, by either order", everybodys_leads, ""),
        ("month", "a person's month in the calendar", persons_month, "≤ 100 ms"),
        ("team_month", "the first 1,000 of a team's month", teams_month, "≤ 100 ms"),
    ):
        took = await _p95(ask)
        figures.add(f"agenda_{key}_p95_ms", f"{label}, p95 of {ASKED}", took, "ms", wanted)
    label = f"a page of a timeline of {ENTRIES:,} entries, p95 of {ASKED}"
    figures.add("timeline_p95_ms", label, await _timeline(api), "ms", "≤ 100 ms")


async def _p95(ask: Callable[[int], Awaitable[int]]) -> float:
    took = []
    for number in range(ASKED):
        began = time.perf_counter()
        if not await ask(number):
            raise jobs.NotMeasured(f"there was nothing on page {number}")
        took.append(time.perf_counter() - began)
    return jobs.percentile(sorted(took), 0.95) * 1e3


async def _timeline(api: Api) -> float:
    token, took, seen = "", list[float](), 0
    for _ in range(ASKED):
        began = time.perf_counter()
        page = await api.get(f"/contacts/{_contact(1)}/timeline", page_size=50, page_token=token)
        took.append(time.perf_counter() - began)
        token, seen = page["next_page_token"], seen + len(page["entries"])
    if seen != ASKED * 50:
        raise jobs.NotMeasured(f"the timeline had {seen} entries")
    return jobs.percentile(sorted(took), 0.95) * 1e3


def _fill(url: str) -> None:
    given = {"rows": FOLLOW_UPS, "contacts": CONTACTS, "people": PEOPLE, "teams": TEAMS}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ID)
        with seed.filling(connection, "contacts", "follow_ups"):
            connection.execute(_CONTACTS, given)
            connection.execute(_FOLLOW_UPS, given)
        with seed.filling(connection, "notes", "interactions", "facts"):
            for statement in _ENTRIES:
                connection.execute(statement, {"contact": _contact(1), "each": ENTRIES // 3 + 1})
        connection.execute(_STANDINGS)
        connection.execute("VACUUM ANALYZE contacts")


def _series(url: str) -> tuple[int, float]:
    """Return how many follow-ups were planned and how long it took from the series' commit."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ID)
        given = {"series": SERIES, "contacts": CONTACTS, "people": PEOPLE}
        connection.execute(_SERIES, given)
        began = time.monotonic()
        while seed.number(connection, "SELECT count(*) FROM series WHERE due_time <= now()"):
            if time.monotonic() - began > LONGEST_SECONDS:
                raise jobs.NotMeasured(f"series were not planned in {LONGEST_SECONDS:.0f} s")
            time.sleep(jobs.ASK_SECONDS)
        seconds = time.monotonic() - began
        made = seed.number(
            connection, "SELECT count(*) FROM follow_ups WHERE series_id IS NOT NULL"
        )
    if made < SERIES:
        raise jobs.NotMeasured(f"{made} follow-ups were planned")
    return made, seconds


def _person(number: int) -> str:
    return f"00000000-0000-4000-8000-{number % PEOPLE:012x}"


def _team(number: int) -> str:
    return f"00000000-0000-4000-9000-{number % TEAMS:012x}"


def _contact(number: int) -> str:
    return f"00000000-0000-4000-a000-{number:012x}"


_ID = """
    CREATE FUNCTION pg_temp.id(mark text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('00000000-0000-4000-' || mark || '-' || lpad(to_hex(n), 12, '0'))::uuid
"""
_CONTACTS = """
    INSERT INTO contacts (id, revision, owner_ids, team_id, open_lead)
    SELECT pg_temp.id('a000', n), 1, ARRAY[pg_temp.id('8000', n %% %(people)s)],
           pg_temp.id('9000', n %% %(teams)s), n %% 3 > 0
    FROM generate_series(1, %(contacts)s) AS n
"""
# Nine of ten are done; the rest lie within half a year of now, so that a person's day has some of
# everything; one in twenty has two assignees.
_FOLLOW_UPS = """
    INSERT INTO follow_ups (id, title, type, status, contact_id, assignee_ids, start_time,
                            end_time, time_zone, team_id, creator_id, close_time)
    SELECT gen_random_uuid(), 'Gọi lại', (ARRAY['call', 'meeting'])[1 + n %% 2],
           CASE WHEN n %% 10 > 0 THEN 'completed' WHEN at <= now() THEN 'open'
                ELSE 'scheduled' END,
           pg_temp.id('a000', 1 + n %% %(contacts)s),
           CASE WHEN n %% 20 = 0 THEN ARRAY[other, mine] ELSE ARRAY[mine] END,
           at, at + interval '30 minutes', 'Asia/Ho_Chi_Minh',
           pg_temp.id('9000', n / 10 %% %(teams)s), 'bench', CASE WHEN n %% 10 > 0 THEN at END
    FROM (
        SELECT n, now() + (n::bigint * 7919 %% 25920 - 12960) * interval '10 minutes' AS at,
               pg_temp.id('8000', n / 10 %% %(people)s) AS mine,
               pg_temp.id('8000', n / 7 %% %(people)s) AS other
        FROM generate_series(1, %(rows)s) AS n
    ) AS planned
"""
_STANDINGS = """
    UPDATE contacts SET next_follow_up_id = next.id, next_follow_up_time = next.start_time
    FROM (
        SELECT DISTINCT ON (contact_id) contact_id, id, start_time FROM follow_ups
        WHERE status IN ('scheduled', 'open') ORDER BY contact_id, start_time, id
    ) AS next
    WHERE next.contact_id = contacts.id
"""
_ENTRIES = (
    """
    INSERT INTO notes (id, contact_id, text, author_id, create_time)
    SELECT gen_random_uuid(), %(contact)s, 'Khách hỏi giá', 'bench', now() - n * interval '3 hours'
    FROM generate_series(1, %(each)s) AS n
    """,
    """
    INSERT INTO interactions (id, contact_id, kind, direction, result, start_time, duration, text,
                              author_id)
    SELECT gen_random_uuid(), %(contact)s, 'call', 'outbound', 'reached',
           now() - n * interval '3 hours' - interval '1 hour', interval '5 minutes', '', 'bench'
    FROM generate_series(1, %(each)s) AS n
    """,
    """
    INSERT INTO facts (contact_id, id, time, kind, resource_id, version)
    SELECT %(contact)s, gen_random_uuid(), now() - n * interval '3 hours' - interval '2 hours',
           'stage_changed', gen_random_uuid()::text, '1'
    FROM generate_series(1, %(each)s) AS n
    """,
)
# Half monthly, three in ten weekly, two in ten yearly: each from some day of the last month on.
_SERIES = """
    INSERT INTO series (id, title, type, contact_ids, assignee_ids, duration, time_zone, rrule,
                        start_local, exceptions, cursor_local, cursor_passed, since, due_time,
                        creator_id)
    SELECT gen_random_uuid(), 'Gọi hằng kỳ', 'call',
           ARRAY[pg_temp.id('a000', 1 + n * 2 %% %(contacts)s)],
           ARRAY[pg_temp.id('8000', n %% %(people)s)],
           interval '30 minutes', 'Asia/Ho_Chi_Minh',
           CASE WHEN n %% 10 < 5 THEN 'FREQ=MONTHLY' WHEN n %% 10 < 8 THEN 'FREQ=WEEKLY'
                ELSE 'FREQ=YEARLY' END,
           at, '{}', at, 0, now(), now(), 'bench'
    FROM (
        SELECT n, date_trunc('day', now() AT TIME ZONE 'Asia/Ho_Chi_Minh')
                  - n %% 30 * interval '1 day' + (9 + n %% 8) * interval '1 hour' AS at
        FROM generate_series(1, %(series)s) AS n
    ) AS planned
"""
