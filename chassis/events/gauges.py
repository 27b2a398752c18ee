"""What an operator watches of a durable: what waits for it, what came again, what it buried."""

import asyncio

import nats.errors
import structlog

from chassis import context, errors, metrics
from chassis.events import deadletters
from chassis.events.connection import Connection
from chassis.events.topology import DLQ

_EVERY_SECONDS = 10.0

log = structlog.get_logger()


async def watch(connection: Connection, stream: str, durable: str) -> None:
    """Keep the gauges of a durable current until cancelled; every replica tells the same."""
    while True:
        try:
            await connection.connected()
            await measure(connection, stream, durable)
        except (nats.errors.Error, errors.Unavailable, TimeoutError, OSError) as error:
            log.debug("consumer_not_measured", durable=durable, error=type(error).__name__)
        # An answer that comes just then swallows it, and whoever stops waits for this task.
        context.end_if_cancelled()
        await asyncio.sleep(_EVERY_SECONDS)


async def measure(connection: Connection, stream: str, durable: str) -> None:
    """Ask the broker once. Raises what the broker's client does."""
    info = await connection.js.consumer_info(stream, durable)
    metrics.consumer_pending.labels(durable).set(info.num_pending or 0)
    metrics.consumer_unacknowledged.labels(durable).set(info.num_ack_pending or 0)
    metrics.consumer_redelivered.labels(durable).set(info.num_redelivered or 0)
    subject = f"{deadletters.SUBJECT}.{durable}"
    letters = await connection.js.stream_info(DLQ, subjects_filter=subject)
    metrics.dead_letters.labels(durable).set((letters.state.subjects or {}).get(subject, 0))
