"""The folder of one installation: its data, secrets, logs, ports and the state others read."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.ports import Ports
from local.secrets import Secrets

ROOT = Path(__file__).resolve().parent.parent
KEPT_LOGS = 3


class Home:
    """`root` and what lies in it. Two checkouts, or two homes of one, share nothing."""

    def __init__(self, root: Path, environment: Mapping[str, str] = os.environ) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self.data = self.root / "data"
        self.logs = self.root / "logs"
        for folder in (self.data, self.logs):
            folder.mkdir(exist_ok=True)
        self.secrets = Secrets(self.root / "secrets")
        self.ports = Ports(self.root / "ports.json", environment)

    @property
    def state_file(self) -> Path:
        """Where a running house says its addresses and process ids, as JSON."""
        return self.root / "state.json"

    def lock(self) -> None:
        """Hold this home until the process ends. Raises SystemExit when another holds it."""
        # Held by the open file: the kernel gives it up with the process, however that ends.
        lock = os.open(self.root / "lock", os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = read_state(self.root).get("pid", "?")
            raise SystemExit(f"already running here: process {pid}, {self.root}") from None

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.logs / f"{name}.log"

    def changes(self, name: str) -> Path:
        """Return the file of what a process is told otherwise at its next start; most have none."""
        return self.root / "changes" / f"{name}.json"

    def change(self, name: str, variables: Mapping[str, str]) -> bool:
        """Lay `variables` over the environment of a process from its next start on; {} ends it.

        Returns False if that was so already.
        """
        file = self.changes(name)
        wanted = json.dumps(dict(variables))
        if file.exists() and file.read_text() == wanted:
            return False
        file.parent.mkdir(exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.write_text(wanted)
        fresh.replace(file)
        return True

    def rotate_log(self, name: str) -> None:
        """Put the log of the last run aside, and forget the oldest."""
        for age in range(KEPT_LOGS, 0, -1):
            older = self.logs / f"{name}.log.{age}"
            newer = self.logs / f"{name}.log.{age - 1}" if age > 1 else self.log(name)
            if newer.exists():
                newer.replace(older)

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state as a whole, so that a reader never sees half of it."""
        fresh = self.state_file.with_suffix(".new")
        fresh.touch(mode=0o600)  # it has the passwords of the databases
        fresh.write_text(json.dumps(state, indent=2))
        fresh.replace(self.state_file)


def read_state(root: Path) -> dict[str, Any]:
    """Return what the house of `root` last said of itself, {} when it never ran."""
    file = root / "state.json"
    found: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return found
