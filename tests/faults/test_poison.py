"""A message that cannot be handled blocks nobody, and is kept among the dead letters."""

import asyncio
import os
import re
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import aiohttp
import nats
import psycopg
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from local.home import ROOT
from tests.faults import facts
from tests.faults.conftest import only_long
from tests.faults.scene import Scene

PROMISED_SECONDS = 1.0
LOOK_SECONDS = 0.01
GARBAGE = b"\xff\xfe\x00 this is no protobuf \xff"
TOO_LARGE = 1_200_000
FAILED = re.compile(r'^mekong_consumer_failed_total\{durable="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """A consumer of a service, and a subject it takes."""

    stream: str
    durable: str
    subject: str


LINES = (
    Line("FACTS", "interactions-timeline", "crm.leads.v1.ContactCreated"),
    Line("FACTS", "interactions-contacts", "crm.leads.v1.ContactDeleted"),
    Line("CONTROL", "interactions-control", "crm.leads.v1.ConsentGiven"),
    Line("FACTS", "campaigns-progress", "crm.notifier.v1.MessagesProgressed"),
    Line("FACTS", "campaigns-complaints", "crm.notifier.v1.MessageComplained"),
    Line("FACTS", "leads-addresses", "crm.notifier.v1.AddressesFailed"),
    Line("CONTROL", "leads-control", "crm.notifier.v1.SuppressionAdded"),
    Line("CONTROL", "notifier-vn-control", "crm.leads.v1.ConsentWithdrawn"),
    Line("CONTROL", "notifier-vn-control", "crm.campaigns.v1.RunPaused"),
)


@dataclass
class Bus:
    """The broker of the house, as a test speaks with it."""

    client: Client

    async def put(self, line: Line, data: bytes, event_id: str = "") -> int:
        """Publish an event nobody has seen; returns its place in the stream."""
        event_id = event_id or str(uuid.uuid4())
        headers = {"ce-id": event_id, "Nats-Msg-Id": event_id, "ce-type": line.subject}
        ack = await self.client.jetstream().publish(line.subject, data, headers=headers)
        return int(ack.seq)

    async def last(self, line: Line) -> bytes:
        """Return the newest event of the line's subject."""
        message = await self.client.jetstream().get_last_msg(line.stream, line.subject)
        return bytes(message.data or b"")

    async def handled(self, line: Line, seq: int, but: int = 0, within: float = 30.0) -> float:
        """Return the seconds until an event, and all before it but `but` of them, was handled."""
        began = time.monotonic()
        async with asyncio.timeout(within):
            while True:
                info = await self.client.jetstream().consumer_info(line.stream, line.durable)
                delivered = info.delivered.stream_seq if info.delivered else 0
                if delivered >= seq and (info.num_ack_pending or 0) <= but:
                    return time.monotonic() - began
                await asyncio.sleep(LOOK_SECONDS)

    async def only_open(self, line: Line, seq: int, within: float = 30.0) -> bool:
        """Return, once at most one event is without an answer, whether it is this one.

        What a handler wrote is seen before its answer is here: others may lack theirs for a moment.
        """
        js = self.client.jetstream()
        async with asyncio.timeout(within):
            info = await js.consumer_info(line.stream, line.durable)
            while (info.num_ack_pending or 0) > 1:
                await asyncio.sleep(LOOK_SECONDS)
                info = await js.consumer_info(line.stream, line.durable)
        delivered = info.delivered.stream_seq if info.delivered else 0
        answered = info.ack_floor.stream_seq if info.ack_floor else 0
        return info.num_ack_pending == 1 and answered < seq <= delivered

    async def buried(self, line: Line, seq: int, within: float = 30.0) -> int:
        """Return the number of the dead letter of an event once it is there."""
        js = self.client.jetstream()
        async with asyncio.timeout(within):
            while True:
                try:
                    letter = await js.get_last_msg("DLQ", f"dlq.{line.durable}")
                except NotFoundError:
                    letter = None
                if letter and (letter.headers or {}).get("Mekong-Sequence") == str(seq):
                    return int(letter.seq or 0)
                await asyncio.sleep(LOOK_SECONDS)


@asynccontextmanager
async def broker(scene: Scene) -> AsyncIterator[Bus]:
    """The broker, for a block."""
    client = await nats.connect(scene.house.state["nats_url"])
    try:
        yield Bus(client)
    finally:
        await client.close()


async def failures(scene: Scene) -> Counter[str]:
    """Return how often handlers raised, by consumer, as the processes count it."""
    found: Counter[str] = Counter()
    async with aiohttp.ClientSession() as http:
        for process in scene.house.state["processes"].values():
            if "http_url" in process:
                async with http.get(f"{process['http_url']}/metrics") as answer:
                    text = await answer.text()
                for durable, value in FAILED.findall(text):
                    found[durable] += int(float(value))
    return found


def letters(scene: Scene, *arguments: str) -> str:
    """Return what the operator's command says."""
    done = subprocess.run(
        [sys.executable, "-m", "services.letters", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'gen'}",
             "MEKONG_NATS_URL": scene.house.state["nats_url"]},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return done.stdout


class TestGarbage:
    async def test_it_is_buried_at_once_and_the_next_is_handled(self, scene: Scene) -> None:
        await facts.something_of_each(scene)
        slowest = 0.0
        numbers = []
        async with broker(scene) as bus:
            for line in LINES:
                good = await bus.last(line)
                bad = await bus.put(line, GARBAGE)
                after = await bus.put(line, good)
                slowest = max(slowest, await bus.handled(line, after))
                numbers.append(await bus.buried(line, bad))
            # A chunk of work: its line has no past, so the next is a campaign's own.
            chunk = Line("NOTIFY_VN", "notifier-vn-bulk", "notify.vn.bulk")
            bad = await bus.put(chunk, GARBAGE)
            proof = await scene.proof(await scene.start("EMAIL"))
            numbers.append(await bus.buried(chunk, bad))
            told = letters(scene, "replay", str(numbers[0]))
            again = await bus.buried(LINES[0], await self._place(bus, LINES[0]))
            letters(scene, "discard", str(again), *map(str, numbers[1:]))

        assert slowest < PROMISED_SECONDS
        assert proof.taken == proof.planned
        assert "1 sent again" in told
        scene.tell(
            "G11",
            f"garbage on {len(LINES) + 1} lines: {len(numbers)} dead letters, the next handled "
            f"within {slowest:.2f} s; one sent again and buried again, {len(numbers)} discarded",
        )

    async def _place(self, bus: Bus, line: Line) -> int:
        js = bus.client.jetstream()
        found = await js.get_last_msg(line.stream, line.subject)
        return int(found.seq or 0)


@contextmanager
def refusing(scene: Scene, service: str, event_id: str) -> Iterator[None]:
    """Have the database of a service refuse the transaction of one event inside the block."""
    with psycopg.connect(scene.database(service), autocommit=True) as connection:
        # The id is ours: no quote is in it.
        condition = f"check (event_id <> '{event_id}') not valid"
        connection.execute(f"alter table inbox add constraint poison {condition}".encode())
        try:
            yield
        finally:
            connection.execute("alter table inbox drop constraint poison")


@only_long
class TestAHandlerThatRaises:
    async def test_the_next_is_handled_meanwhile(self, scene: Scene) -> None:
        await facts.something_of_each(scene)
        took: dict[str, float] = {}
        raised = await failures(scene)
        async with broker(scene) as bus:
            for line in LINES:
                good, event_id = await bus.last(line), str(uuid.uuid4())
                with refusing(scene, line.durable.partition("-")[0], event_id):
                    await bus.put(line, good, event_id)
                    after = await bus.put(line, good)
                    took[line.subject] = await bus.handled(line, after, but=1)
                    before = raised[line.durable]
                    async with asyncio.timeout(10):  # the next may be first to be done with
                        while (raised := await failures(scene))[line.durable] <= before:  # noqa: ASYNC110
                            await asyncio.sleep(LOOK_SECONDS)
                # It was good but for that, and is taken now where it was not put aside before.
                await bus.handled(line, after)
        letters(scene, "discard", "notifier-vn-control")

        assert max(took.values()) < PROMISED_SECONDS, took
        scene.tell(
            "G11",
            f"{len(took)} handlers that raise: the next handled within {max(took.values()):.2f} s",
        )


async def known(scene: Scene, contact_id: str) -> None:
    """Wait until interactions knows a contact."""
    query = "select 1 from contacts where id = %s"
    with psycopg.connect(scene.database("interactions"), autocommit=True) as connection:
        async with asyncio.timeout(60):
            while not connection.execute(query, (contact_id,)).fetchone():  # noqa: ASYNC110
                await asyncio.sleep(LOOK_SECONDS)


class TestAHandlerThatHangs:
    async def test_the_next_is_handled_meanwhile(self, scene: Scene) -> None:
        await facts.something_of_each(scene)
        line = LINES[0]
        contact = await scene.api.post("/contacts", {"display_name": "Poison"})
        async with broker(scene) as bus:
            async with asyncio.timeout(10):
                while contact["id"].encode() not in (seen := await bus.last(line)):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_SECONDS)
            await bus.handled(line, await bus.put(line, seen))
            with psycopg.connect(scene.database("interactions")) as connection:
                connection.execute(
                    "select 1 from contacts where id = %s for update", (contact["id"],)
                )
                hanging = await bus.put(line, seen)  # of that contact: waits for the lock
                other = await scene.api.post("/contacts", {"display_name": "Poison too"})
                began = time.monotonic()
                await known(scene, other["id"])
                took = time.monotonic() - began
                assert await bus.only_open(line, hanging), "it does not hang"

        assert took < PROMISED_SECONDS
        scene.tell("G11", f"a handler that hangs: the next handled within {took:.2f} s")


@only_long
class TestTooLarge:
    async def test_an_event_that_no_broker_takes_holds_up_no_other(self, scene: Scene) -> None:
        line = LINES[0]
        with psycopg.connect(scene.database("leads"), autocommit=True) as leads:
            leads.execute(
                "insert into outbox (id, class, subject, payload) values (%s, 'facts', %s, %s)",
                ("00000000-0000-7000-8000-000000000001", line.subject, b"x" * TOO_LARGE),
            )
            try:
                contact = await scene.api.post("/contacts", {"display_name": "Poison"})
                began = time.monotonic()
                await known(scene, contact["id"])
                took = time.monotonic() - began
            finally:
                left = leads.execute("delete from outbox where length(payload) = %s", (TOO_LARGE,))

        assert left.rowcount == 1
        assert took < PROMISED_SECONDS
        scene.tell("G11", f"too large for the broker: the next handled within {took:.2f} s")
