"""A large campaign to which everything happens at once; its report sums at every look."""

import asyncio
import os
import random
from dataclasses import dataclass, field

import pytest

from bench import seed
from local.demo import peers, table
from tests.faults.conftest import LONG, WINDOWS
from tests.faults.scene import Scene, sent

PEOPLE = int(os.environ.get("MEKONG_FAULTS_PEOPLE", 60_000 if LONG else 2_000))
PER_SECOND = 0 if LONG else 200
PART = 0.01  # are refused, and as many leave
VICTIMS = ("notifier", "campaigns", "notifier-2", "campaigns-2")
OTHERS = ("leads", "accounts", "gateway", "nats")
LOOK_SECONDS = 0.05


@dataclass
class Report:
    """Looks at a run again and again, until `stopped`."""

    scene: Scene
    run_id: str
    stopped: bool = False
    looks: int = 0
    wrong: list[str] = field(default_factory=list)

    async def watch(self) -> None:
        """Hold the report's sums against each other at every look."""
        while not self.stopped:
            run = await self.scene.run(self.run_id)
            sums = [table.planned_sum(run)] if run["planned"] else []
            sums += [table.audience_sum(run)] if run["state"] != "PLANNING" else []
            self.wrong += [str(run) for it in sums if not it.holds]
            self.looks += len(sums)
            await asyncio.sleep(LOOK_SECONDS)


@pytest.fixture
async def crowd(scene: Scene) -> str:
    """A segment of very many."""
    return (await seed.segments(scene.house, scene.api, [PEOPLE]))[PEOPLE]


class TestALargeCampaign:
    @pytest.mark.timeout(3600)
    async def test_each_is_sent_at_most_once_and_every_look_sums(
        self, scene: Scene, crowd: str, dice: random.Random
    ) -> None:
        await scene.mail_behaves(rcpt={"550 5.1.1 nobody": PART}, seed=dice.randrange(2**31))
        run_id = await scene.start("EMAIL", per_second=PER_SECOND, segment_id=crowd)
        report = Report(scene, run_id)
        watching = asyncio.create_task(report.watch())
        await scene.until(run_id, lambda it: it["state"] == "SENDING", seconds=300)
        leaving = asyncio.create_task(self._leave(scene, run_id, dice))
        await self._until_sent(scene, run_id, 0.1)
        await scene.answered(lambda: scene.api.post(f"/runs/{run_id}:pause", {}))
        paused = await scene.run(run_id)
        for name in OTHERS:
            scene.house.kill(name)
        await scene.whole()
        await scene.answered(lambda: scene.api.post(f"/runs/{run_id}:resume", {}))
        for number, name in enumerate(VICTIMS):
            await self._until_sent(scene, run_id, 0.2 + 0.1 * number)
            scene.house.kill(name)
        killed = len(VICTIMS) + len(OTHERS)
        left = await leaving
        proof = await scene.proof(run_id, seconds=1800)
        report.stopped = True
        await watching

        by_state = await peers.ids(scene.api, run_id)
        refused, stopped = len(by_state.get("FAILED", ())), len(by_state.get("SKIPPED", ()))
        assert paused["state"] == "PAUSED"
        assert report.looks > 10
        assert not report.wrong, report.wrong[0]
        assert refused > 0 < stopped
        assert proof.in_doubt <= 2 * WINDOWS["EMAIL"]
        scene.tell("G1", f"{killed} kills of {', '.join((*VICTIMS, *OTHERS))}: {proof}")
        scene.tell(
            "S5",
            f"{killed} kills, {refused} refused, {left} left of whom {stopped} got nothing, one "
            f"pause: {report.looks} sums held; {proof}",
        )

    async def _until_sent(self, scene: Scene, run_id: str, part: float) -> None:
        await scene.until(run_id, lambda it: sent(it) >= part * it["planned"] > 0, seconds=1200)

    async def _leave(self, scene: Scene, run_id: str, dice: random.Random) -> int:
        """Suppress one in a hundred of those who are meant, while it runs; returns how many."""
        everybody = await scene.answered(lambda: scene.recipients(run_id))
        chosen = dice.sample(everybody, int(PART * len(everybody)))
        for person in chosen:
            body = {"channel": "EMAIL", "address": person["address"], "reason": "by hand"}
            key = str(person["message_id"])
            await scene.answered(
                lambda body=body, key=key: scene.api.post("/suppressions", body, key=key)  # type: ignore[misc]
            )
        return len(chosen)
