"""A paused run stops at once wherever its messages are, and goes on where it was."""

import asyncio
import random
import time
from dataclasses import dataclass, field

from tests.faults.conftest import LONG, PEOPLE, PER_SECOND, only_long
from tests.faults.scene import ASK_SECONDS, Scene, sent

PROMISED_SECONDS = 2.0
WATCH_SECONDS = 1.0  # beyond what is promised
PAUSES = 25 if LONG else 2
RUNS = 4 if LONG else 1  # at the same time
WHILE_PLANNED = 3 if LONG else 1  # so many of them at most
MOST_WAIT_SECONDS = PEOPLE / PER_SECOND / (PAUSES + 1)


@dataclass
class Paused:
    """One run that is paused again and again: its id and when it stood still."""

    run_id: str
    at: list[tuple[float, float]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    def late(self, received: dict[str, float], mine: set[str]) -> list[float]:
        """Return by pause how long after its answer the last message arrived, in seconds."""
        times = [received[it] for it in mine if it in received]
        return [
            max((it - begin for it in times if begin < it < end), default=0.0)
            for begin, end in self.at
        ]


async def paused_often(scene: Scene, dice: random.Random, channel: str) -> Paused:
    """Start a run, and pause and resume it at random moments, the first while it is planned."""
    it = Paused(await scene.start(channel, per_second=PER_SECOND))
    for pause in range(PAUSES):
        if pause >= WHILE_PLANNED:
            await scene.until(it.run_id, lambda run: run["state"] != "PLANNING")
        await asyncio.sleep(dice.uniform(0, MOST_WAIT_SECONDS if pause else 0.2))
        before = await scene.run(it.run_id)
        if before["state"] == "COMPLETED":
            break
        answer = await scene.api.post(f"/runs/{it.run_id}:pause", {})
        answered = time.time()
        assert answer["state"] == "PAUSED"
        it.states.append(before["state"])
        await asyncio.sleep(PROMISED_SECONDS + WATCH_SECONDS)
        it.at.append((answered, time.time()))
        await scene.api.post(f"/runs/{it.run_id}:resume", {})
    return it


class TestPause:
    async def test_nothing_is_submitted_two_seconds_after_the_answer(
        self, scene: Scene, dice: random.Random
    ) -> None:
        ways = ["EMAIL", "EMAIL", "SMS", "EMAIL"][:RUNS]

        runs = await asyncio.gather(*(paused_often(scene, dice, way) for way in ways))

        late: list[float] = []
        for channel, paused in zip(ways, runs, strict=True):
            proof = await scene.proof(paused.run_id)
            assert proof.taken == proof.planned
            mine = {it["message_id"] for it in await scene.recipients(paused.run_id)}
            late += paused.late(scene.received(channel), mine)
        states = [state for paused in runs for state in paused.states]
        assert len(late) >= RUNS
        assert max(late) < PROMISED_SECONDS
        assert "SENDING" in states
        where = ", ".join(f"{states.count(it)} {it}" for it in sorted(set(states)))
        scene.tell(
            "G4",
            f"{len(late)} pauses ({where}) in {RUNS} runs: last submission at most "
            f"{max(late):.2f} s after the answer, none lost or doubled",
        )

    @only_long
    async def test_also_at_twenty_messages_a_second(
        self, scene: Scene, dice: random.Random
    ) -> None:
        run_id = await scene.start("EMAIL", per_second=20)
        paused = Paused(run_id)
        for _ in range(10):
            await asyncio.sleep(dice.uniform(0.2, 2.0))
            await scene.api.post(f"/runs/{run_id}:pause", {})
            answered = time.time()
            await asyncio.sleep(PROMISED_SECONDS + WATCH_SECONDS)
            paused.at.append((answered, time.time()))
            await scene.api.post(f"/runs/{run_id}:resume", {})
        await scene.api.post(f"/runs/{run_id}:cancel", {})

        mine = {it["message_id"] for it in await scene.recipients(run_id)}
        late = paused.late(scene.received("EMAIL"), mine)
        assert max(late) < PROMISED_SECONDS
        scene.tell("G4", f"{len(late)} pauses at 20 messages/s: at most {max(late):.2f} s")


class TestAPauseWithoutTheBroker:
    async def test_it_stops_all_the_same(self, scene: Scene) -> None:
        paused = Paused(await scene.start("EMAIL", per_second=PER_SECOND // 4))
        await scene.until_sent(paused.run_id, 0.05)
        for proxy in scene.proxies.named("", "nats"):
            proxy.weather = proxy.weather.but(refuses=True)

        await scene.api.post(f"/runs/{paused.run_id}:pause", {})
        answered = time.time()
        await asyncio.sleep(PROMISED_SECONDS + WATCH_SECONDS)
        paused.at.append((answered, time.time()))
        stopped = await scene.run(paused.run_id)
        scene.proxies.clear()
        await scene.api.post(f"/runs/{paused.run_id}:resume", {})

        proof = await scene.proof(paused.run_id)
        mine = {it["message_id"] for it in await scene.recipients(paused.run_id)}
        (late,) = paused.late(scene.received("EMAIL"), mine)
        assert sent(stopped) < proof.planned == proof.taken
        assert late < PROMISED_SECONDS
        scene.tell("G4", f"a pause while the broker is away: {late:.2f} s; {proof}")


@only_long
class TestCancel:
    async def test_what_was_not_sent_is_cancelled_and_counted(self, scene: Scene) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, 0.1)

        await scene.api.post(f"/runs/{run_id}:cancel", {})
        answered = time.time()
        run = await scene.until(
            run_id,
            lambda it: (
                sent(it) + it["counts"]["cancelled"] + it["counts"]["in_doubt"] == it["planned"]
            ),
        )
        await asyncio.sleep(max(0.0, answered + PROMISED_SECONDS + ASK_SECONDS - time.time()))

        mine = {it["message_id"] for it in await scene.recipients(run_id)}
        late = Paused(run_id, [(answered, time.time())]).late(scene.received("EMAIL"), mine)
        assert run["counts"]["cancelled"] > 0
        assert max(late) < PROMISED_SECONDS
        scene.tell(
            "G4",
            f"cancelled: {sent(run)} sent, {run['counts']['cancelled']} cancelled of "
            f"{run['planned']}, last submission {max(late):.2f} s after the answer",
        )
