"""Messages that could not be handled: kept in one stream with their reason, and sent again."""

from nats.aio.msg import Msg
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
        **_kept(msg.headers or {}),
        REASON: reason,
        ORIGIN: msg.subject,
        ORIGIN_STREAM: where.stream,
        ORIGIN_SEQUENCE: str(where.sequence.stream),
        DELIVERIES: str(where.num_delivered),
    }
    letter_id = f"{durable}:{where.stream}:{where.sequence.stream}"
    subject = f"{SUBJECT}.{durable}"
    await publish_one(connection, Outgoing(subject, msg.data, letter_id, headers))


async def replay(connection: Connection, durable: str, *, limit: int = 1_000) -> int:
    """Send up to `limit` dead letters of `durable` to their old subjects; return how many.

    Each keeps its event id, so a consumer that had dealt with it does nothing; it leaves the
    dead letters once the broker has it. Raises `Unavailable` when the broker is away.
    """
    sequence, sent = 1, 0
    while sent < limit:
        try:
            letter = await connection.js.get_msg(
                DLQ, seq=sequence, subject=f"{SUBJECT}.{durable}", next=True
            )
        except NotFoundError:
            break
        if letter.seq is None:
            break
        headers = letter.headers or {}
        kept = {name: value for name, value in _kept(headers).items() if name != REASON}
        # A new id: the first one may still be in the stream's duplicate window.
        again = Outgoing(headers[ORIGIN], letter.data or b"", f"replay:{letter.seq}", kept)
        await publish_one(connection, again)
        await connection.js.delete_msg(DLQ, letter.seq)
        sequence, sent = letter.seq + 1, sent + 1
    return sent


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith(_BROKERS_OWN)}
