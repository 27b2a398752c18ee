"""A mail server that misbehaves in every way the wire knows, and one that dies."""

import random
from functools import partial

import pytest

from local.demo import peers
from local.demo.api import Json
from tests.faults.conftest import PER_SECOND, ROUNDS, WINDOWS, only_long
from tests.faults.scene import Scene, sent

FINALS = {
    "kept and never answered": {"silent": 0.01},
    "kept and hung up": {"close": 0.01},
    "not kept and never answered": {"lost": 0.01},
    "not kept and hung up": {"dropped": 0.01},
    "451": {"451 4.3.0 later": 0.01},
    "421": {"421 4.3.2 closing": 0.01},
    "554": {"554 5.7.1 no": 0.01},
}
ALL_FINALS = {name: share for shares in FINALS.values() for name, share in shares.items()}
RCPT = {"550 5.1.1 nobody": 0.01, "450 4.2.1 later": 0.01}
DOUBTFUL = ("silent", "close", "lost", "dropped", "cut")


def reached(part: float, run: Json) -> bool:
    """Return whether at least `part` of a run's messages were taken."""
    return sent(run) >= part * float(run["planned"])


@pytest.mark.parametrize("round_", range(ROUNDS))
class TestAMailServerThatMisbehaves:
    async def test_in_every_way_by_chance(
        self, scene: Scene, dice: random.Random, round_: int
    ) -> None:
        seed = dice.randrange(2**31)
        await scene.mail_behaves(final=ALL_FINALS, rcpt=RCPT, cut=0.01, seed=seed)
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        run = await scene.until_sent(run_id, 0.2)
        # A server that forgets what it promised, then one that promises nothing, while it runs.
        for pipelining in ("broken", "absent", "kept"):
            await scene.mail_behaves(
                final=ALL_FINALS, rcpt=RCPT, cut=0.01, seed=seed, pipelining=pipelining
            )
            part = min(0.9, sent(run) / run["planned"] + (0.0 if pipelining == "broken" else 0.2))
            run = await scene.until(run_id, partial(reached, part))

        proof = await scene.proof(run_id, seconds=180.0)

        await self._the_refused_were_not_kept(scene, run_id)
        assert proof.in_doubt > 0
        scene.tell("G2", f"a mail server that misbehaves in {len(ALL_FINALS) + 5} ways: {proof}")

    async def _the_refused_were_not_kept(self, scene: Scene, run_id: str) -> None:
        by_state = await peers.ids(scene.api, run_id)
        held = await scene.held("EMAIL")
        assert by_state["FAILED"], "nothing was refused"
        assert not by_state["FAILED"] & held.keys()

    @only_long
    async def test_it_reads_slowly(self, scene: Scene, round_: int) -> None:
        for proxy in scene.proxies.named("", "mail"):
            proxy.weather = proxy.weather.but(bytes_per_second=20_000, slice_bytes=512)
        run_id = await scene.start("EMAIL")
        await scene.until_sent(run_id, 0.2)
        scene.proxies.clear()

        proof = await scene.proof(run_id)

        assert proof.taken == proof.planned
        scene.tell("G2", f"a mail server that reads slowly: {proof}")

    @only_long
    async def test_it_dies(self, scene: Scene, dice: random.Random, round_: int) -> None:
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.5))
        scene.house.kill("sandbox")

        proof = await scene.proof(run_id)

        assert proof.in_doubt <= 2 * WINDOWS["EMAIL"]
        scene.tell("G2", f"the mail server killed: {proof}")


@only_long
class TestEachWay:
    @pytest.mark.parametrize("way", FINALS)
    async def test_of_a_hundred_mails_one(
        self, scene: Scene, dice: random.Random, way: str
    ) -> None:
        await scene.mail_behaves(final=FINALS[way], seed=dice.randrange(2**31))
        run_id = await scene.start("EMAIL")

        proof = await scene.proof(run_id, seconds=180.0)

        in_doubt = proof.in_doubt > 0
        assert in_doubt == any(it in DOUBTFUL for it in FINALS[way])
        scene.tell("G3" if in_doubt else "G2", f"{way}: {proof}")
