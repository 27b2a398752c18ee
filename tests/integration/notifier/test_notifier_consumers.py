"""Chunks and control events reach the tables through a real broker."""

import asyncio
import email
import email.policy
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from crm.campaigns.v1 import events_pb2 as campaigns_pb
from crm.campaigns.v1 import run_pb2, template_pb2
from crm.leads.v1 import consent_pb2, contact_pb2
from crm.leads.v1 import events_pb2 as leads_pb
from crm.notifier.v1 import work_pb2
from google.protobuf.message import Message

from chassis.errors import NotFound
from chassis.events import topology as events_topology
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish_one
from services import topology
from services.notifier import consumers
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Attachment, Content
from services.notifier.storage import lookups
from services.notifier.workers.heartbeats import Heartbeats
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    CONTENT,
    EMAIL_SENDER,
    House,
    MailServer,
    people,
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

    def __init__(self, house: House, nats: Connection, region: str) -> None:
        self.nats = nats
        self.contents = Contents()
        self.settings = house.settings.model_copy(update={"region": region})
        self.heartbeats = Heartbeats(house.sessions)
        taker = consumers.Bulk(self.settings, house.sessions, self.contents)  # type: ignore[arg-type]
        house.start(consumers.bulk(self.settings, nats, house.sessions, taker))
        house.start(consumers.control(self.settings, nats, house.sessions, self.heartbeats.note))
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

    async def heartbeat(self, service: str) -> None:
        """A heartbeat of a service."""
        id = str(uuid.uuid4())
        await publish_one(self.nats, Outgoing(f"control.heartbeat.{service}", b"", id))


@pytest.fixture
async def broker(house: House, nats_url: str) -> AsyncIterator[Broker]:
    """A running bulk and control consumer."""
    region = f"t{uuid.uuid4().hex[:8]}"
    settings = house.settings.model_copy(update={"nats_url": nats_url})
    nats = Connection(settings, "notifier")
    await nats.connected(within=10)
    await events_topology.apply(nats, topology.streams([region]), topology.consumers([region]))
    yield Broker(house, nats, region)
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


class TestBulk:
    async def test_a_chunk_is_stored_once_however_often_it_comes(
        self, house: House, broker: Broker
    ) -> None:
        run = uuid.uuid4()
        data = work(run, list(people(500)))
        for _ in range(3):
            await broker.chunk(data)

        await house.until(run, {State.QUEUED: 500})

        assert (await house.sql("SELECT values FROM messages LIMIT 1"))[0][0] == [
            'Đào "Bé" \\ {x}, NULL'
        ]

    async def test_an_unknown_content_is_fetched_once(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        hash = "e" * 64
        broker.contents.known[hash] = Content(hash, Channel.EMAIL, "S", "", "T", ("name",))
        run = uuid.uuid4()
        for start in range(3):
            await broker.chunk(work(run, [f"p{start}@example.vn"], content_hash=hash))
        house.engine(mail.wire())

        await house.until(run, {State.ACCEPTED: 3})

        assert 1 <= broker.contents.asked.count(hash) <= 2  # two chunks are taken at a time

    async def test_attachments_are_fetched_once_and_go_with_every_mail(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        data = b"%PDF-1.7\r\n.\r\n" * 1000
        broker.contents.files = {"f" * 64: data}
        file = Attachment("Bảng giá.pdf", "application/pdf", len(data), "f" * 64)
        for hash in ("a" * 64, "b" * 64):
            broker.contents.known[hash] = Content(
                hash, Channel.EMAIL, "S", "<p>H</p>", "T", ("name",), (file,)
            )
        runs = [uuid.uuid4(), uuid.uuid4()]
        house.engine(mail.wire())

        for run, hash in zip(runs, ("a" * 64, "b" * 64), strict=True):
            await broker.chunk(work(run, list(people(30, hash[0])), content_hash=hash))
            await house.until(run, {State.ACCEPTED: 30})

        assert broker.contents.files_asked == ["f" * 64]
        assert len(mail.mails) == 60
        for raw in mail.mails.values():
            got = email.message_from_bytes(raw, policy=email.policy.default)
            (part,) = got.iter_attachments()
            assert (part.get_filename(), part.get_content()) == ("Bảng giá.pdf", data)

    async def test_a_content_whose_file_is_missing_fails_its_messages(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        hash = "d" * 64
        file = Attachment("a.pdf", "application/pdf", 3, "0" * 64)
        broker.contents.known[hash] = Content(hash, Channel.EMAIL, "S", "", "T", (), (file,))
        run = uuid.uuid4()
        await broker.chunk(work(run, ["p@example.vn"], content_hash=hash))
        house.engine(mail.wire())

        await house.until(run, {State.FAILED: 1})

    async def test_garbage_is_buried_and_stops_nothing(self, house: House, broker: Broker) -> None:
        run = uuid.uuid4()
        await broker.chunk(b"\xff\xff garbage")
        await broker.chunk(work(run, ["x@example.vn"], run_date="yesterday"))
        await broker.chunk(work(run, list(people(2))))

        await house.until(run, {State.QUEUED: 2})

        async def buried() -> bool:
            info = await broker.nats.js.stream_info("DLQ", subjects_filter=">")
            subjects = info.state.subjects or {}
            return subjects.get(f"dlq.notifier-{broker.settings.region}-bulk", 0) == 2

        await until(buried)


class TestControl:
    async def test_a_pause_holds_a_run_and_a_resume_frees_it(
        self, house: House, broker: Broker, mail: MailServer
    ) -> None:
        run = uuid.uuid4()
        body = run_state(run)
        await broker.control(campaigns_pb.RunPaused(run=body))
        await house.eventually("SELECT 1 FROM runs WHERE state = 'PAUSED'")
        await broker.chunk(work(run, list(people(3))))
        house.engine(mail.wire())
        await house.until(run, {State.QUEUED: 3})

        body.epoch = 3
        await broker.control(campaigns_pb.RunResumed(run=body))

        await house.until(run, {State.ACCEPTED: 3})

    async def test_a_cancelled_run_ends(self, house: House, broker: Broker) -> None:
        run = uuid.uuid4()
        await broker.chunk(work(run, list(people(3))))
        await house.until(run, {State.QUEUED: 3})
        house.sweeper()
        body = run_state(run)

        await broker.control(campaigns_pb.RunCancelled(run=body))

        await house.until(run, {State.CANCELLED: 3})

    async def test_a_withdrawal_suppresses_each_address(self, house: House, broker: Broker) -> None:
        entry = consent_pb2.ConsentEntry(
            id=str(uuid.uuid4()), contact_id=str(uuid.uuid4()), channel=contact_pb2.CHANNEL_EMAIL
        )
        body = leads_pb.ConsentWithdrawn(entry=entry, address_keys=list(people(2)))

        await broker.control(body)

        async def suppressed() -> bool:
            return len(await house.sql("SELECT 1 FROM suppressions")) == 2

        await until(suppressed)

    async def test_a_consent_given_again_is_kept(self, house: House, broker: Broker) -> None:
        entry = consent_pb2.ConsentEntry(
            id=str(uuid.uuid4()),
            contact_id=str(uuid.uuid4()),
            advertiser_id=str(ADVERTISER),
            channel=contact_pb2.CHANNEL_EMAIL,
            purpose=contact_pb2.PURPOSE_CARE,
        )
        entry.time.GetCurrentTime()

        await broker.control(leads_pb.ConsentGiven(entry=entry, address_keys=["dao@example.vn"]))

        (kept,) = await house.eventually("SELECT address_key, purpose FROM regained")
        assert tuple(kept) == ("dao@example.vn", int(Purpose.CARE))

    async def test_heartbeats_of_both_sources_make_the_news_fresh(
        self, house: House, broker: Broker
    ) -> None:
        async def age() -> float:
            async with house.sessions.begin() as session:
                return await lookups.control_age(session, ("leads", "campaigns"))

        await broker.heartbeat("leads")
        await house.eventually("SELECT 1 FROM control_heartbeats")
        assert await age() == float("inf")

        await broker.heartbeat("campaigns")

        async def fresh() -> bool:
            return await age() < 1.5

        await until(fresh)
