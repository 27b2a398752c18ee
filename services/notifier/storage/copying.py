"""New messages by binary COPY: half the work of an INSERT, and all of them or none.

Packed here because the driver, which asks of each value what it is, takes many times as long.
"""

import struct
from collections.abc import Iterator, Sequence, Set
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import psycopg
from psycopg import errors
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import failures
from services.notifier.domain.states import State
from services.notifier.storage.intake import New, Shared


class Known(Exception):
    """At least one of the messages is stored already; the transaction can only roll back."""


class Opened(NamedTuple):
    """Of which messages an attempt is open from the beginning, since when and under which claim.

    Without `ids` it is of all.
    """

    ids: Set[UUID] | None
    claim: int
    provider: str
    worker: str
    started_at: datetime


async def insert(
    session: AsyncSession, shared: Shared, news: Sequence[New], after: int, opened: Opened
) -> None:
    """Stores messages none of which may be stored yet; raises `Known` if one is.

    Their places in line follow `after`.
    """
    raw = await db.driver(session)
    data = b"".join(_rows(shared, news, after, opened))
    try:
        async with raw.cursor() as cursor, cursor.copy(_COPY) as stream:
            await stream.write(data)
    except errors.UniqueViolation:
        raise Known from None
    except psycopg.Error as error:
        raise failures.told(None, error, raw) from error


def _rows(shared: Shared, news: Sequence[New], after: int, opened: Opened) -> Iterator[bytes]:
    yield _BEGIN
    start = _start(shared)
    tries = _attempt(State.SUBMITTING, 2, opened)
    waits = _attempt(State.QUEUED, 1, None)
    ids = opened.ids
    for place, it in enumerate(news, start=after + 1):
        id, contact, address, key, zone, locale, values = it
        raw = address.encode()
        address_of = _size(len(raw)) + raw
        if key != address:
            raw = key.encode()
        yield b"".join(
            (
                start,
                _UUID_SIZE,
                id.bytes,
                _UUID_SIZE + contact.bytes if contact and contact.int else _NULL,
                _place(8, place),
                address_of,
                _size(len(raw)),
                raw,
                _text(zone),
                _text(locale),
                _texts(tuple(values)),
                tries if ids is None or id in ids else waits,
            )
        )
    yield _END


def _start(shared: Shared) -> bytes:
    """What all rows begin with: the number of columns and those that are alike."""
    ends = _NULL if shared.not_after is None else _time(shared.not_after)
    return b"".join(
        (
            struct.pack(">hii", len(_COLUMNS), 4, (shared.run_date - _EPOCH.date()).days),
            _UUID_SIZE + shared.run_id.bytes if shared.run_id else _NULL,
            struct.pack(">ihih", 2, shared.channel, 2, shared.purpose),
            _UUID_SIZE + shared.advertiser_id.bytes,
            ends,
        )
    )


def _attempt(state: State, revision: int, opened: Opened | None) -> bytes:
    """The columns that tell whether an attempt is open."""
    claim, provider, worker = opened[1:4] if opened else (0, "", "")
    return b"".join(
        (
            struct.pack(">ihiqii", 2, state, 8, revision, 4, 1 if opened else 0),
            struct.pack(">iq", 8, claim),
            _text(provider) + _text(worker),
            _time(opened.started_at) if opened else _NULL,
        )
    )


def _time(at: datetime) -> bytes:
    since = at.astimezone(UTC) - _EPOCH
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    return _place(8, micros)


@lru_cache(4_096)
def _text(text: str) -> bytes:
    data = text.encode()
    return _size(len(data)) + data


@lru_cache(4_096)
def _texts(values: tuple[str, ...]) -> bytes:
    """A `text[]`."""
    if not values:
        return _NO_TEXTS
    data = b"".join([_text(it) for it in values])
    return _array(20 + len(data), 1, 0, _TEXT_TYPE, len(values), 1) + data


_COLUMNS = (
    "run_date",
    "run_id",
    "channel",
    "purpose",
    "advertiser_id",
    "not_after",
    "message_id",
    "contact_id",
    "seq",
    "address",
    "address_key",
    "time_zone",
    "locale",
    "values",
    "state",
    "revision",
    "attempts",
    "claim",
    "provider",
    "worker",
    "attempt_started_at",
)
_COPY = f"COPY messages ({', '.join(_COLUMNS)}) FROM STDIN (FORMAT BINARY)"
_BEGIN = b"PGCOPY\n\xff\r\n\x00" + struct.pack(">ii", 0, 0)
_END = struct.pack(">h", -1)
_EPOCH = datetime.combine(date(2000, 1, 1), datetime.min.time(), UTC)
_NULL = struct.pack(">i", -1)
_UUID_SIZE = struct.pack(">i", 16)
_TEXT_TYPE = 25  # its oid
_NO_TEXTS = struct.pack(">iiii", 12, 0, 0, _TEXT_TYPE)
_size = struct.Struct(">i").pack
_place = struct.Struct(">iq").pack
_array = struct.Struct(">iiiiii").pack
