"""Reports R1, R2 and R4 over a million leads, asked as any program would ask."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg

from bench import jobs, meter, seed
from bench.table import Figures
from local.demo.api import Api
from local.running import House, house

LEADS = 1_000_000
_SLICE = 100_000
ASKED = 10
_YEAR = "start_date=2026-01-01&end_date=2027-01-01"
_R1, _R2 = "/reports/follow-ups", "/reports/conversion"

# What is asked, and where the total says how many it is about.
REPORTS: Mapping[str, tuple[str, str, str]] = {
    "r1_users": (f"{_R1}?grouping=ASSIGNEE", "R1, follow-ups by user", "total"),
    "r1_contacts": (f"{_R1}?grouping=CONTACT", "R1, follow-ups by contact", "total"),
    "r1_leads": ("/reports/leads?", "R1, interactions with leads", "leads"),
    "r2_owners": (f"{_R2}?grouping=OWNER", "R2, conversion by owner", "leads"),
    "r2_sources": (f"{_R2}?grouping=SOURCE", "R2, conversion by source", "leads"),
    "r2_stages": (f"{_R2}?grouping=STAGE", "R2, conversion by life stage", "leads"),
    "r4": ("/reports/sources?", "R4, sources and their cost", "leads"),
}


def measure(home: Path, figures: Figures) -> None:
    """Fill the tables by SQL and ask for each report some times."""
    with house(home) as running:
        asyncio.run(_measure(running, figures))
        figures.peaks("reports", meter.peak_mb(running))


async def _measure(running: House, figures: Figures) -> None:
    began = time.monotonic()
    await asyncio.to_thread(_leads, seed.database(running, "leads"))
    await asyncio.to_thread(_interactions, seed.database(running, "interactions"))
    seconds = time.monotonic() - began
    figures.add("reports_fill_seconds", f"({LEADS:,} leads by SQL)", seconds, "s")
    async with Api(jobs.access(running.state)) as api:
        for key, (path, label, counted) in REPORTS.items():
            took = await _ask(api, f"{path}&{_YEAR}", counted)
            slowest = f"{label}, {LEADS:,} leads, slowest of {ASKED}"
            figures.add(f"report_{key}_seconds", slowest, max(took), "s", "≤ 2 s")


async def _ask(api: Api, path: str, counted: str) -> list[float]:
    """Return how long each answer took; raises `NotMeasured` for one that left somebody out."""
    took = []
    for _ in range(ASKED):
        began = time.perf_counter()
        found: Any = (await api.get(path))["total"]
        took.append(time.perf_counter() - began)
        if found[counted]["count"] != LEADS:
            raise jobs.NotMeasured(f"{path} counted {found[counted]['count']}")
    return took


def _leads(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        _fill(connection, "contacts", _CONTACTS)
        _fill(connection, "transactions", _TRANSACTIONS)
        connection.execute(_COSTS)


def _interactions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        _fill(connection, "contacts", _COPIES)
        _fill(connection, "follow_ups", _FOLLOW_UPS)
        _fill(connection, "interactions", _LOGGED)
        connection.execute(_DELIVERIES)
        connection.execute("VACUUM ANALYZE deliveries")


def _fill(connection: psycopg.Connection, table: str, statement: str) -> None:
    with seed.filling(connection, table):
        for start in range(0, LEADS, _SLICE):
            connection.execute(statement, {"first": start + 1, "last": start + _SLICE})


# Of the lead's number: its id, the same in both services; its main owner; when it was created.
_ID = """
    CAST(lpad(to_hex(1700000000000 + {0}), 12, '0') || '7' || substr(md5(({0})::text), 1, 3)
         || '8' || substr(md5(({0})::text), 4, 15) AS uuid)
"""
_OWNER = "CAST('01980000-0000-7000-8000-0000000010' || lpad((n %% 50)::text, 2, '0') AS uuid)"
_TIME = "timestamptz '2026-01-01' + n * interval '10 seconds'"
_NUMBERS = "FROM generate_series(CAST(%(first)s AS int), CAST(%(last)s AS int)) AS n"
# Three in ten are customers, of whom one in three by hand; one in ten is lost.
_CONTACTS = f"""
    INSERT INTO contacts (id, revision, kind, status, conversion, reference_code, display_name,
        sort_key, search_text, locale, time_zone, region, source_id, owner_ids, team_id,
        life_stage_id, passed_stage_ids, create_time, update_time)
    SELECT {_ID.format("n")}, 1, CASE WHEN n %% 10 < 3 THEN 2 ELSE 1 END,
        CASE WHEN n %% 10 < 3 THEN 4 WHEN n %% 10 = 3 THEN 5 ELSE 1 + n %% 3 END,
        CASE WHEN n %% 10 = 0 THEN 2 WHEN n %% 10 < 3 THEN 3 ELSE 1 END,
        'B' || n, 'Nguyễn Văn ' || n, 'nguyen' || n, ' nguyen van ' || n || ' ', 'vi',
        'Asia/Ho_Chi_Minh', 'vn', known.sources[1 + n %% 7],
        CASE WHEN n %% 20 = 0 THEN CAST(ARRAY[] AS uuid[])
             ELSE ARRAY[{_OWNER}] END,
        't' || n %% 10, known.stages[1 + n %% 3], known.stages[1:1 + n %% 3], {_TIME}, now()
    {_NUMBERS}, LATERAL (SELECT ARRAY(SELECT id FROM sources ORDER BY id LIMIT 6) AS sources,
        ARRAY(SELECT id FROM life_stages ORDER BY position) AS stages) AS known
"""  # noqa: S608 (our own words)
_TRANSACTIONS = f"""
    INSERT INTO transactions (id, system, external_id, type, contact_id, amount, currency, time,
        is_sale)
    SELECT gen_random_uuid(), 'pos', n::text, CASE WHEN n %% 20 = 0 THEN 4 ELSE 1 + n %% 2 END,
        {_ID.format("n - n %% 10 + n %% 3")}, 1000 + n %% 100000,
        CASE WHEN n %% 100 = 0 THEN 'USD' ELSE 'VND' END, {_TIME}, n %% 20 <> 0
    {_NUMBERS}
"""
_COSTS = """
    INSERT INTO source_costs (id, source_id, start_date, end_date, amount, currency, creator_id,
        create_time)
    SELECT gen_random_uuid(), id, '2026-01-01', '2026-04-01', 30000000, 'VND', 'bench', now()
    FROM sources
"""
_COPIES = f"""
    INSERT INTO contacts (id, revision, owner_ids, open_lead, lead_time)
    SELECT {_ID.format("n")}, 1, CASE WHEN n %% 20 = 0 THEN CAST(ARRAY[] AS uuid[])
        ELSE ARRAY[{_OWNER}] END, n %% 10 > 3, {_TIME}
    {_NUMBERS}
"""
# As many follow-ups, of a third of the leads; one in three leads has a line in the log. None is
# scheduled: they lie in the past, and the service would open them while it is measured.
_FOLLOW_UPS = f"""
    INSERT INTO follow_ups (id, title, type, status, contact_id, assignee_ids, start_time, end_time,
        time_zone, creator_id, close_time)
    SELECT gen_random_uuid(), 'Gọi lại', (ARRAY['call', 'sms', 'email', 'meeting'])[1 + n %% 4],
        (ARRAY['open', 'open', 'completed', 'cancelled'])[1 + n / 4 %% 4],
        {_ID.format("1 + n %% 333333")}, ARRAY[{_OWNER}],
        {_TIME}, {_TIME} + interval '30 minutes', 'Asia/Ho_Chi_Minh', 'bench', {_TIME}
    {_NUMBERS}
"""
_LOGGED = f"""
    INSERT INTO interactions (id, contact_id, kind, direction, result, start_time, duration, text,
        author_id)
    SELECT gen_random_uuid(), {_ID.format("n")},
        (ARRAY['call', 'visit', 'letter', 'web'])[1 + n %% 4],
        (ARRAY['outbound', 'inbound'])[1 + n / 4 %% 2],
        (ARRAY['reached', 'no_answer'])[1 + n / 8 %% 2], {_TIME}, interval '1 minute', '', 'bench'
    {_NUMBERS} WHERE n %% 3 = 0
"""
_DELIVERIES = """
    INSERT INTO deliveries (follow_up_id, contact_id, state, due_time, try_time)
    SELECT id, contact_id, 'sent', start_time, start_time FROM follow_ups
    WHERE type IN ('sms', 'email') AND status = 'completed'
"""
