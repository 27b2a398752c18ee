"""Messages that could not be handled: kept with their reason, looked at, sent again, discarded."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from chassis.events.connection import Connection
from chassis.events.publish import Outgoing, publish_one
from chassis.events.topology import DLQ

SUBJECT = "dlq"
REASON = "Mekong-Reason"
ORIGIN = "Mekong-Subject"
ORIGIN_STREAM = "Mekong-Stream"
ORIGIN_SEQUENCE = "Mekong-Sequence"
DELIVERIES = "Mekong-Deliveries"
# Instructions to the broker (batch, expected sequence, time to live) must not be obeyed again.
_BROKERS_OWN = "Nats-"


async def bury(connection: Connection, durable: str, msg: Msg, reason: str) -> None:
    """Put a copy of `msg` among the dead letters of `durable`, with why and where it came from.

    Raises `Unavailable` unless the copy is on disk.
    """
    where = msg.metadata
    headers = {
        **kept_headers(msg.headers or {}),
        REASON: reason,
        ORIGIN: msg.subject,
        ORIGIN_STREAM: where.stream,
        ORIGIN_SEQUENCE: str(where.sequence.stream),
        DELIVERIES: str(where.num_delivered),
    }
    letter_id = f"{durable}:{where.stream}:{where.sequence.stream}"
    subject = f"{SUBJECT}.{durable}"
    await publish_one(connection, Outgoing(subject, msg.data, letter_id, headers))


@dataclass(frozen=True)
class Letter:
    """A dead letter: its number, whose it is, why it is here and what it was."""

    sequence: int
    durable: str
    reason: str
    subject: str
    stream: str
    deliveries: int
    buried_at: datetime | None
    headers: Mapping[str, str]
    data: bytes


async def count(connection: Connection) -> dict[str, int]:
    """Return how many dead letters each durable has. Raises `Unavailable` without a broker."""
    connection.require()
    info = await connection.js.stream_info(DLQ, subjects_filter=f"{SUBJECT}.>")
    return {name.removeprefix(f"{SUBJECT}."): n for name, n in (info.state.subjects or {}).items()}


async def read(
    connection: Connection, durable: str = ">", *, after: int = 0
) -> AsyncIterator[Letter]:
    """Yield the dead letters of `durable`, of all by default, in the order they were buried."""
    connection.require()
    sequence = after + 1
    while True:
        try:
            raw = await connection.js.get_msg(
                DLQ, seq=sequence, subject=f"{SUBJECT}.{durable}", next=True
            )
        except NotFoundError:
            return
        yield _letter(raw)
        sequence = (raw.seq or sequence) + 1


async def get(connection: Connection, sequence: int) -> Letter | None:
    """Return one dead letter, None when there is none of that number (any more)."""
    connection.require()
    try:
        return _letter(await connection.js.get_msg(DLQ, seq=sequence))
    except NotFoundError:
        return None


async def replay(connection: Connection, durable: str, *, limit: int = 1_000) -> int:
    """Send up to `limit` dead letters of `durable` to their old subjects; return how many.

    Raises `Unavailable` when the broker is away.
    """
    sent = 0
    async for letter in read(connection, durable):
        if sent == limit:
            break
        await send_again(connection, letter)
        sent += 1
    return sent


async def send_again(connection: Connection, letter: Letter) -> None:
    """Send a dead letter to its old subject; it leaves once the broker has it there.

    It keeps its event id, so that a consumer that had dealt with it does nothing.
    """
    kept = {name: value for name, value in kept_headers(letter.headers).items() if name != REASON}
    # A new id: the first one may still be in the stream's duplicate window.
    again = Outgoing(letter.subject, letter.data, f"replay:{letter.sequence}", kept)
    await publish_one(connection, again)
    await discard(connection, letter)


async def discard(connection: Connection, letter: Letter) -> None:
    """Delete a dead letter for good."""
    await connection.js.delete_msg(DLQ, letter.sequence)


def _letter(raw: RawStreamMsg) -> Letter:
    headers = raw.headers or {}
    deliveries = headers.get(DELIVERIES, "")
    return Letter(
        sequence=raw.seq or 0,
        durable=(raw.subject or "").removeprefix(f"{SUBJECT}."),
        reason=headers.get(REASON, ""),
        subject=headers.get(ORIGIN, ""),
        stream=headers.get(ORIGIN_STREAM, ""),
        deliveries=int(deliveries) if deliveries.isdigit() else 0,
        buried_at=raw.time,
        headers=headers,
        data=raw.data or b"",
    )


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a message that may go with another one."""
    return {name: value for name, value in headers.items() if not name.startswith(_BROKERS_OWN)}
