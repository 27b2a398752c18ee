"""What is measured, through the REST API as any program would do it."""

import asyncio
import math
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp

from local.demo import content, job
from local.demo.api import Access, Api, Json
from local.demo.table import audience_sum, planned_sum

TAKEN = ("accepted", "delivered", "bounced")
ASK_SECONDS = 0.3
TRANSACTIONAL_DOMAIN = "bench.example"


class NotMeasured(Exception):
    """Something did not do what was to be measured; the text says what."""


@dataclass(frozen=True)
class Sent:
    """One campaign that ran to its end: what it says of itself, and its rates per second."""

    run: Json
    planned: int
    plan_per_second: float
    messages_per_second: float


def access(state: Mapping[str, str]) -> Access:
    """Return how to call the house that says `state` of itself."""
    return Access(
        api_url=state["gateway_url"],
        token_url=state["token_url"],
        client_id=state["client_id"],
        client_secret=Path(state["client_secret_file"]).read_text(),
    )


def silent(_name: str, _done: int, _total: int) -> None:
    """Tell nobody of progress."""


async def bring_in(api: Api, file: Path) -> float:
    """Import a file; returns rows per second from the upload's begin to the last row."""
    began = time.monotonic()
    imported = await job.bring_in(api, file, silent, dry_run=False)
    seconds = time.monotonic() - began
    rows = imported.get("ledger", {}).get("rows", 0)
    if imported["state"] != "COMPLETED" or not rows:
        raise NotMeasured(f"the import ended as {imported['state']}: {imported.get('failure')}")
    return float(rows / seconds)


async def send(api: Api, channel: str, segment_id: str) -> Sent:
    """Run one campaign of care to a segment from its start to its last outcome."""
    advertiser_id, identity_id = await job.sender(api, channel)
    campaign = await api.post(
        "/campaigns",
        {
            "name": f"Benchmark {channel} {uuid.uuid4()}",
            "channel": channel,
            "purpose": "CARE",
            "advertiser_id": advertiser_id,
            "sender_identity_id": identity_id,
            "template_id": await job.template(api, channel),
            "audience": {"segment_ids": [segment_id]},
        },
    )
    run = await api.post(f"/campaigns/{campaign['id']}:start", {}, key=str(uuid.uuid4()))
    run = await _end(api, run["id"])
    if not (audience_sum(run).holds and planned_sum(run).holds):
        raise NotMeasured(f"the sums of run {run['id']} do not hold")
    taken = sum(run["counts"][name] for name in TAKEN)
    began, planned, ended = (_time(run[it]) for it in ("create_time", "plan_time", "end_time"))
    if run["state"] != "COMPLETED" or taken != run["planned"]:
        raise NotMeasured(f"{taken} of {run['planned']} were taken, the run is {run['state']}")
    return Sent(
        run, run["planned"], run["audience"] / (planned - began), run["planned"] / (ended - began)
    )


async def _end(api: Api, run_id: str) -> Json:
    while True:
        run = await api.get(f"/runs/{run_id}")
        if run["state"] in job.RUN_ENDS:
            return run
        await asyncio.sleep(ASK_SECONDS)


@dataclass
class Transactional:
    """Mails of the transactional lane, one after the other, while something else runs."""

    api: Api
    inbox_url: str
    _asked: dict[str, float] = field(default_factory=dict)

    async def keep_asking(self) -> None:
        """Ask for one message after the other until cancelled."""
        advertiser_id, identity_id = await job.sender(self.api, "EMAIL")
        while True:
            address = f"{uuid.uuid4().hex}@{TRANSACTIONAL_DOMAIN}"
            self._asked[address] = time.time()
            await self.api.post(
                "/messages",
                {
                    "channel": "EMAIL",
                    "address": address,
                    "purpose": "TRANSACTIONAL",
                    "advertiser_id": advertiser_id,
                    "sender_identity_id": identity_id,
                    "subject": content.TEMPLATES["EMAIL"]["name"],
                    "text": "123456",
                },
                key=address,
            )
            await asyncio.sleep(ASK_SECONDS)

    async def seconds(self) -> list[float]:
        """Return how long each took from before the call until the mail server had it."""
        found = await asyncio.gather(*map(self._arrival, self._asked))
        return sorted(
            there - asked for asked, there in zip(self._asked.values(), found, strict=True)
        )

    async def _arrival(self, address: str) -> float:
        query = {"channel": "email", "q": address}
        async with aiohttp.ClientSession() as http:
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                async with http.get(f"{self.inbox_url}/api/messages", params=query) as answer:
                    items = (await answer.json())["items"]
                if items:
                    return float(items[0]["received_at"])
                await asyncio.sleep(ASK_SECONDS)
        return math.inf


def percentile(of: list[float], part: float) -> float:
    """Return the smallest of sorted `of` that `part` of them do not exceed; nan of none."""
    return of[max(0, math.ceil(part * len(of)) - 1)] if of else math.nan


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
