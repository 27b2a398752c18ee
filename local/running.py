"""A house of its own in a folder, as a child process: for tests and benchmarks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local.home import ROOT, Home, read_state

STOP_SECONDS = 60.0


class House:
    """A house that runs in `home`; what it says of itself is read anew at each question."""

    def __init__(self, home: Path, process: subprocess.Popen[str]) -> None:
        self.home = home
        self.process = process

    @property
    def state(self) -> dict[str, Any]:
        """The newest contents of its state file."""
        return read_state(self.home)

    def pid(self, instance: str) -> int | None:
        """The process id of `notifier`, `notifier-2`, `postgres` …; None between two lives."""
        pid: int | None = self.state["processes"][instance]["pid"]
        return pid

    def kill(self, instance: str) -> int:
        """Kill -9 one process and return the id it had; the house starts it again."""
        pid = self.pid(instance)
        if pid is None:
            raise ProcessLookupError(instance)
        os.kill(pid, signal.SIGKILL)
        return pid

    def change(self, instance: str, variables: Mapping[str, str]) -> None:
        """Lay `variables` over the environment of a process from its next start on; {} ends it."""
        Home(self.home, {}).change(instance, variables)

    def until(self, true: Callable[[dict[str, Any]], object], seconds: float) -> None:
        """Wait until `true` of its state. Raises TimeoutError, or RuntimeError when it ended."""
        deadline = time.monotonic() + seconds
        while not true(self.state):
            if self.process.poll() is not None:
                raise RuntimeError(f"the house ended with code {self.process.returncode}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"not so within {seconds:.0f} s")
            time.sleep(0.05)


@contextmanager
def house(home: Path, *options: str, ready_seconds: float = 120.0) -> Iterator[House]:
    """Run `python -m local up --home HOME OPTIONS` until the block ends, ready when it begins.

    Options are those of the command line: `--replicas notifier=2`,
    `--set notifier.lease_seconds=5`.
    What it says goes to `HOME/terminal.log`.
    """
    home.mkdir(parents=True, exist_ok=True)
    arguments: Sequence[str] = [sys.executable, "-m", "local", "up", "--home", str(home), *options]
    path = os.pathsep.join([str(ROOT), str(ROOT / "gen")])
    with (home / "terminal.log").open("a") as terminal:
        process = subprocess.Popen(
            arguments,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            stdout=terminal,
            stderr=terminal,
            text=True,
        )
    running = House(home, process)
    try:
        running.until(lambda s: s.get("ready") and s["pid"] == process.pid, ready_seconds)
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
