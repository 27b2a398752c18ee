"""Events as the broker delivers them; needs nothing of NATS itself."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NAME = re.compile(r"crm\.[a-z]+\.v\d+\.[A-Z]\w*")


@dataclass(frozen=True)
class Event:
    """Something that happened: `name` is the full name of `message`'s type.

    `id` is the same each time it is delivered: what was done for it once is not done again.
    `key` is the id of what it is about, and of two events about the same that with the greater
    `revision` is the newer, however late it comes (0 for what has none).
    """

    id: str
    name: str
    key: str
    revision: int
    time: str
    message: Any


def read(subject: str, data: bytes, headers: Mapping[str, str] | None) -> Event:
    """Return the event in a message of the broker.

    Raises `LookupError` for an event newer than this package, `ValueError` for what is none.
    """
    if not _NAME.fullmatch(subject):
        raise LookupError(f"unknown event {subject}")
    package, _, name = subject.rpartition(".")
    try:
        kind = getattr(importlib.import_module(f"{package}.events_pb2"), name)
    except (ModuleNotFoundError, AttributeError):
        raise LookupError(f"unknown event {subject}") from None
    said = headers or {}
    if not said.get("ce-id"):
        raise ValueError(f"{subject} without an id")
    return Event(
        id=said["ce-id"],
        name=subject,
        key=said.get("key", ""),
        revision=int(said.get("revision") or 0),
        time=said.get("ce-time", ""),
        message=kind.FromString(data),
    )
