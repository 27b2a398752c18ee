"""The list of leads among a million: for who sees everybody, a team's and their own alone."""

import asyncio
import time
from pathlib import Path
from typing import Any

import grpc
import psycopg
from crm.leads.v1 import contact_service_pb2, contact_service_pb2_grpc

from bench import jobs, meter, seed
from bench.signing import token
from bench.table import Figures
from local.running import House, house

LEADS = 1_000_000
PEOPLE, TEAMS = 199, 20
USERS, PAGES, TIMES = 10, 5, 6
_SLICE = 100_000
LEVELS = {"all": "everybody's", "team": "a team's and their own", "own": "their own"}


def measure(home: Path, figures: Figures) -> None:
    """Fill the table by SQL, and page through the list as users of three levels."""
    with house(home) as running:
        asyncio.run(_measure(running, figures))
        figures.peaks("rights", meter.peak_mb(running), "≤ 300 MB")


async def _measure(running: House, figures: Figures) -> None:
    began = time.monotonic()
    await asyncio.to_thread(_fill, seed.database(running, "leads"))
    seconds = time.monotonic() - began
    figures.add("rights_fill_seconds", f"({LEADS:,} leads by SQL)", seconds, "s")
    took = await _looks(running)
    p95 = {level: jobs.percentile(sorted(it), 0.95) * 1e3 for level, it in took.items()}
    for level, label in LEVELS.items():
        what = f"the list of leads for who sees {label}, p95 of {len(took[level])}"
        figures.add(f"leads_{level}_p95_ms", what, p95[level], "ms")
        if level != "all":
            ratio = p95[level] / p95["all"]
            figures.add(f"leads_{level}_ratio", "  … of everybody's", ratio, "times", "≤ 1.10")


async def _looks(running: House) -> dict[str, list[float]]:
    """Return the seconds of each page by level: users of each take turns."""
    took: dict[str, list[float]] = {level: [] for level in LEVELS}
    tokens = {
        (level, number): await token(running, "leads", _claims(level, number))
        for level in LEVELS
        for number in range(USERS)
    }
    async with grpc.aio.insecure_channel(running.state["grpc"]["leads"]) as channel:
        stub = contact_service_pb2_grpc.ContactServiceStub(channel)
        for turn in range(TIMES + 1):
            for (level, _), theirs in tokens.items():
                seconds = await _pages(stub, theirs)
                # The first turn fills caches, of which there is one for all.
                took[level] += seconds if turn else []
    return took


async def _pages(stub: contact_service_pb2_grpc.ContactServiceStub, theirs: str) -> list[float]:
    """Return how long each of the first pages took."""
    metadata = (("authorization", f"Bearer {theirs}"),)
    asked, took = contact_service_pb2.ListContactsRequest(page_size=50), []
    for _ in range(PAGES):
        began = time.perf_counter()
        call: Any = stub.ListContacts(asked, metadata=metadata)
        found = await call
        took.append(time.perf_counter() - began)
        if len(found.contacts) != asked.page_size:
            raise jobs.NotMeasured(f"a page had {len(found.contacts)} leads")
        asked.page_token = found.next_page_token
    return took


def _claims(level: str, number: int) -> dict[str, object]:
    return {
        "knd": "user",
        "sub": f"01980000-0000-7000-8000-{0x1000 + number:012x}",
        "team": f"01980000-0000-7000-8000-{0x2000 + number % TEAMS:012x}",
        "rights": {"contacts": {"read": level}},
    }


def _fill(url: str) -> None:
    given = {"people": PEOPLE, "teams": TEAMS}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ID)
        with seed.filling(connection, "contacts"):
            for start in range(0, LEADS, _SLICE):
                connection.execute(_CONTACTS, {**given, "first": start + 1, "last": start + _SLICE})


_ID = """
    CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN ('01980000-0000-7000-8000-00000000' || kind || lpad(to_hex(n), 3, '0'))::uuid
"""


# Of the lead's number: one in twenty is nobody's, and as many have a second owner; the team is
# that of the first.
_CONTACTS = """
    INSERT INTO contacts (id, revision, kind, status, conversion, reference_code, display_name,
        sort_key, search_text, locale, time_zone, region, owner_ids, team_id,
        create_time, update_time)
    SELECT gen_random_uuid(), 1, 1, 1 + n %% 3, 1, 'B' || n, 'Nguyễn Văn ' || n, 'nguyen' || n,
        ' nguyen van ' || n || ' ', 'vi', 'Asia/Ho_Chi_Minh', 'vn',
        CASE WHEN n %% 20 = 0 THEN CAST(ARRAY[] AS uuid[])
             WHEN n %% 20 = 1 THEN ARRAY[pg_temp.id('1', mine), pg_temp.id('1', other)]
             ELSE ARRAY[pg_temp.id('1', mine)] END,
        CASE WHEN n %% 20 = 0 THEN '' ELSE pg_temp.id('2', mine %% %(teams)s)::text END,
        timestamptz '2026-01-01' + n * interval '10 seconds', now()
    FROM (SELECT n, n * 7919 %% %(people)s AS mine, n * 104729 / 20 %% %(people)s AS other
          FROM generate_series(CAST(%(first)s AS bigint), CAST(%(last)s AS bigint)) AS n) AS leads
"""
