"""One house for the fault tests, with short leases and a proxy between any two of its parts.

`MEKONG_FAULTS=long` has more people and more rounds; `MEKONG_FAULTS_SEED` repeats a run. What was
found is one table at the end, by guarantee.
"""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench import people
from bench.jobs import access, silent
from local import running
from local.demo import job
from local.demo.api import Api
from tests.faults import figures, wiring
from tests.faults.proxy import Proxies
from tests.faults.scene import Scene

LONG = os.environ.get("MEKONG_FAULTS") == "long"
# Kept in the environment, so that all workers of pytest-xdist have the same.
SEED = int(os.environ.setdefault("MEKONG_FAULTS_SEED", str(secrets.randbelow(2**31))))
only_long = pytest.mark.skipif(not LONG, reason="make faults runs it")
PEOPLE = 2_000 if LONG else 400
PER_SECOND = 400 if LONG else 120  # slow enough that there is a middle to break something in
ROUNDS = 2 if LONG else 1

REPLICATED = ("notifier", "campaigns", "leads", "interactions", "gateway")
LEASE_SECONDS = 5
WINDOWS = {"EMAIL": 64, "SMS": 100}  # attempts that one process may have open
OPTIONS = {
    "notifier.lease_seconds": LEASE_SECONDS,
    "notifier.smtp_command_seconds": 3,
    "notifier.smtp_final_seconds": 6,
    "notifier.smpp_response_seconds": 6,
    "notifier.smtp_window": WINDOWS["EMAIL"],
    "notifier.smpp_window": WINDOWS["SMS"],
    "campaigns.planner_lease_seconds": 2,
    "interactions.lease_seconds": 2,
    "interactions.retry_seconds": 0.5,
    "campaigns.silence_seconds": 30,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, and let it take the time that processes need."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(3600 if LONG else 300))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was found, and how to find it again."""
    lines = figures.lines(terminalreporter.stats)
    if lines:
        terminalreporter.section(f"guarantees, {'long' if LONG else 'short'} form, seed {SEED}")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """What decides when and whom to break: a row of its own for each test of a seed."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture
def tell(record_property: Any) -> figures.Tell:
    """Keep a figure of a guarantee for the end of the run: `tell("G2", "0 doubled")`."""
    return figures.teller(record_property)


@pytest.fixture(scope="session")
def proxies() -> Iterator[Proxies]:
    """The proxies of the house, by `who>whom`."""
    with Proxies() as proxies:
        yield proxies


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory, proxies: Proxies) -> Iterator[running.House]:
    """A house with two of every service that a campaign passes."""
    home = tmp_path_factory.mktemp("faults") / "home"
    given = [f"{name}={value}" for name, value in OPTIONS.items()]
    options = [f"--set={it}" for it in (*given, *wiring.settings(home, proxies))]
    replicas = [f"--replicas={name}=2" for name in REPLICATED]
    with running.house(home, "--longest-pause=0.5", *replicas, *options) as house:
        wiring.check(home, proxies)
        yield house


@pytest.fixture(scope="session")
def segment_id(house: running.House) -> str:
    """A segment of everybody, who were imported for it."""
    file = house.home / "people.csv"
    people.write(file, PEOPLE)
    return asyncio.run(imported(house, file))


async def imported(house: running.House, file: Path) -> str:
    """Import a file and return the id of the segment of its people."""
    async with Api(access(house.state)) as api:
        done = await job.bring_in(api, file, silent, dry_run=False)
        assert done["state"] == "COMPLETED", done
        return await job.segment(api, file)


@pytest.fixture
async def scene(
    house: running.House, proxies: Proxies, segment_id: str, tell: figures.Tell
) -> AsyncIterator[Scene]:
    """Campaigns in the house, whose processes a test may break; whole again afterwards."""
    async with Api(access(house.state)) as api:
        scene = Scene(house, api, segment_id, tell, proxies)
        yield scene
        proxies.clear()
        await scene.mail_behaves()
        await scene.whole()
