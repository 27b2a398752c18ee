"""The audit chain: each entry's hash covers the entry and the hash before it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

FIRST = bytes(32)
_VERSION = b"mekong audit 1"

Values = Mapping[str, Any]


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


def link(entry: Entry) -> bytes:
    """Returns the entry's SHA-256, over its parts with their lengths and over the hash before."""
    parts = (
        _VERSION,
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
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()
