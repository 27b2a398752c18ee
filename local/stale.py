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
    """End what the last run of this home left, and wait until it is gone."""
    left = [
        (int(process["pid"]), str(process["started"]))
        for name, process in read_state(home.root).get("processes", {}).items()
        # PostgreSQL was asked to shut down when its parent died, and its next start waits for it.
        if name != "postgres" and process["pid"] and process["started"]
    ]
    for pid, since in left:
        if started(pid) == since:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + END_SECONDS
    while any(started(pid) == since for pid, since in left) and time.monotonic() < deadline:
        time.sleep(0.02)
