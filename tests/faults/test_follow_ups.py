"""Follow-ups fall due while who hands them over is killed: each contact gets each at most once.

And exactly once where it is said to be sent, by the sandbox's own count. The long form has 20,000
messages and an outage of ten minutes, over which they fall due.
"""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bench import jobs
from local.demo import job
from tests.faults import follow_ups
from tests.faults.conftest import LONG
from tests.faults.scene import Scene
from tests.faults.test_stall import stopped

REPLICAS = ("interactions", "interactions-2")
MESSAGES = 20_000 if LONG else 300
A_FOLLOW_UP = 1_000 if LONG else 75
SINGLE = 200 if LONG else 10
KILLS = 40 if LONG else 4
OUTAGE_SECONDS = 600.0 if LONG else 2.0
DUE_SECONDS = 20.0 if LONG else 3.0
END_SECONDS = 1_800.0 if LONG else 120.0


class TestSchedulersKilledAtRandom:
    async def test_each_contact_gets_each_once(self, scene: Scene, dice: random.Random) -> None:
        before = set(await scene.held("EMAIL"))
        people = await self._people(scene)
        start = datetime.now(UTC) + timedelta(seconds=DUE_SECONDS)
        planned = [
            await self._plan(scene, dice.sample(people, min(A_FOLLOW_UP, len(people))), start)
            for _ in range(MESSAGES // A_FOLLOW_UP)
        ]
        planned += [await self._plan(scene, [dice.choice(people)], start) for _ in range(SINGLE)]

        with stopped(scene, REPLICAS):
            # They fall due while nobody is there, and are caught up once by who comes back.
            await asyncio.sleep(OUTAGE_SECONDS)
        kills = await kill(scene, dice, KILLS)
        await follow_ups.ended(scene, planned, END_SECONDS)

        expected = MESSAGES // A_FOLLOW_UP * A_FOLLOW_UP + SINGLE
        proof = await follow_ups.proof(scene, planned, expected, before)
        scene.tell("G1", f"{kills} kills, {OUTAGE_SECONDS:.0f} s away: {proof}")

    async def _people(self, scene: Scene) -> list[str]:
        return [it["id"] async for it in scene.api.every("/contacts", "contacts")]

    async def _plan(self, scene: Scene, contacts: Sequence[str], start: datetime) -> str:
        name = f"Fault {uuid.uuid4()}"
        sender = await job.sender(scene.api, "EMAIL")
        return await scene.answered(
            lambda: jobs.follow_up(scene.api, sender, contacts, start, name)
        )


async def kill(scene: Scene, dice: random.Random, times: int) -> int:
    """Kill one replica or the other at random moments, some between its steps; how many were."""
    killed = 0
    for _ in range(times):
        await asyncio.sleep(dice.uniform(0.05, 1.0))
        with contextlib.suppress(ProcessLookupError):
            scene.house.kill(dice.choice(REPLICAS))
            killed += 1
    return killed
