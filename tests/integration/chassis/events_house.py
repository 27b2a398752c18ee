"""A stream, a consumer and dead letters of a test's own on the session's broker; who consumes."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from nats.js.api import ConsumerInfo, RawStreamMsg
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context, db
from chassis.config import ServiceSettings
from chassis.events import consumer, topology
from chassis.events.connection import Connection
from chassis.events.consumer import Event, Policy
from chassis.events.puller import Puller
from chassis.events.topology import DLQ, Consumer, Stream

FAST = Policy(backoff=(0.05,))
Effects = Callable[[], Awaitable[list[str]]]


@dataclass
class Bus:
    """Subjects are `<prefix>.<name>`; the durable takes them all."""

    settings: ServiceSettings
    nats: Connection
    prefix: str
    stream: str
    durable: str

    async def publish(self, name: str, event_id: str, **headers: str) -> None:
        """Publish an event whose message id differs from every other."""
        await self.nats.js.publish(
            f"{self.prefix}.{name}",
            name.encode(),
            headers={"ce-id": event_id, "Nats-Msg-Id": uuid.uuid4().hex, **headers},
        )

    async def messages(self, stream: str | None = None, subject: str = ">") -> list[RawStreamMsg]:
        """Return everything a stream holds, in order."""
        found: list[RawStreamMsg] = []
        sequence = 1
        while True:
            try:
                message = await self.nats.js.get_msg(
                    stream or self.stream, seq=sequence, subject=subject, next=True
                )
            except NotFoundError:
                return found
            found.append(message)
            sequence = (message.seq or 0) + 1

    async def letters(self) -> list[RawStreamMsg]:
        """Return the dead letters of the durable."""
        return await self.messages(DLQ, f"dlq.{self.durable}")

    async def consumer(self) -> ConsumerInfo:
        """Return what the broker knows of the durable."""
        info: ConsumerInfo = await self.nats.js.consumer_info(self.stream, self.durable)
        return info

    async def is_settled(self) -> bool:
        """True when every message was delivered and answered for."""
        # Of a message just published the consumer's own counts may not know yet.
        last = (await self.nats.js.stream_info(self.stream)).state.last_seq
        info = await self.consumer()
        answered = info.ack_floor.stream_seq if info.ack_floor else 0
        return info.num_pending == 0 and info.num_ack_pending == 0 and answered >= last

    def declaration(self, ack_wait: float = 30.0) -> tuple[list[Stream], list[Consumer]]:
        """Return this bus as it is declared."""
        streams = [Stream(self.stream, [f"{self.prefix}.>"]), Stream(DLQ, ["dlq.>"])]
        return streams, [Consumer(self.stream, self.durable, [f"{self.prefix}.>"], ack_wait)]


@asynccontextmanager
async def ride(settings: ServiceSettings, *, ack_wait: float = 30.0) -> AsyncIterator[Bus]:
    """Declare a bus of fresh names for the length of a block."""
    name = uuid.uuid4().hex[:12]
    nats = Connection(settings, "test")
    bus = Bus(settings, nats, f"t{name}", f"S{name}", f"d{name}")
    await topology.apply(nats, *bus.declaration(ack_wait))
    try:
        yield bus
    finally:
        await nats.js.delete_stream(bus.stream)
        await nats.close()


@asynccontextmanager
async def running(*tasks: Callable[[], Awaitable[Any]]) -> AsyncIterator[asyncio.Event]:
    """Run background tasks for the length of a block; setting the event drains them."""
    draining = asyncio.Event()

    async def run(task: Callable[[], Awaitable[Any]]) -> None:
        context.share_draining(draining)
        await task()

    started = [asyncio.create_task(run(task)) for task in tasks]
    try:
        yield draining
        for task in started:
            if task.done():
                task.result()
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def eventually(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float = 10.0
) -> None:
    """Wait until `condition` holds; raises TimeoutError otherwise."""
    async with asyncio.timeout(seconds):
        while True:
            holds = condition()
            if holds if isinstance(holds, bool) else await holds:
                return
            await asyncio.sleep(0.02)


async def write(session: AsyncSession, event: Event) -> None:
    """Handle an event: its id goes to the table of effects."""
    await session.execute(text("INSERT INTO effects (event_id) VALUES (:id)"), {"id": event.id})


def consuming(
    bus: Bus, sessions: db.Sessions, policy: Policy = FAST, **handlers: consumer.Handler
) -> Puller:
    """Return what consumes the bus, with a handler for each name of a subject."""
    named = {f"{bus.prefix}.{name}": handler for name, handler in handlers.items()}
    return consumer.consume(
        bus.settings,
        bus.nats,
        sessions,
        stream=bus.stream,
        durable=bus.durable,
        handlers=named,
        policy=policy,
    )


__all__ = [
    "FAST",
    "Bus",
    "Effects",
    "Puller",
    "consuming",
    "eventually",
    "ride",
    "running",
    "write",
]
