"""A run to a million: its plan, its cost beside that of small ones, and what it leaves others."""

import asyncio
import time
from pathlib import Path

from bench import jobs, meter, seed
from bench.parts.basics import alongside
from bench.sink import Sink, house_with_sink
from bench.table import Figures
from local.demo.api import Api, Json
from local.running import House

SIZES = (10_000, 100_000, 1_000_000)
WARM = 2_000
# The million is looked at for so long while it is sent, and then cancelled.
LOOK_SECONDS = 60.0
NAMES = {10_000: "10k", 100_000: "100k", 1_000_000: "1m"}


def measure(home: Path, figures: Figures) -> None:
    """Plan and send to ten thousand, a hundred thousand and a million."""
    with house_with_sink(home) as (running, mails):
        asyncio.run(_measure(running, mails, figures))
        figures.peaks("big", meter.peak_mb(running), "≤ 300 MB")


async def _measure(running: House, mails: Sink, figures: Figures) -> None:
    async with Api(jobs.access(running.state)) as api:
        began = time.monotonic()
        segments = await seed.segments(running, api, [WARM, *SIZES])
        seconds = time.monotonic() - began
        figures.add("seed_seconds", "(1,000,000 people put into leads by SQL)", seconds, "s")
        await jobs.send(api, "EMAIL", segments[WARM])
        for size in SIZES[:-1]:
            run = await _planned(running, api, segments[size], size, figures)
            before, taken = meter.cpu_seconds(running, sink=mails.pid), jobs.taken(run)
            run = await jobs.ended(api, run["id"])
            jobs.result(run)
            _cost(running, mails, before, jobs.taken(run) - taken, size, figures)
        await _million(running, api, mails, segments[SIZES[-1]], figures)


async def _million(
    running: House, api: Api, mails: Sink, segment_id: str, figures: Figures
) -> None:
    run = await _planned(running, api, segment_id, SIZES[-1], figures)
    figures.peaks("plan_1m", meter.peak_mb(running), "≤ 300 MB")
    await asyncio.sleep(1)
    transactional = jobs.Transactional(api)
    before, first, began = _now(running, mails), await api.get(f"/runs/{run['id']}"), time.time()
    async with alongside(transactional.keep_asking()):
        await asyncio.sleep(LOOK_SECONDS)
    last, seconds = await api.get(f"/runs/{run['id']}"), time.time() - began
    sent = jobs.taken(last) - jobs.taken(first)
    if not sent:
        raise jobs.NotMeasured("nothing of the million was sent")
    _cost(running, mails, before, sent, SIZES[-1], figures)
    figures.add("email_of_1m_per_second", "e-mail of the million", sent / seconds, "messages/s")
    await api.post(f"/runs/{run['id']}:pause", {})
    waits = await transactional.seconds()
    await api.post(f"/runs/{run['id']}:cancel", {})
    figures.add(
        "transactional_big_p99_seconds",
        f"transactional mail submitted, during the million, p99 of {len(waits)}",
        jobs.percentile(waits, 0.99),
        "s",
        "≤ 1 s",
    )


async def _planned(running: House, api: Api, segment_id: str, size: int, figures: Figures) -> Json:
    before = meter.cpu_seconds(running)
    run = await jobs.start(api, "EMAIL", segment_id, purpose="MARKETING")
    run = await jobs.planned(api, run["id"])
    after, seconds = meter.cpu_seconds(running), jobs.plan_seconds(run)
    wanted = "≤ 12 s" if size == SIZES[-1] else ""
    figures.add(f"plan_{NAMES[size]}_seconds", f"plan of {size:,}", seconds, "s", wanted)
    each = meter.each_us(before, after, size)
    figures.add(
        f"plan_{NAMES[size]}_us", f"CPU of planning one of {size:,}", sum(each.values()), "µs"
    )
    if size == SIZES[-1]:
        figures.each("plan_1m", "planning one of the million", each)
    return run


def _now(running: House, mails: Sink) -> dict[str, float]:
    return meter.cpu_seconds(running, sink=mails.pid)


def _cost(
    running: House,
    mails: Sink,
    before: dict[str, float],
    sent: int,
    size: int,
    figures: Figures,
) -> None:
    each = meter.each_us(before, _now(running, mails), sent)
    label = f"CPU of sending one of {size:,}"
    figures.add(f"send_{NAMES[size]}_us", label, sum(each.values()), "µs", "the same for all")
