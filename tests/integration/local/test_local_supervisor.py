"""The supervisor with real PostgreSQL, NATS and sandbox, and stand-ins for the services."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from local import stale
from local.home import ROOT, read_state

STAND_IN = Path(__file__).with_name("stand_in.py")
PROGRAM = """
import asyncio, json, sys
from pathlib import Path
from local import supervisor
from local.services import Service
home, script, services, grace = sys.argv[1:]
options = supervisor.Options(
    Path(home),
    services=[Service(command=(script,), **service) for service in json.loads(services)],
    topology=("-c", ""),
    migrate=("-c", "import json, sys; [print(n, flush=True) for n in json.load(sys.stdin)]"),
    ready_seconds=30,
    grace_seconds=float(grace),
)
house = supervisor.Supervisor(options, supervisor.to_terminal)
sys.exit(asyncio.run(house.run()))
"""
TWO = [
    {"name": "alpha", "replicas": 2},
    {"name": "beta", "has_database": False, "peers": ["alpha"]},
]


class House:
    def __init__(self, home: Path, services: list[dict[str, Any]] = TWO, grace: float = 10) -> None:
        self.home = home
        arguments = [str(home), str(STAND_IN), json.dumps(services), str(grace)]
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def state(self) -> dict[str, Any]:
        return read_state(self.home)

    def pid(self, name: str) -> int | None:
        pid: int | None = self.state()["processes"][name]["pid"]
        return pid

    def ready(self) -> "House":
        eventually(lambda: self.state().get("ready") and self.state()["pid"] == self.process.pid)
        return self

    def stop(self, number: int = signal.SIGINT) -> str:
        """Returns what it said; its exit code is in `process`."""
        self.process.send_signal(number)
        return self.process.communicate(timeout=40)[1]


def eventually(true: Callable[[], object], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become so in time"
        time.sleep(0.05)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., House]]:
    started: list[House] = []

    def make(*arguments: Any, **named: Any) -> House:
        started.append(House(tmp_path / "a home", *arguments, **named))
        return started[-1]

    yield make
    for house in started:
        if house.process.poll() is None:
            house.stop()


class TestStart:
    def test_each_service_is_told_its_own_settings_only(self, start):
        house = start().ready()

        told = environment(house.pid("alpha-2"))
        assert told["MEKONG_INSTANCE"] == "alpha-2"
        assert told["MEKONG_HTTP_LISTEN"] in house.state()["processes"]["alpha-2"]["http_url"]
        with psycopg.connect(told["MEKONG_DATABASE_URL"].replace("+psycopg", "")) as connection:
            row = connection.execute("select current_user, current_database()").fetchone()
        assert row == ("alpha", "alpha")
        told = environment(house.pid("beta"))
        assert told["MEKONG_ALPHA_ADDRESS"] == house.state()["grpc"]["alpha"]
        assert "MEKONG_DATABASE_URL" not in told

    def test_one_that_cannot_live_ends_the_start_and_says_why(self, start):
        house = start([{"name": "alpha", "settings": {"broken": "1"}}])

        said = house.process.communicate(timeout=60)[1]

        assert house.process.returncode == 1
        assert "alpha is not ready" in said
        assert "MEKONG_BROKEN: unknown setting" in said
        assert not any(stale.started(it["pid"]) for it in house.state()["processes"].values())

    def test_a_second_house_in_the_same_home_is_refused(self, start):
        first = start().ready()

        second = start()
        said = second.process.communicate(timeout=20)[1]

        assert second.process.returncode == 1
        assert f"already running here: process {first.process.pid}" in said


class TestKeeping:
    @pytest.mark.parametrize("name", ["alpha-2", "sandbox", "nats", "postgres"])
    def test_what_was_killed_comes_back_and_the_terminal_says_so(self, start, name: str):
        house = start().ready()
        before = house.pid(name)
        assert before is not None

        os.kill(before, signal.SIGKILL)

        eventually(lambda: house.pid(name) not in (None, before))
        said = house.stop()
        assert f"{name} " in said
        assert "starting it again" in said


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_it_drains_the_services_and_leaves_nothing(self, start, number: int):
        house = start().ready()
        pids = [it["pid"] for it in house.state()["processes"].values()]

        house.stop(number)

        assert house.process.returncode == 0
        assert not any(stale.started(pid) for pid in pids)
        assert "alpha-2 drained" in (house.home / "logs" / "alpha-2.log").read_text()
        assert "database system is shut down" in (house.home / "logs" / "postgres.log").read_text()

    def test_one_that_does_not_end_is_killed_after_its_grace(self, start):
        house = start([{"name": "alpha", "settings": {"stubborn": "1"}}], grace=0.5).ready()

        said = house.stop()

        assert "alpha did not stop in" in said
        assert house.process.returncode == 0

    def test_a_second_signal_kills(self, start):
        house = start([{"name": "alpha", "settings": {"stubborn": "1"}}], grace=60).ready()
        pids = [it["pid"] for it in house.state()["processes"].values()]
        house.process.send_signal(signal.SIGINT)
        assert house.process.stderr is not None
        eventually(lambda: "stopping" in house.process.stderr.readline())

        house.stop()

        assert house.process.returncode == 130
        eventually(lambda: not any(stale.started(pid) for pid in pids))


class TestCrash:
    def test_children_die_with_it_and_the_next_start_finds_its_data(self, start):
        first = start().ready()
        url = environment(first.pid("alpha"))["MEKONG_DATABASE_URL"].replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table kept as select 42 as answer")
        processes = first.state()["processes"]
        addresses = {name: it["http_url"] for name, it in processes.items() if "http_url" in it}

        first.stop(signal.SIGKILL)
        second = start().ready()

        assert not any(stale.started(it["pid"]) == it["started"] for it in processes.values())
        with psycopg.connect(url) as connection:
            assert connection.execute("select answer from kept").fetchone() == (42,)
        found = second.state()["processes"]
        assert {name: found[name]["http_url"] for name in addresses} == addresses


def environment(pid: int | None) -> dict[str, str]:
    """Return what a process was told."""
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)
