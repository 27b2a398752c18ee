"""Parts of requests that every servicer reads alike."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import grpc

from services.leads.domain.fields import Checks

Clock = Callable[[], datetime]
Context = grpc.aio.ServicerContext[Any, Any]


def required_id(value: str, name: str = "id") -> UUID:
    """Return a UUID that must be given; raises `InvalidArgument` naming the field."""
    checks = Checks()
    found = checks.id(name, value)
    checks.finish()
    return found


def optional_id(value: str, name: str) -> UUID | None:
    """Return a UUID, None when empty; raises `InvalidArgument` naming the field."""
    checks = Checks()
    found = checks.uuid(name, value)
    checks.finish()
    return found
