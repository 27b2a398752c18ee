"""Two hundred kills of anything at any moment, while campaigns, imports and people go on."""

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench import people
from bench.jobs import silent
from local.demo import job
from local.demo.table import ledger_sum
from tests.faults.conftest import only_long
from tests.faults.proof import Proof
from tests.faults.scene import Scene

KILLS = 200
WAIT_SECONDS = (0.3, 2.5)
# A busy machine takes longer to begin a process than this test to end one.
MOST_AWAY = 3
PATIENCE_SECONDS = 300.0
ROWS = 1_000  # of each import
VICTIMS = (
    *("notifier", "notifier-2", "campaigns", "campaigns-2", "leads", "leads-2"),
    *("accounts", "interactions", "gateway", "gateway-2", "nats", "sandbox"),
)


@dataclass
class Going:
    """What goes on while processes are killed, until `stopped`, and what came of it."""

    scene: Scene
    folder: Path
    dice: random.Random
    stopped: bool = False
    proofs: list[Proof] = field(default_factory=list)
    imported: int = 0
    contacts: int = 0

    async def campaigns(self) -> None:
        """One campaign after the other, each proved at its end."""
        while not self.stopped:
            run_id = await self.scene.start(self.dice.choice(["EMAIL", "EMAIL", "SMS"]))
            self.proofs.append(await self.scene.proof(run_id, seconds=600))

    async def imports(self) -> None:
        """One import after the other; each row is accounted for."""
        for number in range(10_000):
            if self.stopped:
                return
            file = self.folder / f"people-{number}.csv"
            people.write(file, ROWS + number)  # another length is another file
            # Many calls, of which the first that is not answered has all of them repeated.
            done = await self.scene.answered(
                lambda file=file: job.bring_in(self.scene.api, file, silent, dry_run=False),  # type: ignore[misc]
                seconds=PATIENCE_SECONDS,
            )
            assert done["state"] == "COMPLETED", done
            assert ledger_sum(done).holds
            assert done["ledger"]["rows"] == ROWS + number
            self.imported += ROWS + number

    async def work(self, mark: str) -> None:
        """People add contacts, and ask again with the same key until they hear an answer."""
        while not self.stopped:
            body = {"display_name": f"{mark} {self.contacts}"}
            key = str(uuid.uuid4())
            await self.scene.answered(
                lambda body=body, key=key: self.scene.api.post("/contacts", body, key=key),  # type: ignore[misc]
                seconds=PATIENCE_SECONDS,
            )
            self.contacts += 1
            await asyncio.sleep(0.05)


@only_long  # the short form is a large campaign's
class TestAnyKindOfProcess:
    async def test_killed_at_random_moments(
        self, scene: Scene, dice: random.Random, tmp_path: Path
    ) -> None:
        going, mark = Going(scene, tmp_path, dice), uuid.uuid4().hex[:12]
        tasks = [
            asyncio.create_task(it) for it in (going.campaigns(), going.imports(), going.work(mark))
        ]
        killed: Counter[str] = Counter()
        while killed.total() < KILLS and not any(it.done() for it in tasks):
            await asyncio.sleep(dice.uniform(*WAIT_SECONDS))
            victim = dice.choice(VICTIMS)
            if await scene.away() < MOST_AWAY and scene.house.pid(victim) is not None:
                scene.house.kill(victim)
                killed[victim] += 1
        going.stopped = True
        await asyncio.gather(*tasks)

        assert killed.total() == KILLS
        token, found = "", 0
        while page := await scene.api.get(
            "/contacts", query=mark, page_size=1000, page_token=token
        ):
            found += len(page["contacts"])
            if not (token := page.get("next_page_token", "")):
                break
        assert found == going.contacts
        planned, doubts = (
            sum(getattr(it, n) for it in going.proofs) for n in ("planned", "in_doubt")
        )
        scene.tell(
            "G1",
            f"{killed.total()} kills {dict(killed)}: {len(going.proofs)} campaigns of {planned} "
            f"messages, {going.imported} rows imported, {going.contacts} contacts added singly: "
            f"0 lost, 0 doubled, {doubts} in doubt",
        )
