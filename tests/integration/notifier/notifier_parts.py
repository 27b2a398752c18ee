"""A notifier's parts on a real database."""

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from crm.notifier.v1 import events_pb2
from sqlalchemy import text

from chassis import context, db
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Content
from services.notifier.messages.chunks import Chunk
from services.notifier.storage import lookups, senders
from services.notifier.storage.intake import New
from services.notifier.storage.runs import Told
from services.notifier.usecases import intake
from services.notifier.workers.engine import Engine
from services.notifier.workers.sweeps import Sweeper
from tests.integration import emptied
from tests.integration.notifier.mail_parts import MailServer as MailServer

DAY = date(2026, 11, 21)
ADVERTISER, EMAIL_SENDER, SMS_SENDER = (uuid.UUID(int=n) for n in (1, 2, 3))
CONTENT = "c" * 64


def make_settings(database_url: str, **changes: Any) -> Settings:
    """Settings of a notifier that reaches nothing but its database."""
    given: dict[str, Any] = {
        "instance": f"worker-{secrets.token_hex(3)}",
        "seal_key": "seal" * 8,
        "database_url": database_url,
        "nats_url": "nats://127.0.0.1:1",
        "issuer_url": "http://127.0.0.1:1",
        "client_id": "notifier",
        "client_secret": "secret",
        "campaigns_address": "127.0.0.1:1",
        "mac_key": "mac" * 8,
        "lease_seconds": 4.0,
        "shutdown_grace_seconds": 3.5,
        **changes,
    }
    return Settings(**given)


@dataclass
class House:
    """The database of a notifier and what tests do with it."""

    settings: Settings
    sessions: db.Sessions
    _running: list[tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=list)
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)

    async def empty(self) -> None:
        """Takes out what tests before left."""
        await emptied.empty(self.sessions, kept=("suppression_version",))
        await self.sql("UPDATE suppression_version SET version = 0")

    async def furnish(self) -> None:
        """Adds what messages refer to."""
        now = datetime.now(UTC)
        async with self.sessions.begin() as session:
            await senders.add_advertiser(
                session, senders.Advertiser(ADVERTISER, 1, "Sông Hồng", "1 Tràng Tiền", "", now)
            )
            for id, channel, address in (
                (EMAIL_SENDER, Channel.EMAIL, "news@songhong.vn"),
                (SMS_SENDER, Channel.SMS, "SONGHONG"),
            ):
                await senders.add_identity(
                    session,
                    senders.Identity(id, 1, ADVERTISER, channel, address, "", "", None, now),
                )
            for channel in Channel:
                await senders.add_content(
                    session,
                    Content(
                        f"{CONTENT}{channel}",
                        channel,
                        "Chào {{ name }}",
                        "<p>Chào {{ name }}</p>" if channel is Channel.EMAIL else "",
                        "Chao {{ name }}",
                        ("name",),
                    ),
                )

    async def take(
        self,
        addresses: Sequence[str],
        *,
        run_id: uuid.UUID | None = None,
        channel: Channel = Channel.EMAIL,
        purpose: Purpose = Purpose.CARE,
        epoch: int = 1,
        **told: Any,
    ) -> uuid.UUID:
        """Hands over a chunk for these addresses; returns the run."""
        run_id = run_id or uuid.uuid4()
        chunk = make_chunk(run_id, addresses, channel, purpose, epoch, **told)
        async with self.sessions.begin() as session:
            await intake.make_room(session, chunk.told.run_date)
        async with self.sessions.begin() as session:
            await intake.take(session, chunk)
        return run_id

    def start(self, background: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        """Runs a background part; the result stops it in order."""
        draining = asyncio.Event()

        async def run() -> None:
            context.share_draining(draining)
            await background()

        task = asyncio.create_task(run())
        self._running.append((draining, task))

        async def stop() -> None:
            draining.set()
            await asyncio.wait([task], timeout=10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        return stop

    def engine(self, wire: Wire, **changes: Any) -> Engine:
        """A started engine of its own worker."""
        settings = self.settings.model_copy(
            update={"instance": f"worker-{secrets.token_hex(3)}", **changes}
        )
        engine = Engine(settings, self.sessions, wire)
        stop = self.start(engine)
        self._tasks[id(engine)] = self._running[-1][1]
        engine.stop = stop  # type: ignore[attr-defined]
        return engine

    def kill(self, engine: Engine) -> None:
        """Ends an engine as a power cut would: nothing is written any more."""

        async def away(*_: Any) -> None:
            raise ConnectionError

        engine._outcomes._flush_some = engine._renew_all = away  # type: ignore[method-assign]
        engine._finish = away  # type: ignore[method-assign]
        self._tasks[id(engine)].cancel()

    def sweeper(self) -> None:
        """A started sweeper."""
        self.start(Sweeper(self.settings, self.sessions))

    async def counts(self, run_id: uuid.UUID) -> dict[State, int]:
        """A run's messages by state."""
        async with self.sessions.begin() as session:
            return await lookups.counts(session, run_id)

    async def until(
        self, run_id: uuid.UUID, wanted: dict[State, int], within: float = 40.0
    ) -> None:
        """Waits until the run's messages are in these states and no other."""
        counts: dict[State, int] = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while counts != wanted:
                    await asyncio.sleep(0.05)
                    counts = await self.counts(run_id)
        assert counts == wanted, (counts, wanted)

    async def sql(self, statement: str, **given: Any) -> list[Any]:
        """Rows of any statement."""
        async with self.sessions.begin() as session:
            found = await session.execute(text(statement), given)
            return list(found) if found.returns_rows else []  # type: ignore[attr-defined]

    async def eventually(self, statement: str, within: float = 10.0) -> list[Any]:
        """Rows of a statement, once it has any."""
        async with asyncio.timeout(within):
            while not (found := await self.sql(statement)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return found

    async def stop_all(self) -> None:
        """Stops all that runs."""
        for draining, _ in self._running:
            draining.set()
        # A statement that is cancelled leaves its connection for the garbage collector.
        if self._running:
            await asyncio.wait([task for _, task in self._running], timeout=2)
        for _, task in self._running:
            task.cancel()
        await asyncio.gather(*(task for _, task in self._running), return_exceptions=True)
        self._running.clear()


async def settled(house: House) -> list[events_pb2.SettledMessage]:
    """What the notifier has told of messages without a run, oldest first."""
    rows = await house.sql(
        "SELECT payload FROM outbox WHERE subject = :subject ORDER BY id",
        subject=events_pb2.MessagesSettled.DESCRIPTOR.full_name,
    )
    told = [events_pb2.MessagesSettled.FromString(bytes(row.payload)) for row in rows]
    return [message for each in told for message in each.messages]


def make_chunk(
    run_id: uuid.UUID,
    addresses: Sequence[str],
    channel: Channel = Channel.EMAIL,
    purpose: Purpose = Purpose.CARE,
    epoch: int = 1,
    **told: Any,
) -> Chunk:
    """A chunk whose message ids follow from run and address, as campaigns makes them."""
    given: dict[str, Any] = {
        "run_id": run_id,
        "run_date": DAY,
        "epoch": epoch,
        "channel": channel,
        "purpose": purpose,
        "campaign_id": uuid.UUID(int=9),
        "advertiser_id": ADVERTISER,
        "sender_identity_id": EMAIL_SENDER if channel is Channel.EMAIL else SMS_SENDER,
        "content_hash": f"{CONTENT}{channel}",
        "variables": ("name",),
        "not_after": None,
        "max_per_second": 0,
        **told,
    }
    recipients = tuple(
        New(uuid.uuid5(run_id, address), uuid.uuid4(), address, address.lower(), "", "vi", ["Đào"])
        for address in addresses
    )
    return Chunk(uuid.uuid4(), Told(**given), recipients)


def heartbeats() -> list[lookups.Heartbeat]:
    """What leads and campaigns said just now."""
    return [lookups.Heartbeat(it, datetime.now(UTC), 0.0) for it in ("leads", "campaigns")]


def people(count: int, name: str = "nguoi") -> Iterator[str]:
    """So many addresses."""
    return (f"{name}{n}@example.vn" for n in range(count))
