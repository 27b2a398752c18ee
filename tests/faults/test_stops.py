"""What stops a message while it waits: an unsubscribe, a withdrawal, a suppression."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from email import message_from_bytes
from pathlib import Path

import aiohttp
import pytest

from local.demo import job
from local.demo.api import Json
from local.running import House
from tests.faults.conftest import LONG, imported
from tests.faults.scene import Scene, sent

PROMISED_SECONDS = 5.0
PEOPLE = 1_000 if LONG else 150
PER_SECOND = 50 if LONG else 20
EACH = 50 if LONG else 5
HEADER = "Họ và tên,Số điện thoại,Email,Kênh đồng ý,Bằng chứng đồng ý\n"

Stop = Callable[[Json], Awaitable[None]]


@pytest.fixture(scope="module")
def leaving(house: House, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A segment of people of whom some will leave."""
    file: Path = tmp_path_factory.mktemp("stops") / "leaving.csv"
    rows = (f"Sen {n},0916{n:06d},sen{n}@stops.example" for n in range(PEOPLE))
    file.write_text(HEADER + "".join(f'{it},"SMS, Email",Phiếu 1\n' for it in rows), "utf-8")
    return asyncio.run(imported(house, file))


class TestWhoLeaves:
    async def test_gets_nothing_that_starts_five_seconds_after_the_answer(
        self, scene: Scene, leaving: str, dice: random.Random
    ) -> None:
        # Advertising: it waits while nobody can tell whether a withdrawal is on its way.
        first = await scene.start("EMAIL", segment_id=leaving, purpose="MARKETING")
        await scene.proof(first)
        run_id = await scene.start(
            "EMAIL", per_second=PER_SECOND, segment_id=leaving, purpose="MARKETING"
        )
        await scene.until(run_id, lambda it: it["state"] == "SENDING" and sent(it) > 0)
        ways = await self._ways(scene, first)
        chosen = dice.sample(await scene.recipients(run_id), EACH * len(ways))
        answered: dict[str, float] = {}

        async def leave(people: list[Json], stop: Stop) -> None:
            for person in people:
                await stop(person)
                answered[person["message_id"]] = time.time()

        await asyncio.gather(*(leave(chosen[n :: len(ways)], stop) for n, stop in enumerate(ways)))
        proof = await scene.proof(run_id, seconds=120.0)

        received = scene.received("EMAIL")
        late = [received[it] - at for it, at in answered.items() if received.get(it, 0.0) > at]
        stopped = sum(it not in received for it in answered)
        assert proof.other == stopped > 0
        assert max(late, default=0.0) < PROMISED_SECONDS
        scene.tell(
            "G5",
            f"{len(answered)} people left while {proof.planned} messages were queued: {stopped} got"
            f" nothing, last submission {max(late, default=0.0):.2f} s after an answer",
        )

    async def _ways(self, scene: Scene, earlier_run: str) -> list[Stop]:
        """An unsubscribe by the link of an earlier mail, a withdrawal and a suppression."""
        advertiser_id, _ = await job.sender(scene.api, "EMAIL")
        earlier = {it["contact_id"]: it["message_id"] for it in await scene.recipients(earlier_run)}

        async def unsubscribe(person: Json) -> None:
            mail = message_from_bytes(scene.kept("EMAIL", earlier[person["contact_id"]]))
            found = re.search(r"<(https?://[^>]+)>", re.sub(r"\s", "", mail["List-Unsubscribe"]))
            assert found is not None
            async with (
                aiohttp.ClientSession() as http,
                http.post(found[1], data={"List-Unsubscribe": "One-Click"}) as answer,
            ):
                assert answer.status == 200

        async def withdraw(person: Json) -> None:
            entry = {
                "advertiser_id": advertiser_id,
                "purpose": "MARKETING",
                "channel": "EMAIL",
                "method": "phone",
                "evidence": "call 1",
            }
            await scene.api.post(f"/contacts/{person['contact_id']}/consents:withdraw", entry)

        async def suppress(person: Json) -> None:
            body = {"channel": "EMAIL", "address": person["address"], "reason": "by hand"}
            await scene.api.post("/suppressions", body)

        return [unsubscribe, withdraw, suppress]
