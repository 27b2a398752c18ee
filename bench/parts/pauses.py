"""How long after the answer to a pause the last mail arrives, at full speed and at 20 a second."""

import asyncio
import random
import time
from pathlib import Path

from bench import jobs, seed, sink
from bench.table import Figures
from local.demo.api import Api
from local.running import House, house

PEOPLE = 200_000
FEW = 20_000
SLOW = 20
# Quiet for so long, it is taken to be quiet; every tenth time the whole promise is waited out.
QUIET_SECONDS = 0.6
PROMISE_SECONDS = 2.5
LOOK_SECONDS = 0.01


def measure(home: Path, figures: Figures) -> None:
    """Pause a hundred times, and thirty times where the provider takes few."""
    program = sink.binary()
    if program is None:
        raise jobs.NotMeasured("smtp-sink is not installed")
    for key, label, people, times, options in (
        ("pause", "pause", PEOPLE, 100, ()),
        (
            "pause_slow",
            f"pause at {SLOW} mails/s",
            FEW,
            30,
            (f"--set=notifier.email_max_per_second={SLOW}",),
        ),
    ):
        folder = home / key
        folder.mkdir()
        with (
            sink.running(program, folder / "sink.counts") as mails,
            house(
                folder / "house", f"--set=notifier.smtp_url=smtp://{mails.address}", *options
            ) as running,
        ):
            late = asyncio.run(_measure(running, mails, people, times))
        figures.add(
            f"{key}_max_seconds",
            f"{label}: last mail after the answer, max of {times}",
            max(late),
            "s",
            "≤ 2 s",
        )


async def _measure(running: House, mails: sink.Sink, people: int, times: int) -> list[float]:
    dice = random.Random(1)
    async with Api(jobs.access(running.state)) as api:
        segment_id = (await seed.segments(running, api, [people]))[people]
        run_id, late = "", []
        for number in range(times):
            if not run_id or (await api.get(f"/runs/{run_id}"))["state"] != "SENDING":
                run_id = (await jobs.start(api, "EMAIL", segment_id))["id"]
                await jobs.planned(api, run_id)
            await _until_more(mails)
            await asyncio.sleep(dice.uniform(0, 0.4))
            run = await api.post(f"/runs/{run_id}:pause", {})
            if run["state"] != "PAUSED":
                continue
            wait = PROMISE_SECONDS if number % 10 == 0 else QUIET_SECONDS
            late.append(await _last(mails, time.monotonic(), wait))
            await api.post(f"/runs/{run_id}:resume", {})
        await api.post(f"/runs/{run_id}:cancel", {})
    return late


async def _until_more(mails: sink.Sink) -> None:
    before, deadline = mails.mails(), time.monotonic() + 60
    while mails.mails() <= before:
        if time.monotonic() > deadline:
            raise jobs.NotMeasured("nothing is sent")
        await asyncio.sleep(LOOK_SECONDS)


async def _last(mails: sink.Sink, answered: float, quiet: float) -> float:
    """Return how long after the answer the last mail came, 0 if none did."""
    known, last = mails.mails(), answered
    while (now := time.monotonic()) - last < quiet:
        if (found := mails.mails()) != known:
            known, last = found, now
        await asyncio.sleep(LOOK_SECONDS)
    return last - answered
