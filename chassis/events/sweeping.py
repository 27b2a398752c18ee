"""Reads whole streams, and takes single messages out of them, whose bytes are overwritten."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

import nats.errors
from nats.js import api
from nats.js.errors import APIError, NotFoundError

from chassis.errors import Unavailable
from chassis.events.connection import Connection
from chassis.events.deadletters import kept_headers
from chassis.events.publish import Outgoing, publish_one
from chassis.events.topology import OUTSIDE

_AT_ONCE = 500
_WAIT_SECONDS = 5.0
_FORGOTTEN_SECONDS = 60.0
_GONE = (10037, 10043)
"""What the broker says of a message that is not there (any more)."""


@dataclass(frozen=True)
class Found:
    """A message of a stream; `awaited` says that a consumer has not dealt with it yet.

    A reader outside the house may stay away for ever, and is not awaited.
    """

    stream: str
    sequence: int
    subject: str
    headers: Mapping[str, str]
    data: bytes
    awaited: bool


@dataclass(frozen=True)
class _Reader:
    """A consumer of a stream: which subjects it wants, and up to where it acknowledged all."""

    subjects: Sequence[str]
    floor: int

    def waits_for(self, subject: str, sequence: int) -> bool:
        """Whether the message is still to be dealt with."""
        wanted = not self.subjects or any(_matches(subject, it) for it in self.subjects)
        return wanted and sequence > self.floor


async def streams(connection: Connection) -> list[str]:
    """Return the names of all streams. Raises `Unavailable` when the broker is away."""
    connection.require()
    return sorted(it.config.name or "" for it in await connection.js.streams_info())


async def read(connection: Connection, stream: str, after: int = 0) -> AsyncIterator[Found]:
    """Yield the messages of a stream behind a sequence, in order, up to its end of now.

    Raises `Unavailable` when the broker is away, or gives less than it said it has.
    """
    connection.require()
    info = await connection.js.stream_info(stream)
    readers = await _readers(connection, stream)
    is_work = info.config.retention == api.RetentionPolicy.WORK_QUEUE
    found = _one_by_one(connection, stream, after) if is_work else _many(connection, stream, after)
    async with contextlib.aclosing(found):
        async for sequence, subject, headers, data in found:
            # Work that is still there was not done, whoever is to do it.
            awaited = is_work or any(it.waits_for(subject, sequence) for it in readers)
            yield Found(stream, sequence, subject, headers, data, awaited)
            if sequence >= info.state.last_seq:
                return


async def remove(connection: Connection, found: Found) -> None:
    """Delete a message; the broker overwrites its bytes. One that is gone is gone."""
    try:
        await connection.js.delete_msg(found.stream, found.sequence)
    except APIError as refused:
        if refused.err_code not in _GONE:
            raise


async def replace(connection: Connection, found: Found, data: bytes, name: str) -> None:
    """Put a message with other bytes behind the stream's end, and delete the one there was.

    It keeps its event id, so that a consumer that had dealt with it does nothing; `name` is what
    the broker knows the new one by, once.
    """
    again = Outgoing(found.subject, data, name, kept_headers(found.headers))
    await publish_one(connection, again)
    await remove(connection, found)


async def _readers(connection: Connection, stream: str) -> list[_Reader]:
    found: list[_Reader] = []
    read = 0
    while some := await connection.js.consumers_info(stream, offset=read):
        read += len(some)
        found += [
            _Reader(_subjects(it.config), (it.ack_floor.stream_seq if it.ack_floor else 0) or 0)
            for it in some
            if not (it.name or "").startswith(OUTSIDE)
        ]
        if len(some) < 256:
            break
    return found


def _subjects(config: api.ConsumerConfig | None) -> list[str]:
    if config is None:
        return []
    return [it for it in (config.filter_subject, *(config.filter_subjects or ())) if it]


Raw = tuple[int, str, Mapping[str, str], bytes]


async def _many(connection: Connection, stream: str, after: int) -> AsyncGenerator[Raw, None]:
    """Yield messages by the hundred; the consumer that it takes ends by itself."""
    config = api.ConsumerConfig(
        ack_policy=api.AckPolicy.NONE,
        deliver_policy=api.DeliverPolicy.BY_START_SEQUENCE,
        opt_start_seq=after + 1,
        inactive_threshold=_FORGOTTEN_SECONDS,
        mem_storage=True,
    )
    made = await connection.js.add_consumer(stream, config)
    left, received = made.num_pending or 0, 0
    bound = await connection.js.pull_subscribe_bind(consumer=made.name, stream=stream)
    try:
        while left:
            try:
                fetched = await bound.fetch(min(_AT_ONCE, left), timeout=_WAIT_SECONDS)
            except nats.errors.TimeoutError as silent:
                # The rest may have left meanwhile; else it is on its way, or the broker is silent.
                told = await connection.js.consumer_info(stream, made.name)
                if told.num_pending or (told.delivered and told.delivered.consumer_seq > received):
                    raise Unavailable("BROKER_AWAY", "the broker does not answer") from silent
                return
            for msg in fetched:
                where = msg.metadata
                left, received = where.num_pending, where.sequence.consumer
                yield where.sequence.stream, msg.subject, dict(msg.headers or {}), msg.data
    finally:
        await bound.unsubscribe()
        with contextlib.suppress(nats.errors.Error):
            await connection.js.delete_consumer(stream, made.name)


async def _one_by_one(connection: Connection, stream: str, after: int) -> AsyncGenerator[Raw, None]:
    """Yield messages of work, which nobody else may consume."""
    sequence = after + 1
    while True:
        try:
            raw = await connection.js.get_msg(stream, seq=sequence, subject=">", next=True)
        except NotFoundError:
            return
        yield raw.seq or 0, raw.subject or "", dict(raw.headers or {}), raw.data or b""
        sequence = (raw.seq or sequence) + 1


def _matches(subject: str, pattern: str) -> bool:
    """Whether a subject is one of a pattern's: `*` is a part, `>` one or more at the end."""
    parts, wanted = subject.split("."), pattern.split(".")
    for place, each in enumerate(wanted):
        if each == ">":
            return len(parts) > place
        if place >= len(parts) or each not in ("*", parts[place]):
            return False
    return len(parts) == len(wanted)
