"""The broker and the database end at once in the middle of a run, and come back."""

import asyncio
import os
import random
import signal
import time

import pytest

from tests.faults.conftest import LONG, PER_SECOND, ROUNDS, WINDOWS
from tests.faults.scene import ASK_SECONDS, Scene

NATS_SILENT_SECONDS = 60.0 if LONG else 4.0


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestTheBroker:
    async def test_killed_and_started(self, scene: Scene, dice: random.Random, round_: int) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        at = time.time()
        scene.house.kill("nats")

        proof = await scene.proof(run_id)

        assert proof.taken == proof.planned
        silence = await scene.longest_silence("EMAIL", at)
        scene.tell("G8", f"{proof}; longest silence {silence:.1f} s")

    async def test_it_says_nothing_for_a_while(
        self, scene: Scene, dice: random.Random, round_: int
    ) -> None:
        run_id = await scene.start("SMS", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        pid = scene.house.pid("nats")
        assert pid is not None
        at = time.time()
        os.kill(pid, signal.SIGSTOP)
        answers = 0
        try:
            while time.time() < at + NATS_SILENT_SECONDS:
                await scene.api.post("/contacts", {"display_name": "Trong lúc im lặng"})
                answers += 1
                await asyncio.sleep(ASK_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

        proof = await scene.proof(run_id)

        assert answers > 0
        assert proof.taken == proof.planned
        scene.tell("G8", f"{answers} writes accepted without the broker; {proof}")


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestTheDatabase:
    async def test_stopped_at_once_and_started(
        self, scene: Scene, dice: random.Random, round_: int
    ) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        pid = scene.house.pid("postgres")
        assert pid is not None
        at = time.time()
        os.kill(pid, signal.SIGQUIT)

        proof = await scene.proof(run_id)

        assert proof.in_doubt <= 2 * WINDOWS["EMAIL"]
        silence = await scene.longest_silence("EMAIL", at)
        assert silence < 30.0
        scene.tell("G9", f"{proof}; longest silence {silence:.1f} s")
