"""The broker and the database end, are silent or full in the middle of a run, and come back."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import nats
import pytest

from tests.faults.conftest import LONG, PER_SECOND, ROUNDS, WINDOWS, only_long
from tests.faults.proxy import Proxies, Weather
from tests.faults.scene import ASK_SECONDS, Scene, sent

NATS_SILENT_SECONDS = 20.0 if LONG else 4.0
NATS_AWAY_SECONDS = 60.0 if LONG else 10.0
FULL_SECONDS = 20.0 if LONG else 3.0
STREAMS = ("CONTROL", "FACTS", "AUDIT", "NOTIFY_VN")


async def write_meanwhile(scene: Scene, until: float) -> int:
    """Add contacts until then; returns how many were accepted, which is each."""
    answers = 0
    while time.time() < until:
        await scene.api.post("/contacts", {"display_name": "Trong lúc im lặng"})
        answers += 1
        await asyncio.sleep(ASK_SECONDS)
    return answers


@asynccontextmanager
async def full(scene: Scene) -> AsyncIterator[None]:
    """Let no stream take anything more inside the block."""
    client = await nats.connect(scene.house.state["nats_url"])
    js = client.jetstream()
    try:
        for name in STREAMS:
            info = await js.stream_info(name)
            await js.update_stream(info.config, max_bytes=info.state.bytes + 1)
        yield
    finally:
        for name in STREAMS:
            info = await js.stream_info(name)
            await js.update_stream(info.config, max_bytes=-1)
        await client.close()


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestTheBroker:
    @only_long
    async def test_killed_and_started(self, scene: Scene, dice: random.Random, round_: int) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        at = time.time()
        scene.house.kill("nats")

        proof = await scene.proof(run_id)

        assert proof.taken == proof.planned
        silence = scene.longest_silence("EMAIL", at)
        scene.tell("G8", f"{proof}; longest silence {silence:.1f} s")

    @only_long
    async def test_it_says_nothing_for_a_while(
        self, scene: Scene, dice: random.Random, round_: int
    ) -> None:
        run_id = await scene.start("SMS", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        pid = scene.house.pid("nats")
        assert pid is not None
        at = time.time()
        os.kill(pid, signal.SIGSTOP)
        try:
            answers = await write_meanwhile(scene, at + NATS_SILENT_SECONDS)
        finally:
            os.kill(pid, signal.SIGCONT)

        proof = await scene.proof(run_id)

        assert answers > 0
        assert proof.taken == proof.planned
        scene.tell("G8", f"{answers} writes accepted without the broker; {proof}")

    async def test_it_is_away(self, scene: Scene, dice: random.Random, round_: int) -> None:
        for proxy in scene.proxies.named("", "nats"):
            proxy.weather = proxy.weather.but(refuses=True)
        # It is planned and accepted while there is nobody to hand it over.
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        answers = await write_meanwhile(scene, time.time() + NATS_AWAY_SECONDS)
        planned = await scene.until(run_id, lambda it: it["planned"] > 0)
        backlog = scene.waiting("leads")
        scene.proxies.clear()

        proof = await scene.proof(run_id)

        assert sent(planned) == 0
        assert backlog >= answers > 0
        assert proof.taken == proof.planned
        await scene.drained()
        scene.tell(
            "G8",
            f"{NATS_AWAY_SECONDS:.0f} s away: {answers} of {answers} writes accepted,"
            f" then {backlog} events drained; {proof}",
        )

    async def test_it_is_full(self, scene: Scene, dice: random.Random, round_: int) -> None:
        async with full(scene):
            run_id = await scene.start("EMAIL", per_second=PER_SECOND)
            answers = await write_meanwhile(scene, time.time() + FULL_SECONDS)
            planned = await scene.until(run_id, lambda it: it["planned"] > 0)
            backlog = scene.waiting("leads")

        proof = await scene.proof(run_id)

        assert sent(planned) == 0
        assert backlog >= answers > 0
        assert proof.taken == proof.planned
        await scene.drained()
        scene.tell(
            "G8",
            f"every stream full: {answers} of {answers} writes accepted, then"
            f" {backlog} events drained; {proof}",
        )


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
        silence = scene.longest_silence("EMAIL", at)
        assert silence < 30.0
        scene.tell("G9", f"{proof}; longest silence {silence:.1f} s")

    @only_long
    async def test_one_host_of_several_ends(
        self, scene: Scene, proxies: Proxies, dice: random.Random, round_: int
    ) -> None:
        names = ("notifier", "campaigns")
        url = scene.house.state["databases"]
        port = int(url["notifier"].rpartition(":")[2].partition("/")[0])
        hosts = [proxies.add(f"host-{n}>postgres", port) for n in range(2)]
        for name in names:
            head, _, database = url[name].replace(f"@127.0.0.1:{port}", "@").partition("@")
            both = "&".join(f"host={it.address}" for it in hosts)
            several = f"{head}@{database}?{both}&target_session_attrs=read-write"
            for instance in (name, f"{name}-2"):
                scene.house.change(instance, {"MEKONG_DATABASE_URL": several})
        await scene.reborn(*names, *(f"{name}-2" for name in names))
        restarts = scene.restarts(*names)
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, 0.1)
        at = time.time()
        hosts[0].weather = hosts[0].weather.but(refuses=True)
        await scene.until_sent(run_id, 0.4)
        hosts[0].weather, hosts[1].weather = Weather(), Weather(refuses=True)

        proof = await scene.proof(run_id)

        silence = scene.longest_silence("EMAIL", at)
        assert scene.restarts(*names) == restarts
        assert silence < 30.0
        scene.tell("G9", f"two hosts, each away in turn: {proof}; longest silence {silence:.1f} s")
        for name in names:
            for instance in (name, f"{name}-2"):
                scene.house.change(instance, {})
        await scene.reborn(*names, *(f"{name}-2" for name in names))
