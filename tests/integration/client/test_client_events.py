"""A program that reads events with an account of the broker that may do nothing else."""

import asyncio
import json
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nats
import pytest
from crm.leads.v1 import contact_pb2, events_pb2
from nats.aio.client import Client as Broker

from local.home import ROOT
from local.nats import Nats, subscriber
from services import topology
from tests.integration.client.conftest import CLIENT, Run

CREATED = "crm.leads.v1.ContactCreated"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nats]:
    words = {name: secrets.token_urlsafe(16) for name in ("warehouse", "other")}
    folder = tmp_path_factory.mktemp("broker")
    made = Nats(folder / "nats", password=secrets.token_urlsafe(16), subscribers=words)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
async def house(server: Nats) -> AsyncIterator[Broker]:
    """The house's own account, in a broker with all streams and two readers' consumers."""
    readers = {"warehouse": ["crm.leads.v1.>"], "other": []}
    given = {"nats_url": server.url, "nats_monitor_url": server.monitor_url}
    await topology.apply(topology.Settings.model_validate({**given, "subscribers": readers}))
    async with await nats.connect(server.url) as made:
        yield made


async def happen(house: Broker, event_id: str, name: str = CREATED) -> None:
    """Tell of an event as the house does; the broker itself drops no second one."""
    message: Any = getattr(events_pb2, name.rpartition(".")[2], None)
    data = b""
    if name == CREATED:
        data = message(contact=contact_pb2.Contact(id=event_id)).SerializeToString()
    headers = {"ce-id": event_id, "ce-time": "2026-11-23T08:00:00Z", "key": event_id}
    await house.jetstream().publish(name, data, headers={**headers, "revision": "1"})


@dataclass
class Reader:
    """The restricted account, and what the broker complained of."""

    broker: Broker
    errors: list[str]

    async def refused(self, subject: str) -> bool:
        """Whether nobody may be told anything on `subject`."""
        before = len(self.errors)
        await self.broker.publish(subject, b"{}")
        return await self._heard(before)

    async def unheard(self, subject: str) -> bool:
        """Whether `subject` cannot be listened to."""
        before = len(self.errors)
        await self.broker.subscribe(subject)
        return await self._heard(before)

    async def _heard(self, before: int) -> bool:
        # A ping goes before what is still to be sent; a second one behind it. The broker answers in
        # order, so that a refusal is told before the answer to the latter.
        for _ in range(2):
            await self.broker.flush()
        return any("permissions violation" in it.lower() for it in self.errors[before:])


@pytest.fixture
async def reader(server: Nats, house: Broker) -> AsyncIterator[Reader]:
    told: list[str] = []

    async def note(error: Exception) -> None:
        told.append(str(error))

    url = server.subscriber_url("warehouse")
    async with await nats.connect(url, inbox_prefix="_INBOX_warehouse", error_cb=note) as broker:
        yield Reader(broker, told)


class TestExample:
    async def test_it_keeps_each_event_once(
        self, run: Run, server: Nats, house: Broker, tmp_path: Path
    ) -> None:
        await house.jetstream().purge_stream("FACTS")
        for event_id in ("e1", "e2", "e1", "e3"):
            await happen(house, event_id)
        await happen(house, "e4", "crm.interactions.v1.NoteAdded")
        variables = {
            "NATS_URL": server.subscriber_url("warehouse"),
            "SUBSCRIBER": "warehouse",
            "EVENTS_FILE": str(tmp_path / "events.sqlite"),
        }

        example = str(CLIENT / "examples" / "subscribe.py")
        ended = await asyncio.to_thread(run, example, "3", variables=variables)

        assert ended.returncode == 0, ended.stderr
        with sqlite3.connect(tmp_path / "events.sqlite") as kept:
            rows = kept.execute("SELECT id, name, key, revision, json FROM events ORDER BY id")
            found = rows.fetchall()
        assert [row[:4] for row in found] == [(it, CREATED, it, 1) for it in ("e1", "e2", "e3")]
        assert json.loads(found[0][4]) == {"contact": {"id": "e1"}}
        state = await house.jetstream().consumer_info("FACTS", "subscriber-warehouse")
        assert (state.num_ack_pending, state.num_pending) == (0, 0)


class TestAccount:
    @pytest.mark.parametrize(
        "subject",
        [
            *(CREATED, "crm.campaigns.v1.RunPaused", "control.heartbeat.leads", "audit.leads"),
            *("notify.vn.bulk", "dlq.leads", "anything", "_INBOX.someone", "_INBOX_other.x"),
            *("$JS.API.STREAM.LIST", "$JS.API.STREAM.INFO.FACTS", "$JS.API.STREAM.DELETE.FACTS"),
            *("$JS.API.STREAM.MSG.GET.AUDIT", "$JS.API.DIRECT.GET.FACTS"),
            "$JS.API.CONSUMER.CREATE.FACTS.subscriber-warehouse",
            "$JS.API.CONSUMER.DURABLE.CREATE.FACTS.subscriber-warehouse",
            "$JS.API.CONSUMER.DELETE.FACTS.subscriber-warehouse",
            "$JS.API.CONSUMER.MSG.NEXT.FACTS.subscriber-other",
            "$JS.API.CONSUMER.MSG.NEXT.AUDIT.accounts-audit",
            "$JS.ACK.FACTS.interactions-timeline.1.1.1.1.1",
            "$SYS.REQ.SERVER.PING",
        ],
    )
    async def test_it_tells_nobody_anything(self, reader: Reader, subject: str) -> None:
        assert await reader.refused(subject)

    @pytest.mark.parametrize(
        "subject",
        [">", CREATED, "audit.>", "notify.>", "_INBOX.>", "_INBOX_other.>", "$JS.>", "$SYS.>"],
    )
    async def test_it_listens_to_nothing_but_its_own_inbox(
        self, reader: Reader, subject: str
    ) -> None:
        assert await reader.unheard(subject)

    async def test_what_it_may_is_not_refused(self, reader: Reader, house: Broker) -> None:
        await happen(house, "e1")
        feed = await reader.broker.jetstream().pull_subscribe_bind("subscriber-warehouse", "FACTS")

        (message,) = await feed.fetch(1, timeout=10)
        await message.ack_sync(timeout=10)

        assert reader.errors == []

    def test_the_readme_shows_it_as_it_is(self) -> None:
        readme = (ROOT / "clients" / "python" / "README.md").read_text("utf-8")
        shown = re.search(r"```json\n(.*?)```", readme, re.DOTALL)

        assert shown is not None
        assert json.loads(shown[1]) == subscriber("warehouse", "PASSWORD")


class TestSubscribers:
    @pytest.mark.parametrize("name", ["", "Warehouse", "a.b", "a>", "a*", "-a", "a b"])
    def test_a_name_that_is_no_part_of_a_subject_is_refused(self, name: str) -> None:
        given = {"nats_url": "nats://127.0.0.1:1", "subscribers": {name: []}}

        with pytest.raises(ValueError, match="subscribers"):
            topology.Settings.model_validate(given)
