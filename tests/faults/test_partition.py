"""Between two parts nothing passes, or only one way, or in slices, or everything is cut."""

import asyncio
import random
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from tests.faults.conftest import LEASE_SECONDS, LONG, PER_SECOND, WINDOWS, only_long
from tests.faults.proxy import Proxy, Silent
from tests.faults.scene import ASK_SECONDS, Scene

BEYOND_SECONDS = 1.5
WANTED_SECONDS = 60.0
PROCESSES = ("notifier", "notifier-2", "campaigns", "campaigns-2", "leads", "interactions")


@dataclass(frozen=True)
class Case:
    """Who is parted from whom, and how; `channel` is that of the campaign meanwhile.

    Where a campaign under way needs nothing of the other, another `begins` in the silence.
    """

    name: str
    pairs: tuple[str, ...]
    channel: str = "EMAIL"
    silent: Silent = Silent.BOTH
    short: bool = False
    begins: bool = False

    def proxies(self, scene: Scene) -> list[Proxy]:
        """The proxies that fall silent."""
        return [it for pair in self.pairs for it in scene.proxies.named(*pair.split(">"))]


def both(service: str, whom: str) -> tuple[str, ...]:
    """Both replicas of a service and whom they lose."""
    return (f"{service}>{whom}", f"{service}-2>{whom}")


CASES = (
    # Statements pass and their answers do not: the worst place to be parted from a database.
    Case(
        "a notifier hears nothing from its database and its mail server",
        ("notifier-2>postgres", "notifier-2>mail"),
        silent=Silent.ANSWERS,
        short=True,
    ),
    Case("campaigns from everything", ("campaigns>", "campaigns-2>"), short=True),
    Case("a notifier from everything", ("notifier>",)),
    Case("a notifier from the mail server", ("notifier-2>mail",)),
    Case("both notifiers hear nothing from the mail server", both("notifier", "mail"),
         silent=Silent.ANSWERS),
    Case("a notifier from the SMSC", ("notifier-2>smpp",), "SMS"),
    Case("a notifier hears nothing from the SMSC", ("notifier>smpp",), "SMS", Silent.ANSWERS),
    Case("a notifier from its database", ("notifier>postgres",)),
    Case("both notifiers from their database", both("notifier", "postgres"), "SMS"),
    Case("both notifiers from the broker", both("notifier", "nats")),
    Case("both notifiers hear nothing from the broker", both("notifier", "nats"),
         silent=Silent.ANSWERS),
    Case("both notifiers from campaigns", both("notifier", "campaigns"), begins=True),
    Case("campaigns from its database", both("campaigns", "postgres"), silent=Silent.ANSWERS),
    Case("campaigns from the broker", both("campaigns", "nats"), silent=Silent.ANSWERS),
    Case("campaigns from leads", both("campaigns", "leads"), begins=True),
    Case("campaigns from the notifier", both("campaigns", "notifier"), begins=True),
    Case("leads from its database and the broker", ("leads>",)),
    Case("the gateway from everything", ("gateway>",)),
)  # fmt: skip


class TestSilence:
    @pytest.mark.parametrize(
        "case", [it for it in CASES if LONG or it.short], ids=lambda it: it.name
    )
    async def test_it_doubles_nothing_and_all_goes_on_without_a_restart(
        self, scene: Scene, dice: random.Random, case: Case
    ) -> None:
        restarts = scene.restarts(*PROCESSES)
        run_id = await scene.start(case.channel, per_second=PER_SECOND)
        await scene.until_sent(run_id, dice.uniform(0.05, 0.3))
        silent = case.proxies(scene)
        for proxy in silent:
            proxy.held = 0
            proxy.weather = proxy.weather.but(silent=case.silent)
        begun = asyncio.create_task(self._begun(scene, case))
        async with asyncio.timeout(WANTED_SECONDS):  # something wants to pass, and waits
            while not any(proxy.held for proxy in silent):  # noqa: ASYNC110
                await asyncio.sleep(ASK_SECONDS)
        await asyncio.sleep(LEASE_SECONDS + BEYOND_SECONDS)
        scene.proxies.clear()
        healed = time.monotonic()

        proof = await scene.proof(run_id)

        recovery = time.monotonic() - healed
        for another in await begun:
            await scene.proof(another)
        assert scene.restarts(*PROCESSES) == restarts
        assert proof.in_doubt <= 2 * WINDOWS[case.channel]
        again = await scene.proof(await scene.start(case.channel))
        assert again.in_doubt == 0
        scene.tell("G12", f"{recovery:.1f} s after the silence {proof}")

    async def _begun(self, scene: Scene, case: Case) -> list[str]:
        """Begin a campaign of a content that nobody has; the run's id, as soon as it can be."""
        if not case.begins:
            return []
        html = f"<p>{uuid.uuid4()}</p>"
        body = {"channel": case.channel, "name": f"Fault {html}", "subject": "Chào", "html": html}
        made = await scene.answered(lambda: scene.api.post("/templates", body))
        return [await scene.start(case.channel, template_id=made["id"])]


@only_long
class TestRoughWeather:
    async def test_slices_delays_and_cuts_everywhere(
        self, scene: Scene, dice: random.Random
    ) -> None:
        restarts = scene.restarts(*PROCESSES)
        everywhere: list[Proxy] = scene.proxies.named("")
        rough: dict[str, Any] = {"slice_bytes": 1400, "latency": 0.002}
        for proxy in everywhere:
            proxy.weather = proxy.weather.but(**rough)
        run_id = await scene.start("EMAIL", per_second=PER_SECOND)
        cuts = 0
        while (run := await scene.run(run_id))["state"] != "COMPLETED" and cuts < 200:
            if run["state"] == "SENDING":
                dice.choice(everywhere).reset()
                cuts += 1
            await asyncio.sleep(ASK_SECONDS)
        scene.proxies.clear()

        proof = await scene.proof(run_id)

        assert cuts > 0
        assert scene.restarts(*PROCESSES) == restarts
        scene.tell("G12", f"{cuts} times every connection between two parts cut: {proof}")
