"""How long after the answer to a pause the last mail arrives, at full speed and at 20 a second."""

import asyncio
import contextlib
import random
import time
from pathlib import Path

from bench import jobs, seed
from bench.sink import Sink, house_with_sink
from bench.table import Figures
from local.demo.api import Api, Refused
from local.running import House

PEOPLE = 200_000
FEW = 20_000
SLOW = 20
# Quiet for so long, it is taken to be quiet; every tenth time the whole promise is waited out.
QUIET_SECONDS = 0.6
PROMISE_SECONDS = 2.5
LOOK_SECONDS = 0.01


def measure(home: Path, figures: Figures) -> None:
    """Pause a hundred times, and thirty times where the provider takes few."""
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
        with house_with_sink(home / key, *options) as (running, mails):
            late = asyncio.run(_measure(running, mails, people, times))
        figures.add(
            f"{key}_max_seconds",
            f"{label}: last mail after the answer, max of {times}",
            max(late),
            "s",
            "≤ 2 s",
        )


async def _measure(running: House, mails: Sink, people: int, times: int) -> list[float]:
    dice = random.Random(1)
    async with Api(jobs.access(running.state)) as api:
        segment_id = (await seed.segments(running, api, [people]))[people]
        run_id = await _started(api, segment_id)
        late: list[float] = []
        while len(late) < times:
            if not await _sends(api, run_id, mails):
                run_id = await _started(api, segment_id)
                continue
            await asyncio.sleep(dice.uniform(0, 0.4))
            try:
                await api.post(f"/runs/{run_id}:pause", {})
            except Refused:  # it ended just then
                continue
            wait = PROMISE_SECONDS if len(late) % 10 == 0 else QUIET_SECONDS
            late.append(await _last(mails, time.monotonic(), wait))
            await api.post(f"/runs/{run_id}:resume", {})
        with contextlib.suppress(Refused):  # it may have ended
            await api.post(f"/runs/{run_id}:cancel", {})
    return late


async def _started(api: Api, segment_id: str) -> str:
    run = await jobs.start(api, "EMAIL", segment_id)
    return str((await jobs.planned(api, run["id"]))["id"])


async def _sends(api: Api, run_id: str, mails: Sink) -> bool:
    """Wait until mails come; False if there are none left, as the run has ended."""
    before, deadline = mails.mails(), time.monotonic() + 60
    while mails.mails() <= before:
        if (await api.get(f"/runs/{run_id}"))["state"] != "SENDING":
            return False
        if time.monotonic() > deadline:
            raise jobs.NotMeasured("nothing is sent")
        await asyncio.sleep(LOOK_SECONDS)
    return True


async def _last(mails: Sink, answered: float, quiet: float) -> float:
    """Return how long after the answer the last mail came, 0 if none did."""
    known, last = mails.mails(), answered
    while (now := time.monotonic()) - last < quiet:
        if (found := mails.mails()) != known:
            known, last = found, now
        await asyncio.sleep(LOOK_SECONDS)
    return last - answered
