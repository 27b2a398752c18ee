"""The notifier ends like a power cut at the three places where an outcome can be lost.

Between "the provider took it" and the outcome, within the outcome's transaction, and between the
insert of a chunk and its acknowledgement. Each life of the process reaches one of them again.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from bench import people
from bench.jobs import access
from local import running
from local.demo.api import Api
from tests.faults.conftest import FIGURE, LEASE_SECONDS, WINDOWS, imported
from tests.faults.scene import Scene

PEOPLE = 600
# The nth time that a life of the process comes by.
POINTS = {"after_provider_took": 170, "before_outcome_commit": 12, "after_insert_before_ack": 2}
OPTIONS = {
    "notifier.fault_points": ",".join(f"{name}:{nth}" for name, nth in POINTS.items()),
    "notifier.lease_seconds": LEASE_SECONDS,
    "notifier.smtp_window": WINDOWS["EMAIL"],
    "notifier.smpp_window": WINDOWS["SMS"],
}


@pytest.fixture(scope="module")
def fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[running.House]:
    """A house whose notifier has fault points."""
    options = [f"--set={name}={value}" for name, value in OPTIONS.items()]
    with running.house(tmp_path_factory.mktemp("points") / "home", *options) as house:
        yield house


@pytest.fixture
async def fragile_scene(fragile: running.House) -> AsyncIterator[Scene]:
    """People in that house."""
    file = fragile.home / "people.csv"
    people.write(file, PEOPLE)
    segment_id = await imported(fragile, file)
    async with Api(access(fragile.state)) as api:
        yield Scene(fragile, api, segment_id, lambda _: None)


class TestFaultPoints:
    async def test_whatever_was_between_is_in_doubt_and_never_sent_twice(
        self, fragile_scene: Scene, record_property: Any
    ) -> None:
        scene = fragile_scene
        run_id = await scene.start("EMAIL")

        proof = await scene.proof(run_id, seconds=180.0)

        deaths = scene.house.state["processes"]["notifier"]["restarts"]
        assert deaths > 0, "no fault point was reached"
        assert 0 < proof.in_doubt <= WINDOWS["EMAIL"] * deaths
        assert proof.in_doubt_held > 0, "nothing was taken whose outcome was lost"
        record_property(FIGURE, f"{deaths} deaths at {', '.join(POINTS)}: {proof}")
