"""The audit chain: each entry's hash covers the entry and the hash before it.

A row is the very bytes by which PostgreSQL copies it (COPY … BINARY), and these are what is hashed:
it is stored and verified without being taken apart. Of each column, in the order of `COLUMNS`: its
length in four bytes (-1: there is none) and its value; texts in UTF-8, the place in eight bytes,
the time in microseconds since 2000 in eight, a key's id in 16, the highest byte first.
"""

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

FIRST = bytes(32)
COVERED = (
    "previous_hash",
    "sequence",
    "id",
    "time",
    "service",
    "actor_id",
    "actor_kind",
    "acting_service",
    "action",
    "subject_type",
    "subject_id",
    "request_id",
    "key_id",
    "sealed",
)
"""What the hash covers."""
COLUMNS = (*COVERED, "version", "hash")
"""A row, as `row` makes it and `Row` reads it."""

Values = Mapping[str, Any]

_V1, _V2 = b"mekong audit 1", b"mekong audit 2"
_EPOCH, _MICROSECOND = datetime(2000, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_COUNT = struct.pack(">h", len(COLUMNS))
_TAIL = struct.pack(">ihi", 2, 2, 32)
_size, _number, _time = (struct.Struct(it) for it in (">i", ">iq", ">iq"))


@dataclass(frozen=True)
class Happening:
    """What a service tells of one change; `before` and `after` are plain JSON values."""

    id: str
    time: datetime
    service: str
    actor_id: str
    actor_kind: str
    acting_service: str
    action: str
    subject_type: str
    subject_id: str
    request_id: str
    before: Values | None
    after: Values | None


@dataclass(frozen=True)
class Entry:
    """One link of the chain; values are sealed with the key of their subject."""

    sequence: int
    id: str
    time: datetime
    service: str
    actor_id: str
    actor_kind: str
    acting_service: str
    action: str
    subject_type: str
    subject_id: str
    request_id: str
    key_id: UUID | None
    sealed: bytes | None
    previous_hash: bytes


def link(entry: Entry, version: int = 2) -> bytes:
    """Returns the entry's SHA-256; 1 is how entries were hashed once, of others there is none."""
    match version:
        case 1:
            return _link_1(entry)
        case 2:
            return digest(packed(entry))
    return b""


def digest(covered: bytes) -> bytes:
    """Returns the hash of what `packed` returned."""
    return hashlib.sha256(_V2 + covered).digest()


def packed(entry: Entry) -> bytes:
    """Returns the columns that the hash covers, as they are copied."""
    return b"".join(
        (
            _bytes(entry.previous_hash),
            _number.pack(8, entry.sequence),
            _bytes(entry.id.encode()),
            _time.pack(8, (entry.time - _EPOCH) // _MICROSECOND),
            _bytes(entry.service.encode()),
            _bytes(entry.actor_id.encode()),
            _bytes(entry.actor_kind.encode()),
            _bytes(entry.acting_service.encode()),
            _bytes(entry.action.encode()),
            _bytes(entry.subject_type.encode()),
            _bytes(entry.subject_id.encode()),
            _bytes(entry.request_id.encode()),
            _bytes(entry.key_id.bytes if entry.key_id else None),
            _bytes(entry.sealed),
        )
    )


def row(covered: bytes, entry_hash: bytes) -> bytes:
    """Returns the row of what `packed` returned, as COPY takes it."""
    return _COUNT + covered + _TAIL + entry_hash


@dataclass(frozen=True)
class Row:
    """A row that was taken apart."""

    entry: Entry
    version: int
    hash: bytes

    @classmethod
    def read(cls, copied: bytes) -> "Row":
        """Takes a row apart; raises `ValueError` for bytes that are none."""
        values: dict[str, Any] = dict(zip(COLUMNS, _values(copied), strict=True))
        for name, value in values.items():
            values[name] = _READ.get(name, _text)(value)
        version, entry_hash = values.pop("version"), values.pop("hash")
        return cls(Entry(**values), version, entry_hash)


def _bytes(value: bytes | None) -> bytes:
    return b"\xff\xff\xff\xff" if value is None else _size.pack(len(value)) + value


def _values(copied: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    at = len(_COUNT)
    while at < len(copied):
        size = _int(copied[at : at + 4])
        at += 4
        found.append(None if size < 0 else copied[at : at + size])
        at += max(size, 0)
    if copied[:2] != _COUNT or at != len(copied) or len(found) != len(COLUMNS):
        raise ValueError("not a row of the chain")
    return found


def _text(value: bytes) -> str:
    return value.decode()


def _int(value: bytes) -> int:
    return int.from_bytes(value, "big", signed=True)


def _moment(value: bytes) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=_int(value))
    except OverflowError:  # PostgreSQL knows times that Python does not; no entry has one
        return datetime.max.replace(tzinfo=UTC)


_READ: Mapping[str, Any] = {
    "previous_hash": bytes,
    "sequence": _int,
    "time": _moment,
    "key_id": lambda value: UUID(bytes=value) if value is not None else None,
    "sealed": lambda value: value,
    "version": _int,
    "hash": bytes,
}


def _link_1(entry: Entry) -> bytes:
    parts = (
        _V1,
        str(entry.sequence).encode(),
        entry.id.encode(),
        entry.time.astimezone(UTC).isoformat(timespec="microseconds").encode(),
        *(
            text.encode()
            for text in (
                entry.service,
                entry.actor_id,
                entry.actor_kind,
                entry.acting_service,
                entry.action,
                entry.subject_type,
                entry.subject_id,
                entry.request_id,
                str(entry.key_id or ""),
            )
        ),
        entry.sealed or b"",
        entry.previous_hash,
    )
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()
