"""Claims and the page of a run's progress, with ten million messages in the notifier's tables."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from bench import jobs, meter, seed
from bench.table import Figures
from local.demo.api import Api
from local.running import House, house
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Kind, Run
from services.notifier.storage import claims, partitions

DAYS, A_DAY = 10, 1_000_000
PEOPLE = 1_000
CLAIMS, A_CLAIM = 400, 500
PAGES = 100


def measure(home: Path, figures: Figures) -> None:
    """Fill the tables by SQL and ask; no e-mail goes out, so that nobody else claims."""
    with house(home, "--set=notifier.smtp_url=") as running:
        asyncio.run(_measure(running, figures))
        figures.peaks("rows", meter.peak_mb(running))


async def _measure(running: House, figures: Figures) -> None:
    url = running.state["databases"]["notifier"]
    engine = create_async_engine(url)
    async with Api(jobs.access(running.state)) as api:
        segment_id = (await seed.segments(running, api, [PEOPLE]))[PEOPLE]
        run = await jobs.planned(api, (await jobs.start(api, "EMAIL", segment_id))["id"])
        began = time.monotonic()
        waiting = await _fill(engine, url, DAYS, A_DAY)
        seconds = time.monotonic() - began
        figures.add("rows_fill_seconds", f"({DAYS * A_DAY:,} messages by SQL)", seconds, "s")
        took = await _claims(engine, waiting)
        label = f"claim of {A_CLAIM} with {DAYS * A_DAY:,} messages, p99 of {len(took)}"
        figures.add("claim_p99_ms", label, jobs.percentile(took, 0.99) * 1e3, "ms", "≤ 25 ms")
        for key, label, path in (
            ("progress", "a run's progress", f"/runs/{run['id']}"),
            ("recipients", "a page of its recipients", f"/runs/{run['id']}/recipients"),
        ):
            pages = await _pages(api, path)
            p99 = jobs.percentile(pages, 0.99) * 1e3
            figures.add(f"page_{key}_p99_ms", f"{label}, p99 of {PAGES}", p99, "ms", "≤ 50 ms")
    await engine.dispose()


async def _fill(engine: AsyncEngine, url: str, days: int, a_day: int) -> Run:
    """Store so many messages of as many days, each of one run; return the last, which waits."""
    today = datetime.now(UTC).date()
    made = [_run(today - timedelta(days=days - 1 - number), a_day) for number in range(days)]
    for each in made:
        async with AsyncSession(engine) as session, session.begin():
            await partitions.create(session, each.run_date)
    await asyncio.to_thread(_insert, url.replace("+psycopg", ""), made)
    return made[-1]


def _insert(url: str, made: Sequence[Run]) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for each in made:
            waits = each is made[-1]
            given = {
                "run": each.run_id,
                "day": each.run_date,
                "people": each.last_seq,
                "state": int(State.QUEUED if waits else State.ACCEPTED),
                "attempts": 0 if waits else 1,
            }
            connection.execute(_RUN, given)
            connection.execute(_LINE, given)
            connection.execute(_MESSAGES, given)
        connection.execute("VACUUM ANALYZE messages")


def _run(day: date, people: int) -> Run:
    run_id = uuid4()
    kind = Kind(run_id, Channel.EMAIL, Purpose.CARE, run_id, run_id, "x")
    return Run(run_id, day, 1, "ACTIVE", Channel.EMAIL, 1, 0, None, (), kind, people)


async def _claims(engine: AsyncEngine, run: Run) -> list[float]:
    holder, took = claims.Holder("bench", 30.0), []
    for _ in range(CLAIMS):
        began = time.perf_counter()
        async with AsyncSession(engine) as session, session.begin():
            _, found = await claims.claim_run(session, run, A_CLAIM, holder)
        took.append(time.perf_counter() - began)
        if len(found) != A_CLAIM:
            raise jobs.NotMeasured(f"a claim had {len(found)} messages")
    return sorted(took)


async def _pages(api: Api, path: str) -> list[float]:
    took = []
    for _ in range(PAGES):
        began = time.perf_counter()
        await api.get(path)
        took.append(time.perf_counter() - began)
    return sorted(took)


_RUN = """
    INSERT INTO runs (run_id, run_date, epoch, state, channel, purpose, campaign_id, advertiser_id,
                      sender_identity_id, content_hash, last_seq)
    VALUES (%(run)s, %(day)s, 1, 'ACTIVE', 2, 2, %(run)s, %(run)s, %(run)s, 'x', %(people)s)
"""
_LINE = "INSERT INTO cursors (run_id) VALUES (%(run)s)"
_MESSAGES = """
    INSERT INTO messages (run_date, message_id, seq, run_id, contact_id, channel, purpose,
                          advertiser_id, address, address_key, time_zone, locale, values, state,
                          attempts)
    SELECT %(day)s, gen_random_uuid(), n, %(run)s, gen_random_uuid(), 2, 2, %(run)s,
           'khach.' || n || '@thu.example', 'khach.' || n || '@thu.example', 'Asia/Ho_Chi_Minh',
           'vi', ARRAY['Anh', 'An', 'Hà Nội'], %(state)s, %(attempts)s
    FROM generate_series(1, %(people)s) AS n
"""
