"""Processes whose clocks are hours off: nothing goes early or late."""

import random
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from local.demo import job
from local.demo.api import Json
from local.home import ROOT
from tests.faults.conftest import LONG, PER_SECOND
from tests.faults.scene import Scene, sent

SHIM = Path(__file__).parent / "shim"
TWO_HOURS = 7200
EACH = 10
SLEEPS, NOON = 6, 12  # hours: before any advertising may be sent, and within every law's hours
LATE = 22


def off(seconds: int) -> dict[str, str]:
    """Return what makes a process's clock so many seconds wrong."""
    path = f"{SHIM}:{ROOT}:{ROOT / 'gen'}"
    return {"PYTHONPATH": path, "FAULTS_CLOCK_SECONDS": str(seconds)}


def zone(hour: int) -> str:
    """Return a time zone where it is now that hour of the day."""
    ahead = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{'-' if ahead >= 0 else '+'}{abs(ahead)}"


@pytest.fixture(params=[TWO_HOURS, -TWO_HOURS] if LONG else [TWO_HOURS])
async def wrong(scene: Scene, request: pytest.FixtureRequest) -> AsyncIterator[int]:
    """A notifier's and a campaigns' clock are off; that notifier alone has the SMS.

    Nobody calls these two, since to them every token has expired; they work by themselves.
    """
    seconds: int = request.param
    changed = {
        "notifier": {"MEKONG_SMPP_URL": ""},
        "notifier-2": off(seconds),
        "campaigns-2": off(seconds),
    }
    for proxy in (*scene.proxies.named("", "notifier-2"), *scene.proxies.named("", "campaigns-2")):
        proxy.weather = proxy.weather.but(refuses=True)
    for name, variables in changed.items():
        scene.house.change(name, variables)
    await scene.reborn(*changed)
    yield seconds
    for name in changed:
        scene.house.change(name, {})
    await scene.reborn(*changed)


class TestAClockThatIsTwoHoursOff:
    async def test_nothing_goes_early_or_late(
        self, scene: Scene, wrong: int, dice: random.Random
    ) -> None:
        asleep = [zone(SLEEPS), zone(LATE)]
        segment_id, awake_ids = await self._people(scene, asleep, zone(NOON))
        advertising = await scene.start("SMS", segment_id=segment_id, purpose="MARKETING")
        in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        run_id = await scene.start("EMAIL", per_second=PER_SECOND, not_after=in_an_hour)

        proof = await scene.proof(run_id)
        run = await scene.until(advertising, lambda it: self._rests(it))
        waiting = [it for it in await scene.recipients(advertising) if it["state"] == "DEFERRED"]
        await scene.answered(lambda: scene.api.post(f"/runs/{advertising}:cancel", {}))

        assert proof.taken == proof.planned
        assert {it["contact_id"] for it in waiting}.isdisjoint(awake_ids)
        assert len(waiting) == EACH * len(asleep)
        assert sent(run) == len(awake_ids)
        scene.tell(
            "G13",
            f"a notifier and a campaigns {wrong / 3600:+.0f} h off: {proof}; of {run['planned']} "
            f"SMS the {sent(run)} within their hours went, {len(waiting)} wait",
        )

    def _rests(self, run: Json) -> bool:
        counts = run["counts"]
        return bool(run["planned"] and sent(run) + counts["deferred"] == run["planned"])

    async def _people(self, scene: Scene, asleep: list[str], awake: str) -> tuple[str, set[str]]:
        """Return a segment of people who want advertising, and those where it is day now."""
        advertiser_id, _ = await scene.answered(lambda: job.sender(scene.api, "SMS"))
        tag = f"clock-{uuid.uuid4().hex[:8]}"
        awake_ids = set()
        for number, place in enumerate(EACH * [*asleep, awake]):
            contact = await scene.api.post(
                "/contacts",
                {
                    "display_name": f"Giờ {number}",
                    "phones": [{"number": f"+658123{number:04d}"}],
                    "time_zone": place,
                    "tags": [tag],
                },
            )
            given = {
                "advertiser_id": advertiser_id,
                "purpose": "MARKETING",
                "channel": "SMS",
                "time": "2026-01-02T03:04:05Z",
                "method": "paper",
                "evidence": "form 1",
            }
            await scene.api.post(f"/contacts/{contact['id']}/consents:give", given)
            if place == awake:
                awake_ids.add(str(contact["id"]))
        made = await scene.api.post(
            "/segments", {"name": tag, "definition": {"conditions": [{"tag": {"tags": [tag]}}]}}
        )
        return str(made["id"]), awake_ids
