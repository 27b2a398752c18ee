"""The notifier's side of the work, done by hand: takes chunks, reports what became of messages."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import nats.errors
from crm.campaigns.v1 import run_pb2
from crm.notifier.v1 import events_pb2, message_pb2, work_pb2

from chassis.events import topology
from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish_one
from services import topology as house_topology
from services.campaigns.config import Settings

REPORT = "crm.notifier.v1.MessagesProgressed"

ACCEPTED = message_pb2.MESSAGE_STATE_ACCEPTED
CANCELLED = message_pb2.MESSAGE_STATE_CANCELLED
DEFERRED = message_pb2.MESSAGE_STATE_DEFERRED
DELIVERED = message_pb2.MESSAGE_STATE_DELIVERED
FAILED = message_pb2.MESSAGE_STATE_FAILED
IN_DOUBT = message_pb2.MESSAGE_STATE_IN_DOUBT
QUEUED = message_pb2.MESSAGE_STATE_QUEUED
SKIPPED = message_pb2.MESSAGE_STATE_SKIPPED


class Desk:
    """Takes chunks from the work streams and answers for their messages."""

    def __init__(self, connection: Connection) -> None:
        self.nats = connection

    async def take(self, region: str = "vn", within: float = 5.0) -> work_pb2.Chunk | None:
        """Return the next chunk of a region; None if none comes."""
        subscription = await self.nats.js.pull_subscribe_bind(
            f"notifier-{region}-bulk", house_topology.notify_stream(region)
        )
        try:
            (message,) = await subscription.fetch(1, timeout=within)
        except nats.errors.TimeoutError:
            return None
        finally:
            await subscription.unsubscribe()
        await message.ack_sync()
        return work_pb2.Chunk.FromString(message.data)

    async def report(
        self,
        run: run_pb2.Run,
        message_ids: Iterable[bytes],
        state: message_pb2.MessageState.ValueType,
        *,
        revision: int = 2,
        reason: str = "",
    ) -> None:
        """Publish what became of messages, as a notifier would."""
        event = report(run, message_ids, state, revision=revision, reason=reason)
        await self.publish(event.SerializeToString())

    async def publish(self, payload: bytes) -> None:
        """Publish bytes as a report."""
        await publish_one(self.nats, Outgoing(REPORT, payload, str(uuid4())))


def report(
    run: run_pb2.Run,
    message_ids: Iterable[bytes],
    state: message_pb2.MessageState.ValueType,
    *,
    revision: int = 2,
    reason: str = "",
) -> events_pb2.MessagesProgressed:
    """Return a report that says the same of several messages."""
    event = events_pb2.MessagesProgressed(run_id=run.id, run_date=run.run_date, region="vn")
    group = event.groups.add(
        message_ids=b"".join(message_ids), state=state, reason=reason, revision=revision
    )
    group.time.FromDatetime(datetime.now(UTC))
    return event


def ids(chunk: work_pb2.Chunk) -> list[bytes]:
    """Return the ids of a chunk's messages."""
    column = chunk.message_ids
    return [column[at : at + 16] for at in range(0, len(column), 16)]


def texts(column: bytes) -> list[str]:
    """Return the texts of a chunk's column."""
    return column.decode().split("\0")


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Desk]:
    """Open a desk on a broker with every stream, all of them empty."""
    connection = Connection(settings, "desk")
    regions = settings.regions
    await topology.apply(
        connection, house_topology.streams(regions), house_topology.consumers(regions)
    )
    for stream in house_topology.streams(regions):
        await connection.js.purge_stream(stream.name)
    yield Desk(connection)
    await connection.close()
