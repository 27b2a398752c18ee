"""Publishes messages so that each wait ends and a message sent twice is kept once."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import nats.errors
import structlog
from nats.js.api import Header
from nats.js.errors import APIError

from chassis import errors
from chassis.events.connection import Connection

WAIT_SECONDS = 5.0
# The broker refuses larger batches; the bytes bound what waits in the socket's buffer.
BATCH_MESSAGES = 1_000
BATCH_BYTES = 4 * 1024 * 1024
_IN_FLIGHT = 100

log = structlog.get_logger()


@dataclass(frozen=True)
class Outgoing:
    """A message to a stream; `id` is kept once within the stream's duplicate window."""

    subject: str
    payload: bytes
    id: str
    headers: Mapping[str, str] = field(default_factory=dict)


async def publish(
    connection: Connection, messages: Sequence[Outgoing], *, within: float = WAIT_SECONDS
) -> list[bool]:
    """Publish `messages` in order and return, for each, whether the broker has it on disk.

    All must belong to one stream. Several go as atomic batches; a batch that the broker refuses
    (it holds an id seen before, or a subject of no stream) is sent one by one. False means not
    known: send it again later. Raises `Unavailable` when the broker is away.
    """
    done: list[bool] = []
    for batch in _batches(messages):
        # While away, the client would buffer what we send and deliver it much later.
        connection.require()
        if len(batch) > 1 and await _atomic(connection, batch, within):
            done += [True] * len(batch)
        else:
            done += await _one_by_one(connection, batch, within)
    return done


async def publish_one(
    connection: Connection, message: Outgoing, *, within: float = WAIT_SECONDS
) -> None:
    """Publish one message; raises `Unavailable` unless the broker has it on disk."""
    if not (await publish(connection, [message], within=within))[0]:
        raise errors.Unavailable("BROKER_REFUSED", "the broker did not take a message")


def _batches(messages: Sequence[Outgoing]) -> list[list[Outgoing]]:
    batches: list[list[Outgoing]] = []
    size = 0
    for message in messages:
        full = not batches or len(batches[-1]) >= BATCH_MESSAGES
        if full or size + len(message.payload) > BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(message)
        size += len(message.payload)
    return batches


async def _atomic(connection: Connection, batch: Sequence[Outgoing], within: float) -> bool:
    batch_id = secrets.token_hex(16)
    client = connection.client
    try:
        async with asyncio.timeout(within):
            for number, message in enumerate(batch[:-1], start=1):
                headers = _headers(message) | _batch(batch_id, number)
                await client.publish(message.subject, message.payload, headers=headers)
            last = batch[-1]
            headers = _headers(last) | _batch(batch_id, len(batch)) | {Header.BATCH_COMMIT: "1"}
            answer = await client.request(
                last.subject, last.payload, timeout=within, headers=headers
            )
    except (TimeoutError, nats.errors.Error, OSError) as error:
        log.debug("batch_not_taken", error=type(error).__name__, messages=len(batch))
        return False
    reply = json.loads(answer.data) if answer.data else {}
    return "error" not in reply and reply.get("count") == len(batch)


async def _one_by_one(
    connection: Connection, batch: Sequence[Outgoing], within: float
) -> list[bool]:
    done: list[bool] = []
    for start in range(0, len(batch), _IN_FLIGHT):
        part = batch[start : start + _IN_FLIGHT]
        done += await asyncio.gather(*(_single(connection, each, within) for each in part))
        if not any(done[start:]):
            # Nothing came through: do not wait once more for each of the rest.
            return done + [False] * (len(batch) - len(done))
    return done


async def _single(connection: Connection, message: Outgoing, within: float) -> bool:
    try:
        async with asyncio.timeout(within):
            await connection.js.publish(
                message.subject, message.payload, timeout=within, headers=_headers(message)
            )
    except (TimeoutError, nats.errors.Error, OSError) as error:
        refused = isinstance(error, APIError | nats.errors.MaxPayloadError)
        line = log.error if refused else log.warning
        line("message_not_taken", subject=message.subject, error=type(error).__name__)
        return False
    return True


def _headers(message: Outgoing) -> dict[str, str]:
    return {**message.headers, Header.MSG_ID: message.id}


def _batch(batch_id: str, number: int) -> dict[str, str]:
    return {Header.BATCH_ID: batch_id, Header.BATCH_SEQUENCE: str(number)}
