"""One house for all end-to-end tests: it does the main job, stops, and starts again."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.jobs import access
from local import running
from local.demo.api import Api
from local.home import ROOT
from services.accounts.usecases.keyring import Keyring
from tests import customers

DEMO_SECONDS = 240
TOLD = 5


@dataclass(frozen=True)
class Demo:
    """How the main job ended, when, and where its data is."""

    home: Path
    code: int
    output: str
    ended: datetime


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say beside what failed which processes of the house ended, and what went wrong in them."""
    report = yield
    home = getattr(item, "funcargs", {}).get("demo")
    if report.failed and home is not None:
        report.sections.append(("the house", "\n".join(_troubles(home.home))))
    return report


def _troubles(home: Path) -> list[str]:
    """Returns the last lines of the terminal and of each log's errors."""
    told: list[str] = []
    for terminal in home.glob("terminal.log"):  # there is none before the second start
        told += terminal.read_text(errors="replace").splitlines()[-TOLD:]
    for log in sorted((home / "logs").glob("*.log*")):
        lines = log.read_text(errors="replace").splitlines()
        wrong = [it for it in lines if '"level": "error"' in it or '"level": "critical"' in it]
        told += [f"{log.name}: {it}" for it in wrong[-TOLD:]]
    return told


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """`local demo` in an empty home, to its end."""
    home = tmp_path_factory.mktemp("house of e2e") / "home"
    done = subprocess.run(
        [sys.executable, "-m", "local", "demo", "--home", str(home)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "gen")])},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEMO_SECONDS,
        check=False,
    )
    return Demo(home, done.returncode, done.stdout, datetime.now(UTC))


@pytest.fixture(scope="session")
def house(demo: Demo) -> Iterator[running.House]:
    """The same home, started for the second time."""
    with running.house(demo.home) as house:
        yield house


@pytest.fixture(scope="session")
def keyring(house: running.House) -> Keyring:
    """The signing keys of the running house."""
    return customers.keyring(house)


@pytest.fixture
async def api(house: running.House) -> AsyncIterator[Api]:
    """The REST API as a program of the house calls it."""
    async with Api(access(house.state)) as api:
        yield api
