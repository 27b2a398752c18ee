"""SIGTERM to every replica in turn while people work: no call fails, no message is in doubt."""

import asyncio
import itertools
import json
import os
import random
import signal
import uuid
from collections import Counter
from dataclasses import dataclass, field

import aiohttp

from bench.jobs import access
from local.demo.api import Api, Refused
from tests.faults.conftest import LONG, PER_SECOND, REPLICATED, ROUNDS
from tests.faults.scene import ANSWER_SECONDS, ASK_SECONDS, Scene, TooLate

WORKERS = 6
GATEWAYS = ("gateway", "gateway-2")
FIRST, SECOND = "{}", "{}-2"


@dataclass
class Work:
    """What people do meanwhile, each call once: nothing is repeated after a failure.

    Calls go to the gateways in turn but for those that are `leaving`, as a load balancer does it,
    which a cluster tells before it asks a gateway to end (the chart's preStop).
    """

    gateways: dict[str, Api]
    run_id: str
    leaving: set[str] = field(default_factory=set)
    busy: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    stopped: bool = False

    async def keep_on(self, number: int) -> None:
        """Read and write until `stopped`."""
        turn = itertools.cycle(self.gateways)
        for step in itertools.count(number):
            if self.stopped:
                return
            gateway = next(it for it in turn if it not in self.leaving)
            self.busy[gateway] += 1
            await self._call(step % 5, self.gateways[gateway])
            self.busy[gateway] -= 1

    async def _call(self, kind: int, api: Api) -> None:
        address = f"{uuid.uuid4()}@rolling.example"
        calls = (
            lambda: api.get(f"/runs/{self.run_id}"),
            lambda: api.post("/contacts", {"display_name": address}),
            lambda: api.get("/contacts", page_size=20),
            lambda: api.post(
                "/suppressions", {"channel": "EMAIL", "address": address, "reason": "by hand"}
            ),
            lambda: api.get(f"/runs/{self.run_id}/message-counts"),
        )
        try:
            await calls[kind]()
        except (Refused, aiohttp.ClientError, TimeoutError) as failure:
            self.failed.append(f"{kind}: {type(failure).__name__} {failure}")
        else:
            self.done[str(kind)] += 1

    async def leave(self, names: list[str]) -> None:
        """Send nobody any more to those of `names` that are gateways, and let calls there end."""
        self.leaving = {it for it in names if it in self.gateways}
        async with asyncio.timeout(ANSWER_SECONDS):
            while any(self.busy[it] for it in self.leaving):  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def replaced(scene: Scene, names: list[str]) -> None:
    """Ask processes to end, and wait until each is ready in its next life."""
    before = {name: scene.house.pid(name) for name in names}
    for pid in before.values():
        assert pid is not None
        os.kill(pid, signal.SIGTERM)
    async with asyncio.timeout(ANSWER_SECONDS):
        # The house tells by a file.
        while any(scene.house.pid(it) in (None, pid) for it, pid in before.items()):  # noqa: ASYNC110
            await asyncio.sleep(ASK_SECONDS)
    await scene.whole()


class TestARollingRestart:
    async def test_no_call_fails_and_nothing_is_in_doubt(
        self, scene: Scene, dice: random.Random
    ) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND // 3)
        await scene.until_sent(run_id, 0.01)
        ports = json.loads((scene.house.home / "ports.json").read_text())
        state = scene.house.state
        urls = {it: f"http://127.0.0.1:{ports[it]}" for it in GATEWAYS}
        apis = {it: Api(access({**state, "gateway_url": url})) for it, url in urls.items()}
        work = Work(apis, run_id)
        stops = 0
        async with apis["gateway"], apis["gateway-2"]:
            people = [asyncio.create_task(work.keep_on(n)) for n in range(WORKERS)]
            for which in (FIRST, SECOND) * ROUNDS:
                names = [which.format(name) for name in REPLICATED]
                # One after the other, or in the short form one of each service at once.
                for part in [[it] for it in names] if LONG else [names]:
                    await work.leave(part)
                    await replaced(scene, part)
                    work.leaving = set()
                    stops += len(part)
            work.stopped = True
            await asyncio.gather(*people)

        proof = await scene.proof(run_id, seconds=180.0)

        assert work.failed == []
        assert proof.in_doubt == 0
        calls = sum(work.done.values())
        if calls < 10 * stops:
            raise TooLate(f"only {calls} calls")
        scene.tell("G7", f"{stops} restarts by SIGTERM: 0 failed of {calls} calls; {proof}")
