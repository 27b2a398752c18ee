"""The gateway as a process: it starts without its peers, answers probes, and stops gracefully."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Process]:
    public, ops = (f"127.0.0.1:{free_port()}" for _ in range(2))
    log = tmp_path / "gateway.log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.gateway"],
            cwd=ROOT,
            env=environment(MEKONG_LISTEN=public, MEKONG_HTTP_LISTEN=ops),
            stderr=stderr,
        )
    made = Process(process, log, f"http://{public}", f"http://{ops}")
    until(lambda: get(f"{made.ops}/readyz")[0] == 200, "ready")
    yield made
    if process.poll() is None:
        process.terminate()
    process.wait(SECONDS)


class TestProcess:
    def test_it_answers_although_no_peer_does(self, running: Process) -> None:
        live, ready = get(f"{running.ops}/livez"), get(f"{running.ops}/readyz")
        document = get(f"{running.public}/api/v1/openapi.json")
        missing = get(f"{running.public}/u/token")

        assert live == (200, "ok\n")
        assert json.loads(ready[1])["peers"]["leads"] == "not asked yet"
        assert document[0] == 200
        assert missing[0] == 503
        assert "mekong_http_handled_total" in get(f"{running.ops}/metrics")[1]

    def test_the_probes_are_not_for_the_public(self, running: Process) -> None:
        for path in ("/metrics", "/readyz", "/livez"):
            assert get(f"{running.public}{path}")[0] == 404

    def test_it_stops_by_sigterm_without_error(self, running: Process) -> None:
        get(f"{running.public}/api/docs")

        running.process.send_signal(signal.SIGTERM)

        assert running.process.wait(SECONDS) == 0
        events = [line["event"] for line in running.lines()]
        assert events[-1] == "stopped"
        assert {"listening", "started", "request"} <= set(events)

    def test_a_killed_serving_process_is_started_again(self, running: Process) -> None:
        started = [line for line in running.lines() if line["event"] == "started"]
        children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children")
        worker = int(children.read_text().split()[0])

        os.kill(worker, signal.SIGKILL)

        def again() -> bool:
            return len([it for it in running.lines() if it["event"] == "started"]) > len(started)

        until(again, "started again")
        assert until(lambda: get(f"{running.public}/api/docs")[0] == 200, "answers again")


class TestCommand:
    def run(self, *arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "services.gateway", *arguments],
            cwd=ROOT,
            env=environment(**given),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def test_settings_are_a_table(self) -> None:
        shown = self.run("settings")

        assert shown.returncode == 0
        assert "| `MEKONG_PUBLIC_URL` |" in shown.stdout

    def test_an_unknown_setting_is_refused_by_name(self) -> None:
        refused = self.run(MEKONG_NATS_URL="nats://x")

        assert refused.returncode == 2
        assert "MEKONG_NATS_URL: unknown setting" in refused.stderr

    def test_migrating_is_nothing_to_do(self) -> None:
        assert self.run("migrate").returncode == 0
