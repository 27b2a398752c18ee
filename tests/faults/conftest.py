"""One house for all fault tests, with short leases; figures are printed at the end.

`MEKONG_FAULTS=long` has more people and more rounds; `MEKONG_FAULTS_SEED` repeats a run.
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
from tests.faults.scene import Scene

LONG = os.environ.get("MEKONG_FAULTS") == "long"
SEED = int(os.environ.get("MEKONG_FAULTS_SEED", "0")) or secrets.randbelow(2**31)
PEOPLE = 20_000 if LONG else 600
ROUNDS = 20 if LONG else 1

LEASE_SECONDS = 5
WINDOWS = {"EMAIL": 64, "SMS": 100}  # attempts that one process may have open
OPTIONS = {
    "notifier.lease_seconds": LEASE_SECONDS,
    "notifier.smtp_final_seconds": 6,
    "notifier.smpp_response_seconds": 6,
    "notifier.smtp_window": WINDOWS["EMAIL"],
    "notifier.smpp_window": WINDOWS["SMS"],
    "campaigns.planner_lease_seconds": 2,
}
FIGURE = "figure"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is here, and let it take the time that processes need."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)
            item.add_marker(pytest.mark.timeout(3600 if LONG else 300))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was found, and how to find it again."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {value}"
        for report in terminalreporter.stats.get("passed", ())
        for name, value in report.user_properties
        if name == FIGURE
    ]
    if lines:
        terminalreporter.section(f"faults, seed {SEED}")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def dice() -> random.Random:
    """What decides when and whom to break."""
    return random.Random(SEED)


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.House]:
    """A house with two notifiers and two campaigns."""
    options = [f"--set={name}={value}" for name, value in OPTIONS.items()]
    replicas = ["--replicas=notifier=2", "--replicas=campaigns=2"]
    with running.house(tmp_path_factory.mktemp("faults") / "home", *replicas, *options) as house:
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
    house: running.House, segment_id: str, record_property: Any
) -> AsyncIterator[Scene]:
    """Campaigns in the house, whose processes a test may break; whole again afterwards."""
    async with Api(access(house.state)) as api:
        scene = Scene(house, api, segment_id, lambda line: record_property(FIGURE, line))
        yield scene
        await scene.whole()
