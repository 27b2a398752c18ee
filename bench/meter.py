"""What processes used, as the kernel counts it."""

import os
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from local.running import House

PROC = Path("/proc")
_STAGE = re.compile(r'^mekong_notifier_stage_seconds_total\{stage="(\w+)"\} (\S+)$', re.M)
TICK = os.sysconf("SC_CLK_TCK")


def processes(house: House) -> dict[str, list[int]]:
    """Return the process ids by name of what the house runs, each with all its descendants."""
    state = house.state
    roots = {name: it["pid"] for name, it in state["processes"].items() if it["pid"]}
    parents = _parents()
    return {name: list(_tree(pid, parents)) for name, pid in roots.items()} | {
        "supervisor": [state["pid"]]
    }


def cpu_seconds(house: House, **others: int) -> dict[str, float]:
    """Return the processor time used so far by name, with that of children that ended.

    `others` are processes outside the house, by name.
    """
    used = {name: sum(map(_cpu, pids)) for name, pids in processes(house).items()}
    return used | {name: _cpu(pid) for name, pid in others.items()}


def each_us(before: dict[str, float], after: dict[str, float], messages: int) -> dict[str, float]:
    """Return the processor time of a message by name, in microseconds."""
    return {name: (used - before.get(name, 0.0)) * 1e6 / messages for name, used in after.items()}


def stages(house: House) -> dict[str, float]:
    """Return the seconds that notifiers spent so far by stage of a message's way."""
    found: dict[str, float] = {}
    for name, process in house.state["processes"].items():
        if name.partition("-")[0] == "notifier":
            with urllib.request.urlopen(f"{process['http_url']}/metrics", timeout=5) as answer:  # noqa: S310
                for stage, seconds in _STAGE.findall(answer.read().decode()):
                    found[stage] = found.get(stage, 0.0) + float(seconds)
    return found


def proportional_mb(house: House) -> float:
    """Return the memory of everything, what is shared counted once, in MB."""
    return sum(_pss(pid) for pids in processes(house).values() for pid in pids) / 1024


def peak_mb(house: House) -> dict[str, float]:
    """Return by name the most memory that its largest process ever had, in MB."""
    return {
        name: max((_status(pid, "VmHWM") for pid in pids), default=0) / 1024
        for name, pids in processes(house).items()
    }


def _parents() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    return children


def _tree(pid: int, children: dict[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, ()):
        yield from _tree(child, children)


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the state on; [] when it has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _cpu(pid: int) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11:15])) / TICK if fields else 0.0


def _pss(pid: int) -> int:
    return _kilobytes(PROC / str(pid) / "smaps_rollup", "Pss")


def _status(pid: int, name: str) -> int:
    return _kilobytes(PROC / str(pid) / "status", name)


def _kilobytes(file: Path, name: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(it.split()[1]) for it in lines if it.startswith(f"{name}:")), 0)
