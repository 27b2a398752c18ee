"""The audit trail as services tell of it, and as the contract writes it."""

import json
from datetime import UTC, datetime
from typing import Any

from crm.accounts.v1 import audit_pb2, audit_service_pb2
from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct, Value

from chassis.rpc import times
from services.accounts.domain.chain import Happening, Values
from services.accounts.domain.walking import Kind, Walk

_LONGEST_NAME = 512
_NAMES = (
    "service",
    "actor_id",
    "actor_kind",
    "acting_service",
    "action",
    "subject_type",
    "subject_id",
    "request_id",
    "id",
)
_KINDS = {it: audit_pb2.AuditFindingKind.Value(f"AUDIT_FINDING_KIND_{it.name}") for it in Kind}


class NotAnEntry(Exception):
    """Bytes on an audit subject that tell of no change."""


def happening(payload: bytes) -> Happening:
    """Reads what a service wrote to its audit subject; raises `NotAnEntry`."""
    try:
        told = _plain(Struct.FromString(payload))
        actor = told.get("actor") or {}
        return Happening(
            id=_name(told["id"]),
            time=_moment(told["time"]),
            service=_name(told["service"]),
            actor_id=_name(actor.get("subject") or ""),
            actor_kind=_name(actor.get("kind") or ""),
            acting_service=_name(actor.get("actor") or ""),
            action=_name(told["action"]),
            subject_type=_name(told["subject_type"]),
            subject_id=_name(told["subject_id"]),
            request_id=_name(told.get("request_id") or ""),
            before=_values(told.get("before")),
            after=_values(told.get("after")),
        )
    except (DecodeError, KeyError, ValueError, TypeError, AttributeError, OverflowError) as unfit:
        raise NotAnEntry(type(unfit).__name__) from unfit


def _plain(told: Struct) -> dict[str, Any]:
    """Returns what a Struct holds, whole numbers as such; the library takes four times as long."""
    return {name: _value(it) for name, it in told.fields.items()}


def _value(told: Value) -> Any:
    match told.WhichOneof("kind"):
        case "string_value":
            return told.string_value
        case "number_value":
            number = told.number_value
            # Raises for what is no number, as JSON has none.
            return int(number) if int(number) == number else number
        case "bool_value":
            return told.bool_value
        case "struct_value":
            return _plain(told.struct_value)
        case "list_value":
            return [_value(it) for it in told.list_value.values]
    return None


def _name(told: object) -> str:
    """Returns a text that a column and its index hold; raises `ValueError` for another."""
    if not isinstance(told, str) or len(told) > _LONGEST_NAME or "\0" in told:
        raise ValueError("not a name")
    return told


def _moment(told: str) -> datetime:
    """Returns a time with its zone, without which nobody could tell when it was."""
    moment = datetime.fromisoformat(told)
    if moment.tzinfo is None:
        raise ValueError("a time without zone")
    return moment.astimezone(UTC)


def _values(told: object) -> Values | None:
    if told is not None and not isinstance(told, dict):
        raise TypeError("values have names")
    return told


def audit_entry(
    happened: Happening, sequence: int, entry_hash: bytes, *, erased: bool
) -> audit_pb2.AuditEntry:
    """Returns an entry with the values that can still be read."""
    return audit_pb2.AuditEntry(
        sequence=sequence,
        time=times.out(happened.time),
        before=_struct(happened.before),
        after=_struct(happened.after),
        hash=entry_hash.hex(),
        erased=erased,
        **_names(happened),
    )


def audit_line(happened: Happening, sequence: int, entry_hash: bytes) -> audit_pb2.AuditLine:
    """Returns an entry as a line of a file."""
    return audit_pb2.AuditLine(
        sequence=sequence,
        time=happened.time.astimezone(UTC).isoformat(),
        before=_json(happened.before),
        after=_json(happened.after),
        hash=entry_hash.hex(),
        **_names(happened),
    )


def verdict(walk: Walk, newest: int, page_token: str) -> audit_service_pb2.VerifyAuditResponse:
    """Returns how far the chain was followed and what was found."""
    found = [
        audit_pb2.AuditFinding(kind=_KINDS[it.kind], first=it.first, last=it.last)
        for it in walk.findings
    ]
    return audit_service_pb2.VerifyAuditResponse(
        intact=not found,
        entries=walk.entries,
        broken_at=min((it.first for it in found), default=0),
        head=walk.head.hex(),
        findings=found,
        next_page_token=page_token,
        newest=newest,
    )


def _names(happened: Happening) -> dict[str, str]:
    return {name: getattr(happened, name) for name in _NAMES}


def _json(values: Values | None) -> str:
    return "" if values is None else json.dumps(values, ensure_ascii=False, sort_keys=True)


def _struct(values: Values | None) -> Struct | None:
    if values is None:
        return None
    made = Struct()
    made.update(dict(values))
    return made
