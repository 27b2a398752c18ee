"""Start, rest, import, and both channels into the sandbox, which writes before it answers."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

from bench import jobs, meter, people
from bench.table import Figures
from local.demo import job
from local.demo.api import Api
from local.running import House, house

ROWS = 20_000
SETTLE_SECONDS = 3.0
IDLE_SECONDS = 5.0
WANTED = {"EMAIL": "≥ 500/s", "SMS": "≥ 1,000/s"}


def measure(home: Path, figures: Figures) -> None:
    """Measure what a person meets first."""
    file = home / "people.csv"
    people.write(file, ROWS)
    with house(home) as running:
        asyncio.run(_measure(running, file, figures))


async def _measure(running: House, file: Path, figures: Figures) -> None:
    state = running.state
    figures.add("cores", "processors", os.cpu_count() or 0, "")
    figures.add("start_seconds", "start to ready", state["started_seconds"], "s", "≤ 15 s")
    await asyncio.sleep(SETTLE_SECONDS)
    before = sum(meter.cpu_seconds(running).values())
    await asyncio.sleep(IDLE_SECONDS)
    idle = (sum(meter.cpu_seconds(running).values()) - before) / IDLE_SECONDS
    figures.add("idle_cpu_percent", "idle use of one processor, everything", idle * 100, "%")
    figures.add(
        "idle_rss_mb", "idle memory, everything", meter.proportional_mb(running), "MB", "≤ 1,500 MB"
    )
    async with Api(jobs.access(state)) as api:
        rate = await jobs.bring_in(api, file)
        figures.add("import_rows_per_second", "import", rate, "rows/s", "≥ 5,000/s")
        segment_id = await job.segment(api, file)
        transactional = jobs.Transactional(api)
        async with alongside(transactional.keep_asking()):
            await _send(running, api, "EMAIL", segment_id, figures)
        await _send(running, api, "SMS", segment_id, figures)
        waits = await transactional.seconds()
        figures.add(
            "transactional_p99_seconds",
            "transactional mail submitted, beside a small campaign, p99",
            jobs.percentile(waits, 0.99),
            "s",
            "≤ 1 s",
        )
    figures.peaks("basics", meter.peak_mb(running))


@contextlib.asynccontextmanager
async def alongside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do `work` until the block ends. Raises what it raised, once the block is over."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        (failed,) = await asyncio.gather(task, return_exceptions=True)
    if not isinstance(failed, asyncio.CancelledError):
        raise jobs.NotMeasured(f"transactional mails: {failed}")


async def _send(running: House, api: Api, channel: str, segment_id: str, figures: Figures) -> None:
    before = meter.cpu_seconds(running)
    sent = await jobs.send(api, channel, segment_id)
    word = channel.lower()
    figures.add(
        f"{word}_per_second",
        f"{word} end to end into the sandbox, {sent.planned:,}",
        sent.messages_per_second,
        "messages/s",
        WANTED[channel],
    )
    total = sum(meter.each_us(before, meter.cpu_seconds(running), sent.planned).values())
    figures.add(f"cpu_us_{word}_sandbox", f"CPU of one {word}, sandbox included", total, "µs")
