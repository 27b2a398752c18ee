"""What is measured, through the REST API as any program would do it."""

import asyncio
import math
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

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


async def campaign(
    api: Api, channel: str, segment_id: str, sender_id: str = "", purpose: str = "CARE"
) -> str:
    """Make a campaign to a segment, from `sender_id` or the house's own; return its id."""
    advertiser_id, identity_id = await job.sender(api, channel)
    made = await api.post(
        "/campaigns",
        {
            "name": f"Benchmark {channel} {uuid.uuid4()}",
            "channel": channel,
            "purpose": purpose,
            "advertiser_id": advertiser_id,
            "sender_identity_id": sender_id or identity_id,
            "template_id": await job.template(api, channel),
            "audience": {"segment_ids": [segment_id]},
        },
    )
    return str(made["id"])


async def follow_up(
    api: Api, sender: tuple[str, str], contact_ids: Sequence[str], start: datetime, name: str
) -> str:
    """Plan an e-mail of an advertiser's sender to contacts, due at `start`; return its id."""
    made = await api.post(
        "/follow-ups",
        {
            "title": name,
            "type": "EMAIL",
            "contact_ids": contact_ids,
            "start_time": start.isoformat(),
            "message": message(*sender),
        },
        key=name,
    )
    return str(made["id"])


def message(advertiser_id: str, sender_identity_id: str) -> Json:
    """Return a message of a follow-up, transactional: consent is no reason to get nothing."""
    return {
        "advertiser_id": advertiser_id,
        "sender_identity_id": sender_identity_id,
        "purpose": "TRANSACTIONAL",
        "subject": "Chào {{ display_name }}",
        "text": "Cảm ơn {{ display_name }}.",
    }


async def start(
    api: Api, channel: str, segment_id: str, sender_id: str = "", purpose: str = "CARE"
) -> Json:
    """Start such a campaign and return its run."""
    campaign_id = await campaign(api, channel, segment_id, sender_id, purpose)
    return await api.post(f"/campaigns/{campaign_id}:start", {}, key=str(uuid.uuid4()))


async def planned(api: Api, run_id: str) -> Json:
    """Return a run as soon as its plan is frozen."""
    while True:
        run = await api.get(f"/runs/{run_id}")
        if run["state"] != "PLANNING":
            return run
        await asyncio.sleep(ASK_SECONDS)


async def send(
    api: Api, channel: str, segment_id: str, sender_id: str = "", purpose: str = "CARE"
) -> Sent:
    """Run one campaign to a segment from its start to its last outcome."""
    run = await start(api, channel, segment_id, sender_id, purpose)
    return result(await ended(api, run["id"]))


def result(run: Json) -> Sent:
    """Return what came of a run that ended; raises `NotMeasured` unless everybody was sent to."""
    if not (audience_sum(run).holds and planned_sum(run).holds):
        raise NotMeasured(f"the sums of run {run['id']} do not hold")
    if run["state"] != "COMPLETED" or taken(run) != run["planned"]:
        raise NotMeasured(f"{taken(run)} of {run['planned']} were taken, the run is {run['state']}")
    began, plan, end = (_time(run[it]) for it in ("create_time", "plan_time", "end_time"))
    return Sent(
        run, run["planned"], run["audience"] / (plan - began), run["planned"] / (end - began)
    )


def taken(run: Json) -> int:
    """Return how many messages of a run somebody took."""
    return sum(run["counts"][name] for name in TAKEN)


def plan_seconds(run: Json) -> float:
    """Return how long a run was planned."""
    return _time(run["plan_time"]) - _time(run["create_time"])


async def ended(api: Api, run_id: str) -> Json:
    """Return a run once it has ended."""
    while True:
        run = await api.get(f"/runs/{run_id}")
        if run["state"] in job.RUN_ENDS:
            return run
        await asyncio.sleep(ASK_SECONDS)


@dataclass
class Transactional:
    """Mails of the transactional lane, one after the other, while something else runs."""

    api: Api
    _asked: dict[str, float] = field(default_factory=dict)

    async def keep_asking(self) -> None:
        """Ask for one message after the other until cancelled."""
        advertiser_id, identity_id = await job.sender(self.api, "EMAIL")
        while True:
            address = f"{uuid.uuid4().hex}@{TRANSACTIONAL_DOMAIN}"
            began = time.time()
            message = await self.api.post(
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
            self._asked[message["id"]] = began
            await asyncio.sleep(ASK_SECONDS)

    async def seconds(self) -> list[float]:
        """Return how long each took from before the call until its submission began."""
        found = await asyncio.gather(*map(self._submission, self._asked))
        return sorted(at - asked for asked, at in zip(self._asked.values(), found, strict=True))

    async def _submission(self, message_id: str) -> float:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            attempts = (await self.api.get(f"/messages/{message_id}")).get("attempts", [])
            if attempts:
                return _time(attempts[0]["start_time"])
            await asyncio.sleep(ASK_SECONDS)
        return math.inf


def percentile(of: list[float], part: float) -> float:
    """Return the smallest of sorted `of` that `part` of them do not exceed; nan of none."""
    return of[max(0, math.ceil(part * len(of)) - 1)] if of else math.nan


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
