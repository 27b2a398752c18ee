"""The table that the main job prints, with every sum written out."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from local.demo.api import Json
from local.demo.peers import Comparison

OUTCOMES = ("created", "updated", "skipped", "rejected")
STATES = (
    *("waiting", "handed_over", "deferred", "skipped", "cancelled", "expired"),
    *("in_doubt", "accepted", "delivered", "bounced", "failed", "abandoned"),
)


@dataclass(frozen=True)
class Sum:
    """A whole and its parts by name; it holds when the parts add up to the whole."""

    of: str
    whole: int
    parts: dict[str, int]

    @property
    def holds(self) -> bool:
        """Whether the parts add up."""
        return self.whole == sum(self.parts.values())

    def __str__(self) -> str:
        shown = {name: count for name, count in self.parts.items() if count} or self.parts
        return " + ".join(f"{count:,} {name}" for name, count in shown.items())


def ledger_sum(imported: Json) -> Sum:
    """Return imported rows = created + updated + skipped + rejected."""
    ledger = imported.get("ledger", {})
    return Sum("imported", ledger.get("rows", 0), {name: ledger.get(name, 0) for name in OUTCOMES})


def audience_sum(run: Json) -> Sum:
    """Return audience = excluded by reason + planned."""
    excluded = {e["reason"].lower().replace("_", " "): e["count"] for e in run.get("excluded", ())}
    return Sum("audience", run.get("audience", 0), {**excluded, "planned": run.get("planned", 0)})


def planned_sum(run: Json) -> Sum:
    """Return planned = sum of the message states."""
    counts = run.get("counts", {})
    parts = {name.replace("_", " "): counts.get(name, 0) for name in STATES}
    return Sum("planned", run.get("planned", 0), parts)


def show(console: Console, rows: Sequence[tuple[str, Sum]], peers: dict[str, Comparison]) -> None:
    """Print the sums and the comparison with the peers."""
    table = Table(title="Mekong · what happened", title_justify="left", show_lines=True)
    for heading in ("", "what", "count", "= sum of"):
        table.add_column(heading, justify="right" if heading == "count" else "left")
    for part, row in rows:
        verdict = "[green]✓[/]" if row.holds else "[red]✗[/]"
        table.add_row(part, row.of, f"{row.whole:,}", f"{row} {verdict}")
    for channel, found in peers.items():
        verdict = "[green]✓ id by id[/]" if found.agrees else "[red]✗[/]"
        told = (
            f"{found.taken:,} said sent · {found.missing} missing · "
            f"{found.doubled} doubled · {found.unexplained} unexplained {verdict}"
        )
        table.add_row(channel, "sandbox holds", f"{found.held:,}", told)
    console.print(table)
