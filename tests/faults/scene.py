"""What a fault test works with: campaigns in a house whose processes it breaks, and the proof."""

import asyncio
import contextlib
import itertools
import sqlite3
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import aiohttp
import psycopg

from local.demo import job, peers, table
from local.demo.api import Api, Json, Refused
from local.running import House
from tests.faults.figures import Tell
from tests.faults.proof import Proof
from tests.faults.proxy import Proxies

T = TypeVar("T")

ASK_SECONDS = 0.1
ANSWER_SECONDS = 60.0
PUBLISHERS = ("leads", "campaigns", "notifier")
TAKEN = ("ACCEPTED", "DELIVERED", "BOUNCED")


class TooLate(AssertionError):
    """What a test waited for did not come in time."""


@dataclass
class Scene:
    """A running house with people in it; `tell` keeps a figure for the end of the test run."""

    house: House
    api: Api
    segment_id: str
    tell: Tell
    proxies: Proxies
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(
        self,
        channel: str,
        *,
        per_second: int = 0,
        segment_id: str = "",
        purpose: str = "CARE",
        **more: str,
    ) -> str:
        """Start a campaign to everybody, or to a segment; returns the run's id.

        `more` are fields of the campaign.
        """
        async with self.turn:  # what is missing is made once
            advertiser_id, identity_id = await self.answered(lambda: job.sender(self.api, channel))
            template_id = await self.answered(lambda: job.template(self.api, channel))
        body = {
            "name": f"Fault {uuid.uuid4()}",
            "channel": channel,
            "purpose": purpose,
            "advertiser_id": advertiser_id,
            "sender_identity_id": identity_id,
            "template_id": template_id,
            "audience": {"segment_ids": [segment_id or self.segment_id]},
            "max_per_second": per_second,
            **more,
        }
        campaign = await self.answered(lambda: self.api.post("/campaigns", body))
        key = str(uuid.uuid4())
        run = await self.answered(
            lambda: self.api.post(f"/campaigns/{campaign['id']}:start", {}, key=key)
        )
        return str(run["id"])

    async def run(self, run_id: str) -> Json:
        """Return the run, asking again while the house does not answer."""
        return await self.answered(lambda: self.api.get(f"/runs/{run_id}"))

    async def answered(
        self, call: Callable[[], Awaitable[T]], seconds: float = ANSWER_SECONDS
    ) -> T:
        """Return what `call` returns, repeated while somebody on its way is away."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                return await call()
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                failure: Exception = error
            except Refused as refusal:
                # 401: services that have just started may not have fetched the keys yet.
                if refusal.status < 500 and refusal.status not in (401, 429):
                    raise
                failure = refusal
            if time.monotonic() > deadline:
                raise TooLate(f"no answer within {seconds:.0f} s") from failure
            await asyncio.sleep(ASK_SECONDS)

    async def whole(self, seconds: float = 60.0) -> None:
        """Wait until every process of the house is ready again."""
        deadline = time.monotonic() + seconds
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            while missing := await self._not_ready(http):
                if time.monotonic() > deadline:
                    raise TooLate(f"not ready within {seconds:.0f} s: {missing}")
                await asyncio.sleep(ASK_SECONDS)

    async def away(self) -> int:
        """Return how many processes are not ready now."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as http:
            return len(await self._not_ready(http))

    def restarts(self, *names: str) -> int:
        """Return how many times in all these processes were started again."""
        processes = self.house.state["processes"]
        return sum(processes[name]["restarts"] for name in names)

    async def reborn(self, *names: str) -> None:
        """Kill these processes and wait until each is ready in its next life."""
        before = {name: await self._killed(name) for name in names}
        deadline = time.monotonic() + ANSWER_SECONDS
        while any(self.house.pid(name) in (None, pid) for name, pid in before.items()):
            if time.monotonic() > deadline:
                raise TooLate(f"{', '.join(names)} did not come back")
            await asyncio.sleep(ASK_SECONDS)
        await self.whole()

    async def _killed(self, name: str) -> int:
        """Kill a process, which may be between two lives; returns the id it had."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ProcessLookupError):
                return self.house.kill(name)
            await asyncio.sleep(ASK_SECONDS)
        raise TooLate(f"{name} does not begin")

    def database(self, service: str) -> str:
        """Return the URL of a service's database, past its proxy."""
        return str(self.house.state["databases"][service]).replace("+psycopg", "")

    def waiting(self, service: str) -> int:
        """Return how many events of a service are still to be published."""
        with psycopg.connect(self.database(service), autocommit=True) as connection:
            query = "select count(*) from outbox where published_at is null"
            row = connection.execute(query).fetchone()
        return row[0] if row else 0

    async def drained(self, seconds: float = 30.0) -> None:
        """Wait until no service has anything left to publish."""
        async with asyncio.timeout(seconds):
            while any(map(self.waiting, PUBLISHERS)):  # noqa: ASYNC110
                await asyncio.sleep(ASK_SECONDS)

    async def until(
        self, run_id: str, condition: Callable[[Json], Any], seconds: float = 60.0
    ) -> Json:
        """Return the run as soon as `condition` holds of it."""
        deadline = time.monotonic() + seconds
        while not condition(run := await self.run(run_id)):
            if time.monotonic() > deadline:
                raise TooLate(f"not within {seconds:.0f} s: {run['state']} {run['counts']}")
            await asyncio.sleep(ASK_SECONDS)
        return run

    async def until_sent(self, run_id: str, part: float) -> Json:
        """Return the run when at least `part` of its messages were taken and some still wait."""
        run = await self.until(
            run_id, lambda it: it["planned"] and sent(it) >= part * it["planned"]
        )
        assert sent(run) < run["planned"], "the run was over before anything could be broken"
        return run

    async def proof(self, run_id: str, seconds: float = 90.0) -> Proof:
        """Wait for the run's end, hold all three accounts against each other, and return them."""
        await self.until(run_id, lambda it: it["state"] == "COMPLETED", seconds)
        run, by_state, held = await self._at_rest(run_id, seconds)
        assert table.audience_sum(run).holds, run
        assert table.planned_sum(run).holds, run
        taken, perhaps = peers.union(by_state, TAKEN), peers.union(by_state, peers.PERHAPS)
        others = peers.union(by_state, by_state) - taken - perhaps
        found = peers.compare(taken, perhaps, others, held)
        assert len(taken | perhaps | others) == run["planned"], "recipients are missing"
        assert found.doubled == 0, f"{found.doubled} messages were sent twice"
        assert found.missing == 0, f"{found.missing} messages said to be taken are not there"
        assert found.unexplained == 0, f"{found.unexplained} messages arrived that should not"
        doubts = by_state.get("IN_DOUBT", set())
        return Proof(
            planned=run["planned"],
            taken=len(taken),
            in_doubt=len(doubts),
            in_doubt_held=len(doubts & held.keys()),
            other=len((perhaps | others) - doubts),
        )

    async def mail_behaves(self, **how: Any) -> None:
        """Have the mail server behave so (`local.sandbox.behaviour`); well, without arguments."""
        url = f"{self.house.state['inbox_url']}/api/mail/behaviour"

        async def put() -> None:
            async with aiohttp.ClientSession() as http, http.put(url, json=how) as answer:
                answer.raise_for_status()

        await self.answered(put)

    async def held(self, channel: str) -> dict[str, int]:
        """Return the copies of each message id that the sandbox peer has."""
        return await self.answered(lambda: peers.held(self.house.state["inbox_url"], channel))

    def received(self, channel: str) -> dict[str, float]:
        """Return when the sandbox peer kept each message first, in Unix seconds, by message id."""
        query = """select message_id, min(received_at) from received
            where channel = ? group by message_id"""
        return dict(self._kept(query, channel.lower()))

    def kept(self, channel: str, message_id: str) -> bytes:
        """Return a message as the sandbox peer kept it."""
        query = "select raw from received where channel = ? and message_id = ?"
        ((raw,),) = self._kept(query, channel.lower(), message_id)
        return bytes(raw)

    def recipients_of_mails(self) -> list[str]:
        """Return the recipient of each mail that the sandbox kept, again for each copy."""
        return [
            it for (it,) in self._kept("select recipient from received where channel = 'email'")
        ]

    def arrivals(self, channel: str, since: float) -> list[float]:
        """Return in order when messages arrived at the sandbox after `since`, in Unix seconds."""
        return sorted(at for at in self.received(channel).values() if at > since)

    async def recipients(self, run_id: str) -> list[Json]:
        """Return everybody of a run."""
        return [it async for it in self.api.every(f"/runs/{run_id}/recipients", "recipients")]

    def longest_silence(self, channel: str, since: float) -> float:
        """Return the longest time from `since` on in which nothing arrived, in seconds."""
        times = [since, *self.arrivals(channel, since)]
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)

    def _kept(self, query: str, *arguments: str) -> list[Any]:
        file = self.house.home / "data" / "sandbox" / "received.sqlite3"
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            return store.execute(query, arguments).fetchall()

    async def _not_ready(self, http: aiohttp.ClientSession) -> list[str]:
        missing = []
        for name, process in self.house.state["processes"].items():
            try:
                async with http.get(f"{process['http_url']}/readyz") as answer:
                    ready = answer.status == 200
            except KeyError:  # a server, which has no such page
                ready = process["pid"] is not None
            except (aiohttp.ClientError, TimeoutError, OSError):
                ready = False
            missing += [] if ready else [name]
        return missing

    async def _at_rest(
        self, run_id: str, seconds: float
    ) -> tuple[Json, dict[str, set[str]], dict[str, int]]:
        """Return the run, its ids by state and what the peer holds, of one and the same moment.

        A run is over while messages are in doubt; whoever stalled may know better afterwards.
        """
        deadline = time.monotonic() + seconds
        run = await self._agreed(run_id, seconds)
        while True:
            by_state = await self.answered(lambda: peers.ids(self.api, run_id))
            held = await self.held(run["channel"])
            before, run = run, await self._agreed(run_id, seconds)
            if run["counts"] == before["counts"]:
                return run, by_state, held
            if time.monotonic() > deadline:
                raise TooLate(f"it goes on: {before['counts']}, {run['counts']}")

    async def _agreed(self, run_id: str, seconds: float) -> Json:
        """Return the run once campaigns and the notifier count the same."""
        deadline = time.monotonic() + seconds
        while True:
            run = await self.run(run_id)
            own = await self.answered(lambda: self.api.get(f"/runs/{run_id}/message-counts"))
            theirs = {it["state"].lower(): it["count"] for it in own["counts"] if it["count"]}
            ours = {name: count for name, count in run["counts"].items() if count}
            if ours == theirs:
                return run
            if time.monotonic() > deadline:
                raise TooLate(f"campaigns counts {ours}, the notifier {theirs}")
            await asyncio.sleep(ASK_SECONDS)


def sent(run: Json) -> int:
    """Return how many of a run's messages were taken."""
    counts = run["counts"]
    return int(counts["accepted"] + counts["delivered"])
