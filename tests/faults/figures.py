"""What a run of fault tests found, as one table by guarantee."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Tell = Callable[[str, str], None]

FIGURE = "figure"
NAMES = {
    "G1": "nothing accepted is lost",
    "G2": "nothing is sent twice",
    "G3": "what is in doubt is counted, and settled",
    "G4": "pause",
    "G5": "unsubscribe, withdrawal, suppression",
    "G6": "a killed worker's work resumes",
    "G7": "rolling restart",
    "G8": "broker down or full",
    "G9": "database restart",
    "G10": "events once, in any order",
    "G11": "poison",
    "G12": "partition",
    "G13": "clocks",
    "G14": "caps and hours",
    "G15": "the same key, the same answer",
    "G16": "backup and restore",
    "S5": "a large campaign, all at once",
}


def teller(record_property: Callable[[str, object], None]) -> Tell:
    """Return how a test keeps a figure of a guarantee."""

    def tell(guarantee: str, figure: str) -> None:
        if guarantee not in NAMES:
            raise ValueError(guarantee)
        record_property(FIGURE, (guarantee, figure))

    return tell


def lines(stats: Mapping[str, Sequence[Any]]) -> list[str]:
    """Return the lines of the table: each guarantee, its figures, and the tests that failed."""
    found: dict[str, list[str]] = {}
    for report in stats.get("passed", ()):
        for name, value in report.user_properties:
            if name == FIGURE:
                guarantee, figure = value
                found.setdefault(guarantee, []).append(f"{_test(report)}: {figure}")
    if not found:
        return []
    broken = [
        f"NOT KEPT  {_test(report)}"
        for outcome in ("failed", "error")
        for report in stats.get(outcome, ())
    ]
    table = []
    for guarantee, title in NAMES.items():
        table.append(
            f"{guarantee:<4}{title}{'' if guarantee in found else ': not shown in this run'}"
        )
        table += [f"      {it}" for it in found.get(guarantee, ())]
    return table + broken


def _test(report: Any) -> str:
    *_, owner, name = f"::{report.nodeid}".split("::")
    return f"{owner.removeprefix('Test')}.{name.removeprefix('test_')}"
