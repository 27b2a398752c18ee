"""What a consumer is handed, and what it may say about it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from nats.aio.msg import Msg

from chassis import context


class Poison(Exception):
    """This message can never succeed: it goes to the dead letters at once.

    `reason` is a constant in UPPER_SNAKE_CASE without personal data.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Event:
    """One delivery; `id` is the same for every delivery of one event, `deliveries` from 1 on."""

    id: str
    subject: str
    data: bytes
    headers: Mapping[str, str]
    time: datetime
    revision: int
    key: str
    deliveries: int


def read(msg: Msg) -> Event:
    """Return the event that a JetStream message carries; a missing header has its default."""
    headers = dict(msg.headers or {})
    where = msg.metadata
    fallback = headers.get("Nats-Msg-Id") or f"{where.stream}:{where.sequence.stream}"
    return Event(
        id=headers.get("ce-id") or fallback,
        subject=msg.subject,
        data=msg.data,
        headers=headers,
        time=_time(headers.get("ce-time"), where.timestamp),
        revision=_integer(headers.get("revision")),
        key=headers.get("key", ""),
        deliveries=where.num_delivered,
    )


@contextmanager
def around(received: Event) -> Iterator[None]:
    """Bind the request and trace that `received` came from, or fresh ones."""
    trace = received.headers.get("traceparent", "")
    with context.bind(
        request_id=received.headers.get("x-request-id") or context.new_request_id(),
        traceparent=trace if context.valid_traceparent(trace) else context.new_traceparent(),
    ):
        yield


def _time(text: str | None, otherwise: datetime) -> datetime:
    try:
        told = datetime.fromisoformat(text or "")
    except ValueError:
        return otherwise
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def _integer(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() else 0
