"""A campaign of 20,000 while anything may be killed at any moment; only in the long form."""

import asyncio
import random

import pytest

from tests.faults.conftest import LONG
from tests.faults.scene import Scene, sent

KILLS = 40
MOST_WAIT_SECONDS = 4.0
VICTIMS = (
    *("notifier", "notifier-2", "campaigns", "campaigns-2"),
    *("leads", "accounts", "interactions", "gateway", "nats"),
)


@pytest.mark.skipif(not LONG, reason="make faults runs it")
class TestAnyKindOfProcess:
    @pytest.mark.parametrize("channel", ["EMAIL", "SMS"])
    async def test_killed_at_random_moments_of_a_large_campaign(
        self, scene: Scene, dice: random.Random, channel: str
    ) -> None:
        run_id = await scene.start(channel)
        killed: dict[str, int] = {}
        while sum(killed.values()) < KILLS:
            await asyncio.sleep(dice.uniform(0.5, MOST_WAIT_SECONDS))
            victim = dice.choice(VICTIMS)
            if scene.house.pid(victim) is not None:
                scene.house.kill(victim)
                killed[victim] = killed.get(victim, 0) + 1
            run = await scene.run(run_id)
            if run["state"] == "COMPLETED":
                break

        proof = await scene.proof(run_id, seconds=900)

        assert sum(killed.values()) > 0
        assert sent(await scene.run(run_id)) == proof.taken
        scene.tell("G1", f"{channel}: {sum(killed.values())} kills {killed}: {proof}")
