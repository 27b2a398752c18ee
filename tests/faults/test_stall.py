"""A notifier that stalls longer than its lease writes nothing more of what others took over."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator, Sequence

import pytest

from tests.faults.conftest import LEASE_SECONDS, LONG, PER_SECOND, ROUNDS, WINDOWS
from tests.faults.scene import ASK_SECONDS, Scene

BEYOND_SECONDS = 2.0


BOTH = ("notifier", "notifier-2")
HOW = [("EMAIL", 2), *([("EMAIL", 1), ("SMS", 1), ("SMS", 2)] if LONG else [])]


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestAStalledNotifier:
    @pytest.mark.parametrize(("channel", "count"), HOW)
    async def test_it_doubles_nothing_when_it_comes_back(
        self, scene: Scene, dice: random.Random, channel: str, count: int, round_: int
    ) -> None:
        # Both are stopped in the middle of as much as they can hold.
        run_id = await scene.start(channel, per_second=PER_SECOND if count == 1 else 0)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.3))
        victims = dice.sample(BOTH, count)
        stalled = time.time()
        with stopped(scene, victims):
            # One goes on and puts in doubt what the other held; two find at their return what
            # they hold themselves lapsed, and claim it again.
            while time.time() < stalled + LEASE_SECONDS + BEYOND_SECONDS:
                await scene.run(run_id)
                await asyncio.sleep(ASK_SECONDS)

        proof = await scene.proof(run_id)

        assert proof.in_doubt <= WINDOWS[channel] * count
        scene.tell("G6", f"{channel} {' and '.join(victims)}: {proof}")


@contextlib.contextmanager
def stopped(scene: Scene, names: Sequence[str]) -> Iterator[None]:
    """Processes that do nothing in the block, and do not know it."""
    pids = [pid for name in names if (pid := scene.house.pid(name)) is not None]
    assert len(pids) == len(names)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
