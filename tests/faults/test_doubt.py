"""A provider that took a message and never says so: the message is in doubt, and stays single."""

import asyncio
from pathlib import Path

import pytest

from local.running import House
from tests.faults.conftest import imported
from tests.faults.scene import Scene

SILENT = 3
OTHERS = 20
HEADER = "Họ và tên,Số điện thoại,Email,Kênh đồng ý,Bằng chứng đồng ý\n"


@pytest.fixture(scope="module")
def some_silent(house: House, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A segment of people of whom some have a provider that does not answer."""
    file: Path = tmp_path_factory.mktemp("doubt") / "silent.csv"
    rows = [f"Mận {n},0{90 + n}9990003,silent-{n}@doubt.example" for n in range(SILENT)]
    rows += [f"Ổi {n},0915557{n:03d},oi{n}@doubt.example" for n in range(OTHERS)]
    file.write_text(HEADER + "".join(f'{it},"SMS, Email",Phiếu 1\n' for it in rows), "utf-8")
    return asyncio.run(imported(house, file))


class TestAProviderThatNeverAnswers:
    async def test_the_message_is_in_doubt_and_never_sent_again(
        self, scene: Scene, some_silent: str
    ) -> None:
        runs = {it: await scene.start(it, segment_id=some_silent) for it in ("EMAIL", "SMS")}
        for run_id in runs.values():
            await scene.until(
                run_id, lambda it: it["counts"]["in_doubt"] or it["counts"]["delivered"]
            )
        before = {channel: await scene.proof(run_id) for channel, run_id in runs.items()}

        for victim in ("notifier", "notifier-2"):
            scene.house.kill(victim)
        await scene.proof(await scene.start("EMAIL"))  # whoever comes back has work to do

        for channel, run_id in runs.items():
            first, after = before[channel], await scene.proof(run_id)
            assert first.planned == SILENT + OTHERS
            assert first.taken + first.in_doubt == first.planned
            assert after.in_doubt <= first.in_doubt <= SILENT
            assert after.in_doubt == after.in_doubt_held
            if channel == "EMAIL":
                assert after.in_doubt == SILENT  # no receipt will ever tell
            scene.tell("G3", f"{channel}: {first}; after both notifiers were killed: {after}")
