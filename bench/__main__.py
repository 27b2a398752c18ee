"""`python -m bench [--json FILE] [--rows N]`: measure the whole house once, from nothing."""

import argparse
import asyncio
import contextlib
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import jobs, meter, people, sink
from bench.table import Figures
from local.demo import job
from local.demo.api import Api
from local.home import ROOT
from local.running import House, house

ROWS = 20_000
MOST_SECONDS = 240.0
SETTLE_SECONDS = 3.0
IDLE_SECONDS = 5.0
WANTED = {"EMAIL": "≥ 500/s", "SMS": "≥ 1,000/s"}


def main(argv: list[str]) -> int:
    """Measure, print, write; 1 when something did not do what was to be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a flat object too")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"default {ROWS}")
    parser.add_argument("--home", type=Path, default=ROOT / ".local" / "bench")
    arguments = parser.parse_args(argv)
    shutil.rmtree(arguments.home, ignore_errors=True)
    arguments.home.mkdir(parents=True)
    people_file = arguments.home / "people.csv"
    people.write(people_file, arguments.rows)
    figures, console = Figures(), Console()
    deadline = time.monotonic() + MOST_SECONDS
    try:
        with house(arguments.home) as running:
            asyncio.run(_bounded(_measure(running, people_file, figures), deadline))
        _measure_sink(arguments.home, people_file, figures, deadline)
    except (jobs.NotMeasured, TimeoutError) as why:
        console.print(f"[red]not measured:[/] {str(why) or 'it took too long'}", highlight=False)
        return 1
    finally:
        figures.show(console)
    if arguments.json is not None:
        figures.write(arguments.json)
    return 0


async def _bounded(measuring: Awaitable[None], deadline: float) -> None:
    async with asyncio.timeout(deadline - time.monotonic()):
        await measuring


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
        transactional = jobs.Transactional(api, state["inbox_url"])
        async with _alongside(transactional.keep_asking()):
            sent = await _send(running, api, "EMAIL", segment_id, figures)
        figures.add(
            "plan_recipients_per_second", "plan", sent.plan_per_second, "people/s", "≥ 30,000/s"
        )
        await _send(running, api, "SMS", segment_id, figures)
        waits = await transactional.seconds()
        for part in (0.5, 0.99):
            figures.add(
                f"transactional_p{part * 100:.0f}_seconds",
                f"transactional mail during the campaign, p{part * 100:.0f}",
                jobs.percentile(waits, part),
                "s",
            )
    for name, peak in meter.peak_mb(running).items():
        figures.add(f"peak_mb_{_key(name)}", f"peak memory of {name}", peak, "MB")


@contextlib.asynccontextmanager
async def _alongside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do `work` until the block ends. Raises what it raised, once the block is over."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        (failed,) = await asyncio.gather(task, return_exceptions=True)
    if not isinstance(failed, asyncio.CancelledError):
        raise jobs.NotMeasured(f"transactional mails: {failed}")


async def _send(
    running: House, api: Api, channel: str, segment_id: str, figures: Figures
) -> jobs.Sent:
    before = meter.cpu_seconds(running)
    sent = await jobs.send(api, channel, segment_id)
    after, word = meter.cpu_seconds(running), channel.lower()
    figures.add(
        f"{word}_per_second",
        f"{channel.lower()} end to end, {sent.planned:,}",
        sent.messages_per_second,
        "messages/s",
        WANTED[channel],
    )
    total = 0.0
    for name, used in after.items():
        each = (used - before.get(name, 0.0)) * 1000 / sent.planned
        total += each
        label = f"CPU of {name} for 1,000 {word}"
        figures.add(f"cpu_seconds_per_1000_{word}_{_key(name)}", label, each, "s")
    figures.add(f"cpu_seconds_per_1000_{word}", f"CPU for 1,000 {word}", total, "s")
    return sent


def _measure_sink(home: Path, file: Path, figures: Figures, deadline: float) -> None:
    """Send the e-mails again, into a server that costs next to nothing."""
    program = sink.binary()
    if program is None:
        return
    with (
        sink.running(program) as address,
        house(home, "--set", f"notifier.smtp_url=smtp://{address}") as running,
    ):

        async def measure() -> None:
            async with Api(jobs.access(running.state)) as api:
                sent = await jobs.send(api, "EMAIL", await job.segment(api, file))
            figures.add(
                "email_smtp_sink_per_second",
                "email into smtp-sink",
                sent.messages_per_second,
                "messages/s",
                "≥ 2,000/s",
            )

        asyncio.run(_bounded(measure(), deadline))


def _key(name: str) -> str:
    return name.replace("-", "_")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
