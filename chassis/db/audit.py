"""Audit entries, written in the transaction of the change they tell of."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import UUID

import uuid_utils.compat
from google.protobuf.struct_pb2 import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.db import outbox

# Numbers of a Struct are doubles; a greater integer would come back as another one.
_EXACT = 2**53


class Deed(NamedTuple):
    """What was done to which subject, and of its values those before and after.

    An action is named "contact.update"; a verb alone is what was done to its subject.
    """

    action: str
    subject_type: str
    subject_id: str
    before: Mapping[str, object] | None = None
    after: Mapping[str, object] | None = None


async def record(
    session: AsyncSession,
    *,
    action: str,
    subject_type: str,
    subject_id: str,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
) -> UUID:
    """Says who did what to which subject; returns the id of the event on `audit.<service>`.

    The payload is a serialized `google.protobuf.Struct`. Times are RFC 3339, ids text.
    """
    (id,) = await record_many(session, [Deed(action, subject_type, subject_id, before, after)])
    return id


async def record_many(session: AsyncSession, deeds: Iterable[Deed]) -> list[UUID]:
    """As `record`, each deed an entry, in one statement."""
    entries = [_entry(session, it) for it in deeds]
    return await outbox.add_many_raw(session, entries, outbox.Class.AUDIT)


def _entry(session: AsyncSession, deed: Deed) -> outbox.Raw:
    around = context.current()
    service = session.info.get("service", "unknown")
    fields: dict[str, Any] = {
        "id": str(uuid_utils.compat.uuid7()),
        "time": datetime.now(UTC).isoformat(),
        "service": service,
        "actor": _actor(around.principal),
        "action": _named(deed),
        "subject_type": deed.subject_type,
        "subject_id": str(deed.subject_id),
        "before": _plain(deed.before),
        "after": _plain(deed.after),
        "request_id": around.request_id,
    }
    entry = Struct()
    entry.update(fields)
    payload = entry.SerializeToString(deterministic=True)
    return outbox.Raw(f"audit.{service}", payload, f"{deed.subject_type}/{deed.subject_id}")


def _named(deed: Deed) -> str:
    return deed.action if "." in deed.action else f"{deed.subject_type}.{deed.action}"


def _actor(principal: context.Principal | None) -> dict[str, str | None] | None:
    if principal is None:
        return None
    return {"subject": principal.subject, "kind": principal.kind, "actor": principal.actor}


def _plain(value: object) -> object:
    """What a Struct can hold, without losing a digit."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= _EXACT else str(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Sequence | set | frozenset):
        return [_plain(part) for part in value]
    return str(value)
