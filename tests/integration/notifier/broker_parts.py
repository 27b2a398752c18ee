"""A broker with a notifier's streams, and what others send through it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from crm.campaigns.v1 import run_pb2, template_pb2
from crm.notifier.v1 import work_pb2
from google.protobuf.message import Message

from chassis import db
from chassis.errors import NotFound
from chassis.events import topology as events_topology
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish_one
from services import topology
from services.notifier import consumers
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import Content
from services.notifier.workers.heartbeats import Heartbeats
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    CONTENT,
    EMAIL_SENDER,
    House,
)


class Contents:
    """What campaigns would answer."""

    def __init__(self) -> None:
        self.known: dict[str, Content] = {}
        self.asked: list[str] = []
        self.files: dict[str, bytes] = {}
        self.files_asked: list[str] = []

    async def get(self, content_hash: str) -> Content:
        """The content, or NotFound."""
        self.asked.append(content_hash)
        if content_hash not in self.known:
            raise NotFound("RESOURCE_MISSING", "no such content")
        return self.known[content_hash]

    async def file(self, file_hash: str) -> bytes:
        """The bytes of an attachment, or NotFound."""
        self.files_asked.append(file_hash)
        if file_hash not in self.files:
            raise NotFound("RESOURCE_MISSING", "no such attachment")
        return self.files[file_hash]


class Broker:
    """A broker with the house's streams in a region of this test's own."""

    def __init__(self, house: House, nats: Connection, region: str, steered: db.Sessions) -> None:
        self.nats = nats
        self.contents = Contents()
        self.settings = house.settings.model_copy(update={"region": region})
        self.heartbeats = Heartbeats(house.sessions)
        taker = consumers.Bulk(self.settings, house.sessions, self.contents)  # type: ignore[arg-type]
        house.start(consumers.bulk(self.settings, nats, house.sessions, taker))
        house.start(consumers.control(self.settings, nats, steered, self.heartbeats.note))
        house.start(self.heartbeats)

    async def chunk(self, data: bytes) -> None:
        """Hands over work."""
        subject = topology.notify_subject(self.settings.region, "bulk")
        await publish_one(self.nats, Outgoing(subject, data, str(uuid.uuid4())))

    async def control(self, body: Message) -> None:
        """Tells of something in CONTROL."""
        id = str(uuid.uuid4())
        headers = {"ce-id": id}
        await publish_one(
            self.nats,
            Outgoing(body.DESCRIPTOR.full_name, body.SerializeToString(), id, headers),
        )

    async def buried(self, consumer: str) -> int:
        """How many dead letters a consumer of the region has."""
        info = await self.nats.js.stream_info("DLQ", subjects_filter=">")
        subjects = info.state.subjects or {}
        return subjects.get(f"dlq.notifier-{self.settings.region}-{consumer}", 0)

    async def heartbeat(self, service: str) -> None:
        """A heartbeat of a service."""
        id = str(uuid.uuid4())
        await publish_one(self.nats, Outgoing(f"control.heartbeat.{service}", b"", id))


@asynccontextmanager
async def consuming(
    house: House, nats_url: str, steered: db.Sessions | None = None
) -> AsyncIterator[Broker]:
    """A running bulk and control consumer; the latter may have sessions of its own (`steered`)."""
    region = f"t{uuid.uuid4().hex[:8]}"
    settings = house.settings.model_copy(update={"nats_url": nats_url})
    nats = Connection(settings, "notifier")
    await nats.connected(within=10)
    await events_topology.apply(nats, topology.streams([region]), topology.consumers([region]))
    yield Broker(house, nats, region, steered or house.sessions)
    await house.stop_all()
    await nats.close()


def work(run: uuid.UUID, addresses: Sequence[str], **changes: Any) -> bytes:
    """A chunk as campaigns sends it."""
    given: dict[str, Any] = {
        "chunk_id": uuid.uuid4().bytes,
        "run_id": run.bytes,
        "run_date": "2026-11-21",
        "campaign_id": uuid.UUID(int=9).bytes,
        "epoch": 1,
        "channel": int(Channel.EMAIL),
        "purpose": int(Purpose.CARE),
        "advertiser_id": ADVERTISER.bytes,
        "sender_identity_id": EMAIL_SENDER.bytes,
        "content_hash": f"{CONTENT}2",
        "variables": ["name"],
        "message_ids": b"".join(uuid.uuid5(run, it).bytes for it in addresses),
        "contact_ids": b"".join(uuid.uuid4().bytes for _ in addresses),
        "addresses": "\0".join(addresses).encode(),
        "values": ["\0".join(['Đào "Bé" \\ {x}, NULL'] * len(addresses)).encode()],
        **changes,
    }
    return work_pb2.Chunk(**given).SerializeToString()


def run_state(run: uuid.UUID) -> run_pb2.Run:
    """A run as control events tell of it."""
    return run_pb2.Run(
        id=str(run),
        run_date="2026-11-21",
        epoch=2,
        channel=template_pb2.CHANNEL_EMAIL,
        purpose=template_pb2.PURPOSE_CARE,
    )


async def until(condition: Callable[[], Any]) -> None:
    """Waits until an asynchronous condition holds."""
    async with asyncio.timeout(15):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
