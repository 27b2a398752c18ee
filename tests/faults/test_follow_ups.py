"""Follow-ups fall due while who hands them over is killed: each contact gets each at most once.

And exactly once where it is said to be sent, by the sandbox's own count. The long form has 20,000
messages and an outage of ten minutes, over which they fall due.
"""

import asyncio
import contextlib
import functools
import random
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

from bench import jobs
from local.demo import job
from local.demo.api import Json
from tests.faults.conftest import LONG
from tests.faults.scene import ASK_SECONDS, Scene, TooLate
from tests.faults.test_stall import stopped

REPLICAS = ("interactions", "interactions-2")
MESSAGES = 20_000 if LONG else 300
A_FOLLOW_UP = 1_000 if LONG else 75
SINGLE = 200 if LONG else 10
KILLS = 40 if LONG else 4
OUTAGE_SECONDS = 600.0 if LONG else 2.0
DUE_SECONDS = 20.0 if LONG else 3.0
END_SECONDS = 1_800.0 if LONG else 120.0
SENT = ("SENT", "DELIVERED")


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
        kills = await self._killing(scene, dice)
        await self._ended(scene, planned)

        proof = await self._proof(scene, planned, before)
        scene.tell("G1", f"{kills} kills, {OUTAGE_SECONDS:.0f} s away: {proof}")

    async def _people(self, scene: Scene) -> list[str]:
        return [it["id"] async for it in scene.api.every("/contacts", "contacts")]

    async def _plan(self, scene: Scene, contacts: Sequence[str], start: datetime) -> str:
        name = f"Fault {uuid.uuid4()}"
        sender = await job.sender(scene.api, "EMAIL")
        return await scene.answered(
            lambda: jobs.follow_up(scene.api, sender, contacts, start, name)
        )

    async def _killing(self, scene: Scene, dice: random.Random) -> int:
        """Kills one replica or the other at random moments, some between its steps."""
        killed = 0
        for _ in range(KILLS):
            await asyncio.sleep(dice.uniform(0.05, 1.0))
            with contextlib.suppress(ProcessLookupError):
                scene.house.kill(dice.choice(REPLICAS))
                killed += 1
        return killed

    async def _ended(self, scene: Scene, planned: Sequence[str]) -> None:
        deadline = time.monotonic() + END_SECONDS
        for follow_up_id in planned:
            while True:
                ask = functools.partial(scene.api.get, f"/follow-ups/{follow_up_id}")
                found = await scene.answered(ask)
                progress = {name: int(it) for name, it in found["progress"].items()}
                assert sum(progress.values()) == int(found["contact_count"]), found
                if found["status"] == "COMPLETED":
                    break
                if time.monotonic() > deadline:
                    raise TooLate(f"{found['status']} {progress}")
                await asyncio.sleep(ASK_SECONDS)

    async def _proof(self, scene: Scene, planned: Sequence[str], before: set[str]) -> str:
        ended = [it async for it in self._deliveries(scene, planned)]
        ids = [it["message_id"] for it in ended if it.get("message_id")]
        sent = {it["message_id"] for it in ended if it["state"] in SENT}
        held = {id: n for id, n in (await scene.held("EMAIL")).items() if id not in before}
        pairs = {(it["follow_up_id"], it["contact_id"]) for it in ended}

        assert len(pairs) == len(ended) == MESSAGES // A_FOLLOW_UP * A_FOLLOW_UP + SINGLE
        assert len(set(ids)) == len(ids), "a message stands for two contacts"
        assert all(copies == 1 for copies in held.values()), "somebody got a message twice"
        assert not held.keys() - set(ids), "messages arrived that no contact stands for"
        assert not sent - held.keys(), "messages said to be sent did not arrive"
        doubts = sum(it["state"] == "IN_DOUBT" for it in ended)
        others = len(ended) - len(sent) - doubts
        return (
            f"{len(ended)} = {len(sent)} sent once + {doubts} in doubt + {others} other; "
            "0 lost, 0 doubled"
        )

    async def _deliveries(self, scene: Scene, planned: Sequence[str]) -> AsyncIterator[Json]:
        for follow_up_id in planned:
            path = f"/follow-ups/{follow_up_id}/deliveries"
            async for it in scene.api.every(path, "deliveries"):
                yield it
