"""Why rows of a file were not taken and people of an audience got no message."""

from collections import Counter

from rich.console import Console

from local.demo.api import Api, Json

MOST = 40


async def rows(api: Api, imported: Json, console: Console, *, each: bool) -> None:
    """Print the reasons of skipped and rejected rows, and each row where there are few."""
    reasons: Counter[tuple[str, str]] = Counter()
    lines: list[str] = []
    for outcome in ("SKIPPED", "REJECTED"):
        path = f"/imports/{imported['id']}/rows"
        async for row in api.every(path, "rows", outcome=outcome):
            reasons[outcome, row.get("reason", "")] += 1
            where = f" {row['field']}" if row.get("field") else ""
            detail = f": {row['detail']}" if row.get("detail") else ""
            lines.append(
                f"  row {row['number']} {outcome.lower()}{where} · {row['reason']}{detail}"
            )
    for (outcome, reason), count in sorted(reasons.items()):
        console.print(f"{count:,} rows {outcome.lower()}: {reason}", highlight=False)
    _few(console, lines, each=each)


async def people(api: Api, channel: str, run: Json, console: Console, *, each: bool) -> None:
    """Print why people of a run were left out or not reached."""
    lines: list[str] = []
    for state in ("EXCLUDED", "SKIPPED", "FAILED", "IN_DOUBT", "ABANDONED"):
        path = f"/runs/{run['id']}/recipients"
        async for recipient in api.every(path, "recipients", states=state):
            reason = recipient.get("reason") or state
            lines.append(f"  contact {recipient['contact_id']} {state.lower()} · {reason}")
    if lines:
        console.print(f"{channel}: {len(lines):,} people got no message", highlight=False)
        _few(console, lines, each=each)


def _few(console: Console, lines: list[str], *, each: bool) -> None:
    if not each:
        return
    for line in lines[:MOST]:
        console.print(line, highlight=False, markup=False)
    if len(lines) > MOST:
        console.print(f"  … and {len(lines) - MOST:,} more, in the ledger", highlight=False)
