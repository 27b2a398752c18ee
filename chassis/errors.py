"""The one family of errors that crosses the edge of a service, and nothing about transports."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

Check = Callable[[], Awaitable[None]]
"""A readiness check: returns when all is well, raises `Unavailable` saying what is missing."""


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request that cannot be accepted.

    `field` is a path from the request, such as `contact.phones[0].number`.
    """

    field: str
    description: str


class Error(Exception):
    """A failure that its caller can act on.

    `reason` is a constant in UPPER_SNAKE_CASE, `metadata` holds what a program needs to react;
    neither these nor the message may carry personal data.
    """

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        violations: Sequence[FieldViolation] = (),
        retry_after_seconds: float | None = None,
        **metadata: object,
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        self.message = message
        self.violations = list(violations)
        self.retry_after_seconds = retry_after_seconds
        self.metadata = {name: str(value) for name, value in metadata.items()}

    def __str__(self) -> str:
        fields = "".join(f"; {it.field}: {it.description}" for it in self.violations)
        return f"{self.reason}: {self.message}{fields}"


class InvalidArgument(Error):
    """The request can never succeed as it stands."""


class NotFound(Error):
    """What the request names does not exist, or not for this caller."""


class AlreadyExists(Error):
    """What the request would make is there already, or its id was used for something else."""


class FailedPrecondition(Error):
    """The state of the resource forbids it; it may succeed after something else changed."""


class Aborted(Error):
    """Someone else was faster (stale etag, lost race); read again and retry."""


class PermissionDenied(Error):
    """The caller is known and may not."""


class Unauthenticated(Error):
    """The caller is not known."""


class ResourceExhausted(Error):
    """A limit was met; `retry_after_seconds` says when to come back."""


class Unavailable(Error):
    """A part that is needed is away; the same request may succeed soon."""


class DeadlineExceeded(Error):
    """The time allowed ran out; whether the work was done is unknown."""
