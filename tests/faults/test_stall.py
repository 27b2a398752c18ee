"""A notifier that stalls longer than its lease writes nothing more of what others took over."""

import asyncio
import os
import random
import signal
import time

import pytest

from tests.faults.conftest import LEASE_SECONDS, LONG, PER_SECOND, ROUNDS, WINDOWS
from tests.faults.scene import ASK_SECONDS, Scene

BEYOND_SECONDS = 2.0


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestAStalledNotifier:
    @pytest.mark.parametrize("channel", ["EMAIL", "SMS"] if LONG else ["EMAIL"])
    async def test_it_doubles_nothing_when_it_comes_back(
        self, scene: Scene, dice: random.Random, channel: str, round_: int
    ) -> None:
        run_id = await scene.start(channel, per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.3))
        victim = dice.choice(["notifier", "notifier-2"])
        pid = scene.house.pid(victim)
        assert pid is not None
        stalled = time.time()
        os.kill(pid, signal.SIGSTOP)
        try:
            # The others go on meanwhile; what the stalled one held is put in doubt by them.
            while time.time() < stalled + LEASE_SECONDS + BEYOND_SECONDS:
                await scene.run(run_id)
                await asyncio.sleep(ASK_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

        proof = await scene.proof(run_id)

        assert proof.in_doubt <= WINDOWS[channel]
        scene.tell("G6", f"{channel} {victim}: {proof}")
