"""Two notifiers beside one another against one alone, over the same people."""

import asyncio
from pathlib import Path

from bench import jobs, meter, seed
from bench.sink import Sink, house_with_sink
from bench.table import Figures
from local.demo.api import Api
from local.running import House

PEOPLE = 100_000
WARM = 5_000


def measure(home: Path, figures: Figures) -> None:
    """Send with one notifier and with two; the sink counts what it is given twice."""
    rates = {}
    for notifiers in (1, 2):
        replicas = f"--replicas=notifier={notifiers}"
        with house_with_sink(home / str(notifiers), replicas) as (running, mails):
            rates[notifiers] = asyncio.run(_measure(running, mails, notifiers, figures))
            figures.peaks(f"notifiers_{notifiers}", meter.peak_mb(running))
    figures.add(
        "two_notifiers_ratio", "two notifiers against one", rates[2] / rates[1], "times", "≥ 1"
    )


async def _measure(running: House, mails: Sink, notifiers: int, figures: Figures) -> float:
    async with Api(jobs.access(running.state)) as api:
        segments = await seed.segments(running, api, [WARM, PEOPLE])
        await jobs.send(api, "EMAIL", segments[WARM])
        before = mails.mails()
        sent = await jobs.send(api, "EMAIL", segments[PEOPLE], purpose="MARKETING")
    key, many = f"notifiers_{notifiers}", f"{notifiers} notifier{'s' * (notifiers > 1)}"
    figures.add(f"{key}_per_second", f"e-mail with {many}", sent.messages_per_second, "messages/s")
    double = mails.mails() - before - sent.planned
    figures.add(f"{key}_doubled", f"mails too many with {many}", double, "", "0")
    return sent.messages_per_second
