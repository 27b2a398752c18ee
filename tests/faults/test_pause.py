"""A paused run stops at once, and goes on where it was."""

import asyncio
import random
import time

from tests.faults.conftest import PER_SECOND, ROUNDS
from tests.faults.scene import ASK_SECONDS, Scene, sent

PROMISED_SECONDS = 2.0
PAUSES = 5 * ROUNDS if ROUNDS > 1 else 2


class TestPause:
    async def test_nothing_is_submitted_two_seconds_after_the_answer(
        self, scene: Scene, dice: random.Random
    ) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        after: list[float] = []
        for pause in range(PAUSES):
            await scene.until_sent(run_id, dice.uniform(0.9, 1.1) * (pause + 1) / (PAUSES + 2))
            paused = await scene.api.post(f"/runs/{run_id}:pause", {})
            answered = time.time()
            assert paused["state"] == "PAUSED"

            late = await self._last_arrival(scene, answered)

            after.append(late - answered)
            assert late - answered < PROMISED_SECONDS
            resumed = await scene.api.post(f"/runs/{run_id}:resume", {})
            assert resumed["state"] == "SENDING"

        proof = await scene.proof(run_id)
        assert proof.taken == proof.planned
        scene.tell(
            "G4", f"{PAUSES} pauses, last arrival {max(after):.2f} s after the answer; {proof}"
        )

    async def _last_arrival(self, scene: Scene, answered: float) -> float:
        """Return when the last message arrived, watching for twice as long as is promised."""
        watch_until = answered + 2 * PROMISED_SECONDS
        times: list[float] = []
        while time.time() < watch_until:
            times = await scene.arrivals("EMAIL", answered)
            await asyncio.sleep(ASK_SECONDS)
        return max(times, default=answered)


class TestCancel:
    async def test_what_was_not_sent_is_cancelled_and_counted(self, scene: Scene) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, 0.1)

        await scene.api.post(f"/runs/{run_id}:cancel", {})
        run = await scene.until(
            run_id,
            lambda it: (
                sent(it) + it["counts"]["cancelled"] + it["counts"]["in_doubt"] == it["planned"]
            ),
        )

        assert run["counts"]["cancelled"] > 0
        assert sum((await scene.held("EMAIL")).values()) >= sent(run)
        scene.tell(
            "G4", f"{sent(run)} sent, {run['counts']['cancelled']} cancelled of {run['planned']}"
        )
