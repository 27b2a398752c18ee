"""Runs the main job against a running house and prints the table that sums."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local.demo import job, peers, table, why
from local.demo.api import Access, Api, Refused

PEOPLE = Path(__file__).parent.parent / "data" / "people.csv"
LABELS = {"import": "Nhập từ tệp · import", "EMAIL": "E-mail", "SMS": "SMS"}


@dataclass(frozen=True)
class House:
    """Where a running house can be reached."""

    access: Access
    inbox_url: str


async def run(house: House, file: Path | None) -> int:
    """Do the main job with `file`, or with the invented people; 0 if everything holds.

    With the invented people each channel must also take exactly the number known beforehand.
    """
    console = Console()
    source = file or PEOPLE
    async with Api(house.access) as api:
        try:
            with _progress(console) as progress:
                done = await job.do(api, source, _teller(progress))
        except Refused as refusal:
            console.print(f"[red]refused:[/] {refusal}", highlight=False)
            return 1
        return await _report(console, api, house, done, file)


async def senders(house: House) -> dict[str, str]:
    """Return the ids of the senders of a house's own messages by setting; they are there then."""
    async with Api(house.access) as api:
        return await job.senders(api)


async def _report(
    console: Console, api: Api, house: House, done: job.Job, file: Path | None
) -> int:
    if done.imported["state"] == "FAILED":
        console.print(f"[red]the file was not imported:[/] {done.imported.get('failure')}")
        return 1
    sums = [("import", table.ledger_sum(done.imported))]
    found: dict[str, peers.Comparison] = {}
    await why.rows(api, done.imported, console, each=file is not None)
    for sending in done.sendings:
        if not sending.run:
            console.print(f"{sending.channel}: nobody to send to", highlight=False)
            continue
        sums.append((sending.channel, table.audience_sum(sending.run)))
        sums.append((sending.channel, table.planned_sum(sending.run)))
        await why.people(api, sending.channel, sending.run, console, each=file is not None)
        channel, run_id = sending.channel, sending.run["id"]
        found[channel] = await peers.check(api, house.inbox_url, channel, run_id)
    table.show(console, sums, found)
    wrong = [f"{part} {row.of} does not sum" for part, row in sums if not row.holds]
    wrong += [f"{name}: the sandbox disagrees" for name, seen in found.items() if not seen.agrees]
    wrong += _surprises(done) if file is None else []
    for line in wrong:
        console.print(f"[red]✗ {line}[/]", highlight=False)
    return 1 if wrong else 0


def _surprises(done: job.Job) -> list[str]:
    """Return what differs from the numbers known of the invented people."""
    known = json.loads((PEOPLE.parent / "people.expected.json").read_text("utf-8"))
    ledger = {name: done.imported["ledger"].get(name, 0) for name in known["import"]}
    wrong = [f"import: {ledger}, known {known['import']}"] if ledger != known["import"] else []
    for sending in done.sendings:
        want, run = known[sending.channel.lower()], sending.run
        excluded = {e["reason"]: e["count"] for e in run.get("excluded", ()) if e["count"]}
        counts = run.get("counts", {})
        got = {
            "audience": run.get("audience", 0),
            "planned": run.get("planned", 0),
            "excluded": excluded,
            "accepted": counts.get("accepted", 0) + counts.get("delivered", 0),
        }
        want = {**want, "accepted": want["planned"]}
        want["excluded"] = {reason: n for reason, n in want["excluded"].items() if n}
        if got != want:
            wrong.append(f"{sending.channel}: {got}, known {want}")
    return wrong


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


def _teller(progress: Progress) -> job.Tell:
    tasks = {name: progress.add_task(label, total=None) for name, label in LABELS.items()}

    def tell(name: str, done: int, total: int) -> None:
        progress.update(tasks[name], completed=done, total=total or None)

    return tell


def main(house: House, file: Path | None) -> int:
    """Run the main job to its end and return the exit code."""
    return asyncio.run(run(house, file))
