"""A segment's definition as JSON, and JSON as a definition."""

import dataclasses
from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any
from uuid import UUID

from services.leads.domain.contact import Channel, Purpose
from services.leads.domain.segment import (
    Bought,
    Comparison,
    Condition,
    Consented,
    Dates,
    Field,
    Group,
    Match,
    Question,
    Sources,
    Stages,
    Tags,
)


def plain(condition: Condition) -> dict[str, object]:
    """Return the JSON of a condition: its kind, and its values under their names."""
    values = {it.name: _plain(getattr(condition, it.name)) for it in dataclasses.fields(condition)}
    return {"is": type(condition).__name__.lower(), **values}


def group(document: Mapping[str, Any]) -> Group:
    """Return the definition stored in a document that `plain` made."""
    conditions = tuple(_condition(it) for it in document["conditions"])
    return Group(Match(document["match"]), conditions)


def _plain(value: object) -> object:
    if isinstance(value, IntEnum):
        return int(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(it) for it in value]
    if dataclasses.is_dataclass(value):
        return plain(value)  # type: ignore[arg-type]
    return value


def _condition(it: Mapping[str, Any]) -> Condition:
    match it["is"]:
        case "group":
            return group(it)
        case "field":
            return Field(it["name"], Comparison(it["comparison"]), tuple(it["values"]))
        case "tags":
            return Tags(tuple(it["tags"]))
        case "sources":
            return Sources(tuple(UUID(each) for each in it["ids"]))
        case "stages":
            return Stages(tuple(UUID(each) for each in it["ids"]))
        case "dates":
            since, until = _time(it["since"]), _time(it["until"])
            return Dates(it["name"], since, until, it["within_days"])
        case "consented":
            purpose, channel = Purpose(it["purpose"]), Channel(it["channel"])
            return Consented(purpose, channel, UUID(it["advertiser_id"]))
        case "bought":
            return Bought(Question(it["question"]), it["days"])
    raise ValueError(f"not a condition: {it['is']}")


def _time(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
