"""The figures: one table for people, one flat object for programs."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

# What costs less is not shown by itself.
_LEAST = 0.5


@dataclass(frozen=True)
class Figure:
    """One measured value; `wanted` is what the house promises itself, in words."""

    key: str
    label: str
    value: float
    unit: str
    wanted: str = ""

    @property
    def text(self) -> str:
        """The value as people read it."""
        if math.isnan(self.value):
            return "–"
        digits = 0 if abs(self.value) >= 100 else 2
        return f"{self.value:,.{digits}f} {self.unit}"


@dataclass
class Figures:
    """All that was measured, in the order it is shown."""

    all: list[Figure] = field(default_factory=list)

    def add(self, key: str, label: str, value: float, unit: str, wanted: str = "") -> None:
        """Add one figure."""
        self.all.append(Figure(key, label, value, unit, wanted))

    def each(self, key: str, label: str, microseconds: Mapping[str, float]) -> None:
        """Add the processor time of a message by whoever spent it, and the sum."""
        for name, value in microseconds.items():
            if value >= _LEAST:
                self.add(f"{key}_us_{_key(name)}", f"  {label}: {name}", value, "µs")
        self.add(f"{key}_us", f"CPU, {label}", sum(microseconds.values()), "µs")

    def peaks(self, key: str, megabytes: Mapping[str, float], wanted: str = "") -> None:
        """Add the most memory that the largest process of each name ever had."""
        for name, value in megabytes.items():
            self.add(
                f"{key}_peak_mb_{_key(name)}", f"  peak memory ({key}): {name}", value, "MB", wanted
            )

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(title="Mekong · benchmark", title_justify="left")
        table.add_column("what")
        table.add_column("figure", justify="right")
        table.add_column("wanted", justify="right")
        for it in self.all:
            table.add_row(it.label, it.text, it.wanted)
        console.print(table)

    def write(self, file: Path) -> None:
        """Write a flat JSON object; what could not be measured is left out."""
        flat = {it.key: round(it.value, 4) for it in self.all if math.isfinite(it.value)}
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(flat, indent=2) + "\n", encoding="utf-8")


def _key(name: str) -> str:
    return name.replace("-", "_")
