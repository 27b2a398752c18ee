"""Streams and consumers as data, and the idempotent way to make the broker have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import structlog
from nats.js import api
from nats.js.errors import NotFoundError

from chassis.events.connection import Connection, assert_sync_always

DAY = 86_400.0
DUPLICATE_WINDOW_SECONDS = 300.0
DLQ = "DLQ"
OUTSIDE = "subscriber-"
"""What durables begin with that programs outside the house read by."""

__all__ = ["DAY", "DLQ", "OUTSIDE", "Consumer", "Stream", "apply", "assert_sync_always"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Stream:
    """A stream; ages in seconds, sizes in bytes. Always in files, never dropping for space."""

    name: str
    subjects: Sequence[str]
    retention: Literal["limits", "workqueue"] = "limits"
    max_age: float = 0.0
    max_bytes: int = -1
    replicas: int = 1


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer; `ack_wait` in seconds.

    The broker never gives up on a message: the process that sees the last delivery fail moves
    it to the dead letters and says so.
    """

    stream: str
    durable: str
    filter_subjects: Sequence[str]
    ack_wait: float = 30.0
    max_ack_pending: int = 1_000


async def apply(nats: Connection, streams: Sequence[Stream], consumers: Sequence[Consumer]) -> None:
    """Create or update every stream, then every consumer; what is declared nowhere is left alone.

    Raises `Unavailable` when the broker is away; running it twice changes nothing.
    """
    await nats.connected(within=30)
    for stream in streams:
        await _apply_stream(nats, stream)
    for consumer in consumers:
        # Creating a consumer that exists updates it; what cannot be changed is refused loudly.
        await nats.js.add_consumer(consumer.stream, _consumer_config(consumer))
    log.info("topology_applied", streams=len(streams), consumers=len(consumers))


async def _apply_stream(nats: Connection, stream: Stream) -> None:
    config = _stream_config(stream)
    try:
        await nats.js.stream_info(stream.name)
    except NotFoundError:
        await nats.js.add_stream(config)
    else:
        await nats.js.update_stream(config)


def _stream_config(stream: Stream) -> api.StreamConfig:
    return api.StreamConfig(
        name=stream.name,
        subjects=list(stream.subjects),
        retention=api.RetentionPolicy.LIMITS
        if stream.retention == "limits"
        else api.RetentionPolicy.WORK_QUEUE,
        max_age=stream.max_age,
        max_bytes=stream.max_bytes,
        num_replicas=stream.replicas,
        storage=api.StorageType.FILE,
        # The default, old, silently drops messages nobody has read yet.
        discard=api.DiscardPolicy.NEW,
        duplicate_window=min(DUPLICATE_WINDOW_SECONDS, stream.max_age or DAY),
        allow_atomic=True,
        allow_msg_ttl=True,  # heartbeats leave by themselves
    )


def _consumer_config(consumer: Consumer) -> api.ConsumerConfig:
    several: dict[str, Any] = {"filter_subjects": list(consumer.filter_subjects)}
    return api.ConsumerConfig(
        durable_name=consumer.durable,
        ack_policy=api.AckPolicy.EXPLICIT,
        deliver_policy=api.DeliverPolicy.ALL,
        ack_wait=consumer.ack_wait,
        max_deliver=-1,
        max_ack_pending=consumer.max_ack_pending,
        **several,
    )
