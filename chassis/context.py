"""What is known about the call in progress: who asks, which request, and how long it may take."""

import asyncio
import re
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

import structlog

from chassis import errors

Kind = Literal["user", "service", "client", "contact"]

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class Level(StrEnum):
    """How far a right reaches; ordered NONE < OWN < TEAM < ALL."""

    NONE = "none"
    OWN = "own"
    TEAM = "team"
    ALL = "all"

    @property
    def rank(self) -> int:
        """Position in the order, 0 for NONE."""
        return list(Level).index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < Level(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Level(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Level(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Level(other).rank


_LEVELS = {it.value: it for it in Level}


@dataclass(frozen=True)
class Principal:
    """Who asks: `rights` maps a resource to its actions and each action to a level.

    `actor` is the service that acts on behalf of `subject`, None when the subject acts itself.
    """

    subject: str
    kind: Kind
    team_id: str | None = None
    rights: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    actor: str | None = None
    hidden: frozenset[str] = frozenset()
    """Names of fields, such as `contacts.phones`, that answers to this principal leave out."""
    contact_id: str | None = None
    """Of which contact the data is this principal's own; given for the kind `contact` alone."""

    def level(self, resource: str, action: str) -> Level:
        """The level for one action; a service acting for itself has ALL, the unknown NONE."""
        if self.kind == "service" and self.actor is None:
            return Level.ALL
        granted = self.rights.get(resource, {}).get(action)
        return _LEVELS.get(str(granted), Level.NONE)


@dataclass(frozen=True)
class Context:
    """The call in progress; `deadline` is in seconds of `time.monotonic()`."""

    request_id: str = ""
    traceparent: str = ""
    principal: Principal | None = None
    deadline: float | None = None

    @property
    def trace_id(self) -> str:
        """The 32 hexadecimal digits that all spans of a trace share, or an empty string."""
        found = _TRACEPARENT.fullmatch(self.traceparent)
        return found.group(1) if found else ""

    def remaining(self) -> float | None:
        """Seconds left before the deadline (never negative), None when there is none."""
        return None if self.deadline is None else max(0.0, self.deadline - time.monotonic())


_current: ContextVar[Context] = ContextVar("context", default=Context())  # noqa: B039 (frozen)
_draining: ContextVar[asyncio.Event | None] = ContextVar("draining", default=None)


def current() -> Context:
    """The context of this task; empty outside a call."""
    return _current.get()


@contextmanager
def bind(
    *,
    request_id: str | None = None,
    traceparent: str | None = None,
    principal: Principal | None = None,
    deadline: float | None = None,
) -> Iterator[Context]:
    """Adds what is given to the current context for the length of a `with` block."""
    given = {
        "request_id": request_id,
        "traceparent": traceparent,
        "principal": principal,
        "deadline": deadline,
    }
    bound = replace(current(), **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    shown = {"request_id": bound.request_id, "trace_id": bound.trace_id}
    token = _current.set(bound)
    try:
        with structlog.contextvars.bound_contextvars(**{k: v for k, v in shown.items() if v}):
            yield bound
    finally:
        _current.reset(token)


def require_principal() -> Principal:
    """Who asks; raises `Unauthenticated` when nobody is known."""
    principal = current().principal
    if principal is None:
        raise errors.Unauthenticated("TOKEN_INVALID", "this call needs a bearer token")
    return principal


def require_contact() -> uuid.UUID:
    """Whose data it is that a customer asks for; raises `PermissionDenied` for anybody else."""
    principal = require_principal()
    if principal.kind != "contact" or principal.contact_id is None:
        raise errors.PermissionDenied("RIGHT_MISSING", "only a customer may call this method")
    return uuid.UUID(principal.contact_id)


def new_request_id() -> str:
    """A fresh request id."""
    return str(uuid.uuid4())


def new_traceparent() -> str:
    """A W3C traceparent that starts a new, unsampled trace."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"


def valid_traceparent(value: str) -> bool:
    """Whether a header received from outside is a traceparent of version 00."""
    return _TRACEPARENT.fullmatch(value) is not None


def draining() -> asyncio.Event:
    """Set when the process was asked to stop: take no new work, finish what was begun.

    The app sets it for every background task; elsewhere it is an event nobody sets.
    """
    event = _draining.get()
    if event is None:
        event = asyncio.Event()
        _draining.set(event)
    return event


async def pause(seconds: float) -> bool:
    """Waits, but no longer than until the process drains; returns whether it does."""
    try:
        async with asyncio.timeout(seconds):
            await draining().wait()
    except TimeoutError:
        return False
    return True


def end_if_cancelled() -> None:
    """Raises `CancelledError` when this task was asked to end.

    Some waits lose it: a driver's statement may end with an error of its own instead, and Python
    3.11's `wait_for` returns what it waited for when both come at once.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def share_draining(event: asyncio.Event) -> None:
    """Makes `event` what `draining()` returns in this task and those it starts."""
    _draining.set(event)
