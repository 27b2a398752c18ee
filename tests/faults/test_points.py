"""The notifier ends like a power cut at the three places where an outcome can be lost.

Between "the provider took it" and the outcome, within the outcome's transaction, and between the
insert of a chunk and its acknowledgement. Each life of the process reaches one of them again.
"""

import random
from collections.abc import AsyncIterator

import pytest

from tests.faults.conftest import WINDOWS
from tests.faults.scene import Scene

NOTIFIERS = ("notifier", "notifier-2")
# The nth time that a life of the process comes by.
POINTS = {
    "after_provider_took": (60, 170),
    "before_outcome_commit": (4, 12),
    "after_insert_before_ack": (1, 1),
}


@pytest.fixture
async def fragile(scene: Scene, dice: random.Random) -> AsyncIterator[Scene]:
    """The house with notifiers that end like a power cut, until the test is over."""
    points = ",".join(f"{name}:{dice.randint(*nth)}" for name, nth in POINTS.items())
    for name in NOTIFIERS:
        scene.house.change(name, {"MEKONG_FAULT_POINTS": points})
    await scene.reborn(*NOTIFIERS)
    yield scene
    for name in NOTIFIERS:
        scene.house.change(name, {})
    await scene.reborn(*NOTIFIERS)


class TestFaultPoints:
    async def test_whatever_was_between_is_in_doubt_and_never_sent_twice(
        self, fragile: Scene
    ) -> None:
        scene = fragile
        before = scene.restarts(*NOTIFIERS)
        run_id = await scene.start("EMAIL")

        # A chunk that was with eight lives as they ended comes again when campaigns asks for it.
        proof = await scene.proof(run_id, seconds=600.0)

        await scene.whole()  # a life counts when the next has begun
        deaths = scene.restarts(*NOTIFIERS) - before
        assert deaths > 0, "no fault point was reached"
        assert 0 < proof.in_doubt <= WINDOWS["EMAIL"] * deaths
        assert proof.in_doubt_held > 0, "nothing was taken whose outcome was lost"
        scene.tell("G2", f"{deaths} deaths at {', '.join(POINTS)}: {proof}")
