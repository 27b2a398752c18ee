"""kill -9 of every kind of process in the middle of a run: nothing is lost, nothing doubled."""

import asyncio
import os
import random
import signal
import time

import psycopg
import pytest

from local.running import House
from tests.faults.conftest import LEASE_SECONDS, PER_SECOND, ROUNDS, WINDOWS, only_long
from tests.faults.scene import Scene, TooLate

TRIES = 10


def planning(house: House, run_id: str) -> tuple[str, str, int]:
    """Return state, planner and cursor of a run, below the service: REST would be too slow."""
    url = house.state["databases"]["campaigns"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            'select state, planner, "cursor" from runs where id = %s', (run_id,)
        ).fetchone()
    assert row is not None
    return row[0], row[1] or "", row[2]


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestKillingANotifier:
    @only_long
    @pytest.mark.parametrize("channel", ["EMAIL", "SMS"])
    async def test_in_the_middle_of_a_run(
        self, scene: Scene, dice: random.Random, channel: str, round_: int
    ) -> None:
        run_id = await scene.start(channel, per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        victim = dice.choice(["notifier", "notifier-2"])
        at = time.time()
        scene.house.kill(victim)

        proof = await scene.proof(run_id)

        assert proof.in_doubt <= WINDOWS[channel]
        silence = scene.longest_silence(channel, at)
        scene.tell("G1", f"{channel} {victim}: {proof}; longest silence {silence:.1f} s")

    @only_long
    async def test_both_at_once(self, scene: Scene, dice: random.Random, round_: int) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        at = time.time()
        for victim in ("notifier", "notifier-2"):
            scene.house.kill(victim)

        proof = await scene.proof(run_id)

        assert proof.in_doubt <= 2 * WINDOWS["EMAIL"]
        silence = scene.longest_silence("EMAIL", at)
        scene.tell("G1", f"{proof}; sending again after {silence:.1f} s")


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestKillingCampaigns:
    async def test_in_the_middle_of_planning(self, scene: Scene, round_: int) -> None:
        run_id, planner, cursor = await self._stopped_while_planning(scene)
        try:
            scene.house.kill(planner)
        finally:
            os.kill(scene.house.pid("leads") or 0, signal.SIGCONT)
        at = time.monotonic()

        run = await scene.until(run_id, lambda it: it["state"] != "PLANNING")

        seconds = time.monotonic() - at
        proof = await scene.proof(run_id)
        assert proof.in_doubt == 0
        assert run["planned"] == proof.planned
        scene.tell("G1", f"killed at person {cursor}, planned {seconds:.1f} s later: {proof}")

    async def _stopped_while_planning(self, scene: Scene) -> tuple[str, str, int]:
        """Return a run whose planner waits for leads, which is stopped; its planner, its cursor."""
        leads = scene.house.pid("leads")
        assert leads is not None
        for _ in range(TRIES):
            run_id = await scene.start("EMAIL")
            os.kill(leads, signal.SIGSTOP)
            for _ in range(TRIES):
                state, planner, cursor = planning(scene.house, run_id)
                if state != "PLANNING":
                    break
                if planner:
                    return run_id, planner, cursor
                await asyncio.sleep(0.1)
            os.kill(leads, signal.SIGCONT)
            await scene.proof(run_id)  # it was planned before leads could be stopped
        raise TooLate("planning was always faster")

    @only_long
    async def test_in_the_middle_of_a_run(
        self, scene: Scene, dice: random.Random, round_: int
    ) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        for victim in ("campaigns", "campaigns-2"):
            scene.house.kill(victim)

        proof = await scene.proof(run_id)

        assert proof.in_doubt == 0
        scene.tell("G1", f"both at once: {proof}")


@only_long
@pytest.mark.parametrize("round_", range(ROUNDS))
class TestKillingWhatARunDoesNotNeed:
    async def test_leads_accounts_and_the_gateway(
        self, scene: Scene, dice: random.Random, round_: int
    ) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        at = time.time()
        for victim in ("leads", "accounts", "gateway"):
            scene.house.kill(victim)
        await scene.run(run_id)
        away = time.time() - at

        proof = await scene.proof(run_id)

        assert proof.taken == proof.planned
        silence = scene.longest_silence("EMAIL", at)
        assert silence < LEASE_SECONDS
        scene.tell("G1", f"{proof}; API back after {away:.1f} s, longest silence {silence:.1f} s")
