"""A notifier's parts on a real database, and a mail server that fails on purpose."""

import asyncio
import contextlib
import secrets
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from chassis import context, db
from services.notifier.channels import smtp, turns
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

    async def close(self) -> None:
        """Stops all that runs and closes the database."""
        await self.stop_all()
        await db.dispose(self.sessions)


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


class MailServer:
    """An SMTP server that keeps what it takes and behaves as the recipient's name says."""

    def __init__(self, *, pipelining: bool = True) -> None:
        self.taken: list[str] = []
        self.mails: dict[str, bytes] = {}
        self.envelopes: list[str] = []
        self.connections = 0
        self.going: Counter[str] = Counter()  # by domain, from the mail to the answer
        self.most_going: Counter[str] = Counter()
        self.slow = asyncio.Event()  # what those at slow.vn wait for
        self.hold = asyncio.Event()
        self.hold.set()
        self.greets = asyncio.Event()
        self.greets.set()
        self._pipelining = pipelining
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self, port: int = 0) -> None:
        """Listens on a loopback port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def stop(self) -> None:
        """Hangs up on everybody and no longer listens."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def took(self, count: int) -> None:
        """Waits until it has taken so many."""
        async with asyncio.timeout(20):
            while len(self.taken) < count:  # noqa: ASYNC110 (filled by many handlers)
                await asyncio.sleep(0.01)

    async def began(self, count: int, domain: str) -> None:
        """Waits until so many of a domain are on their way."""
        async with asyncio.timeout(20):
            while self.going[domain] < count:  # noqa: ASYNC110 (filled by many handlers)
                await asyncio.sleep(0.01)

    def wire(
        self,
        *,
        connections: int = 2,
        window: int = 16,
        at_once: Mapping[str, int] | None = None,
        **peer: Any,
    ) -> smtp.SmtpWire:
        """A wire to this server."""
        made = smtp.Peer("127.0.0.1", self.port, "mekong.localhost", **peer)
        return smtp.SmtpWire(
            made,
            connections=connections,
            window=window,
            per_connection=50,
            waiting=turns.line(at_once or {}),
        )

    def _begin(self, to: str) -> None:
        domain = to.rpartition("@")[2]
        self.going[domain] += 1
        self.most_going[domain] = max(self.most_going[domain], self.going[domain])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(line.encode() + b"\r\n")

        await self.greets.wait()
        say("220 fake")
        to = ""
        while True:
            line = (await reader.readuntil(b"\n")).decode().strip()
            verb = line[:4].upper()
            if verb == "EHLO":
                say("250-fake")
                if self._pipelining:
                    say("250-PIPELINING")
                say("250 SMTPUTF8")
            elif verb == "RCPT":
                to = line.split("<")[1].split(">")[0]
                self.envelopes.append(to)
                if to.startswith("refuse"):
                    say("550 5.1.1 nobody")
                    to = ""
                elif to.startswith("later"):
                    say("451 4.3.0 later")
                    to = ""
                elif to.startswith("throttle"):
                    say("450 4.7.1 too many messages, slow down")
                    to = ""
                elif to.startswith("hangup"):
                    return
                else:
                    say("250 ok")
            elif verb == "DATA":
                if not to:
                    say("503 no recipients")
                    continue
                say("354 go")
                body = await reader.readuntil(b"\r\n.\r\n")
                self._begin(to)
                await self.hold.wait()
                if to.endswith("@slow.vn"):
                    await self.slow.wait()
                self.going[to.rpartition("@")[2]] -= 1
                self.taken.append(to)
                self.mails[to] = body
                if to.startswith("silent"):
                    await asyncio.Event().wait()
                if to.startswith("close"):
                    return
                say("554 5.7.1 no" if to.startswith("spam") else "250 2.0.0 taken")
                to = ""
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")


def people(count: int, name: str = "nguoi") -> Iterator[str]:
    """So many addresses."""
    return (f"{name}{n}@example.vn" for n in range(count))
