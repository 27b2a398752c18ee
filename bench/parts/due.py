"""Messages of follow-ups that fall due in the same minute: how soon they are handed over."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from bench import jobs, meter, seed
from bench.sink import Sink, house_with_sink
from bench.table import Figures
from local.demo import job
from local.demo.api import Api
from local.running import House

MESSAGES, A_FOLLOW_UP, SINGLE, AT_ONCE = 50_000, 1_000, 1_000, 4
# So long after the last was planned they fall due.
AHEAD_SECONDS = 20.0
PLANNING_SECONDS = 180.0
LONGEST_SECONDS = 900.0


def measure(home: Path, figures: Figures) -> None:
    """Plan them through the REST API, and wait until all are handed over and then sent."""
    with house_with_sink(home) as (running, mails):
        asyncio.run(_measure(running, mails, figures))
        figures.peaks("due", meter.peak_mb(running), "≤ 300 MB")


async def _measure(running: House, mails: Sink, figures: Figures) -> None:
    async with Api(jobs.access(running.state)) as api:
        await seed.segments(running, api, [MESSAGES])
        due = datetime.now(UTC) + timedelta(seconds=PLANNING_SECONDS)
        await _planned(api, due)
        late = (datetime.now(UTC) - due).total_seconds() + AHEAD_SECONDS
        if late > 0:
            raise jobs.NotMeasured(f"they were planned {late:.0f} s too late")
        await asyncio.sleep((due - datetime.now(UTC)).total_seconds())
        before = meter.cpu_seconds(running, sink=mails.pid)
        seconds, sent_seconds = await asyncio.to_thread(_wait, running)
        each = meter.each_us(before, meter.cpu_seconds(running, sink=mails.pid), MESSAGES)
    if mails.mails() != MESSAGES:
        raise jobs.NotMeasured(f"the sink saw {mails.mails():,} mails")
    label = f"{MESSAGES:,} messages of follow-ups of one minute handed over"
    figures.add("due_seconds", label, seconds, "s", "≤ 30 s")
    figures.add("due_sent_seconds", "… and each sent, once", sent_seconds, "s")
    figures.each("due", "a message of a follow-up", each)


async def _planned(api: Api, due: datetime) -> None:
    people = [it["id"] async for it in api.every("/contacts", "contacts")][:MESSAGES]
    groups = [people[at : at + A_FOLLOW_UP] for at in range(SINGLE, MESSAGES, A_FOLLOW_UP)]
    groups += [[it] for it in people[:SINGLE]]
    sender = await job.sender(api, "EMAIL")

    async def plan_each(mine: Sequence[Sequence[str]]) -> None:
        for group in mine:
            await jobs.follow_up(api, sender, group, due, f"Benchmark {uuid.uuid4()}")

    await asyncio.gather(*(plan_each(groups[at::AT_ONCE]) for at in range(AT_ONCE)))


def _wait(running: House) -> tuple[float, float]:
    """Return how long it took from now until all were handed over, and until all were sent."""
    began, handed_over = time.monotonic(), 0.0
    with psycopg.connect(seed.database(running, "interactions"), autocommit=True) as connection:
        while True:
            passed = time.monotonic() - began
            if not handed_over and not seed.number(
                connection, "SELECT count(*) FROM deliveries WHERE state = 'waiting'"
            ):
                handed_over = passed
            states = connection.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
            found: dict[str, int] = dict(states.fetchall())
            if found.get("sent", 0) + found.get("delivered", 0) == MESSAGES:
                return handed_over, passed
            if passed > LONGEST_SECONDS:
                raise jobs.NotMeasured(f"they stand at {found}")
            time.sleep(jobs.ASK_SECONDS)
