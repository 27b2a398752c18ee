"""Processes that a killed supervisor left behind."""

import contextlib
import os
import signal
import time
from pathlib import Path

from local.home import Home, read_state

END_SECONDS = 20.0


def started(pid: int | None) -> str:
    """Return when a process began, in ticks since boot; "" if it is gone.

    Process ids are given again; together with this they name one process for ever.
    """
    if pid is None:
        return ""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] == "Z" else fields[19]


def end(home: Home) -> None:
    """End what the last run of this home left, and wait until it is gone, its ports free again."""
    left = [
        # PostgreSQL writes its data before it ends; the others keep everything on disk anyway.
        (int(it["pid"]), it["started"], signal.SIGINT if name == "postgres" else signal.SIGKILL)
        for name, it in read_state(home.root).get("processes", {}).items()
        if it["pid"] and it["started"]
    ]
    for pid, since, how in left:
        if started(pid) == since:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
    deadline = time.monotonic() + END_SECONDS
    while any(started(pid) == since for pid, since, _ in left) and time.monotonic() < deadline:
        time.sleep(0.02)
