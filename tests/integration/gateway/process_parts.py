"""A gateway as a process, and questions to it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
SECONDS = 60.0


@dataclass
class Process:
    """A gateway that was started, and the files it writes to."""

    process: subprocess.Popen[bytes]
    log: Path
    public: str
    ops: str

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        return [json.loads(it) for it in self.log.read_text().splitlines() if it.startswith("{")]


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 (our own process)
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def until(condition: Callable[[], Any], what: str) -> Any:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        try:
            found = condition()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {SECONDS} seconds: {what}")


def environment(**given: str) -> dict[str, str]:
    names = ("LEADS", "INTERACTIONS", "CAMPAIGNS", "NOTIFIER", "ACCOUNTS")
    base = {name: text for name, text in os.environ.items() if not name.startswith("MEKONG_")}
    return {
        **base,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'gen'}",
        "MEKONG_SEAL_KEY": "0123456789abcdef0123456789abcdef",
        "MEKONG_CLIENT_SECRET": "secret",
        "MEKONG_ISSUER_URL": "http://127.0.0.1:1",
        **{f"MEKONG_{name}_ADDRESS": "127.0.0.1:1" for name in names},
        **given,
    }


@contextmanager
def started(folder: Path, **settings: str) -> Iterator[Process]:
    """Run a gateway whose peers are away for the length of a block."""
    public, ops = (f"127.0.0.1:{free_port()}" for _ in range(2))
    log = folder / "gateway.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.gateway"],
            cwd=ROOT,
            env=environment(MEKONG_LISTEN=public, MEKONG_HTTP_LISTEN=ops, **settings),
            stderr=stderr,
        )
    made = Process(process, log, f"http://{public}", f"http://{ops}")
    until(lambda: get(f"{made.ops}/readyz")[0] == 200, "ready")
    yield made
    if process.poll() is None:
        process.terminate()
    process.wait(SECONDS)
