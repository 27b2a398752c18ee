"""What processes used, as the kernel counts it."""

import os
from collections.abc import Iterator
from pathlib import Path

from local.running import House

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")


def processes(house: House) -> dict[str, list[int]]:
    """Return the process ids by name of what the house runs, each with all its descendants."""
    state = house.state
    roots = {name: it["pid"] for name, it in state["processes"].items() if it["pid"]}
    parents = _parents()
    return {name: list(_tree(pid, parents)) for name, pid in roots.items()} | {
        "supervisor": [state["pid"]]
    }


def cpu_seconds(house: House) -> dict[str, float]:
    """Return the processor time used so far by name, with that of children that ended."""
    return {name: sum(map(_cpu, pids)) for name, pids in processes(house).items()}


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
