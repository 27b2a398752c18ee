"""A law's cap holds over all campaigns and replicas, also when they are killed while they count."""

import asyncio
import random
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from local.demo.api import Json
from local.running import House
from tests.faults.conftest import LONG, imported
from tests.faults.scene import TAKEN, Scene

MOST = 3  # advertising e-mails to an address in 24 hours: `vn.email.cap` of the rules
CAMPAIGNS = MOST + 2
PEOPLE = 500 if LONG else 80
COUNTED = (*TAKEN, "IN_DOUBT")
HEADER = "Họ và tên,Số điện thoại,Email,Kênh đồng ý,Bằng chứng đồng ý\n"
REST_SECONDS = 120.0


@pytest.fixture(scope="module")
def wanted(house: House, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A segment of people whom every campaign wants."""
    file: Path = tmp_path_factory.mktemp("caps") / "wanted.csv"
    rows = (f"Cúc {n},0918{n:06d},cuc{n}@caps.example" for n in range(PEOPLE))
    file.write_text(HEADER + "".join(f'{it},"SMS, Email",Phiếu 1\n' for it in rows), "utf-8")
    return asyncio.run(imported(house, file))


def rests(run: Json) -> bool:
    """Return whether all that is left of a run waits for another day."""
    counts = run["counts"]
    return bool(run["planned"] and not counts["waiting"] and not counts["handed_over"])


class TestTheCap:
    async def test_no_address_gets_more_however_many_claim_it_and_are_killed(
        self, scene: Scene, wanted: str, dice: random.Random
    ) -> None:
        runs = await asyncio.gather(
            *(
                scene.start("EMAIL", segment_id=wanted, purpose="MARKETING", per_second=PEOPLE // 4)
                for _ in range(CAMPAIGNS)
            )
        )
        for victim in ("notifier", "notifier-2"):
            await asyncio.sleep(dice.uniform(0.3, 2.0))
            scene.house.kill(victim)
        for run_id in runs:
            await scene.until(
                run_id,
                lambda it: (
                    it["planned"] and not it["counts"]["waiting"] + it["counts"]["handed_over"]
                ),
                REST_SECONDS,
            )

        counted: Counter[str] = Counter()
        states: Counter[str] = Counter()
        for run_id in runs:
            for person in await scene.recipients(run_id):
                states[person["state"]] += 1
                counted[person["address"]] += person["state"] in COUNTED
            if (await scene.run(run_id))["state"] != "COMPLETED":
                await scene.answered(partial(scene.api.post, f"/runs/{run_id}:cancel", {}))
        arrived = Counter(it for it in scene.recipients_of_mails() if it.endswith("@caps.example"))
        assert len(counted) == PEOPLE
        assert max(arrived.values()) <= MOST
        assert max(counted.values()) <= MOST
        assert states["DEFERRED"] >= PEOPLE * (CAMPAIGNS - MOST)
        scene.tell(
            "G14",
            f"{CAMPAIGNS} campaigns at once to {PEOPLE} addresses, both notifiers killed: at most "
            f"{max(arrived.values())} of {MOST} arrived; {dict(states)}",
        )
