"""Failures of calls as exceptions, read from google.rpc.Status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

_DETAILS_KEY = "grpc-status-details-bin"


@dataclass(frozen=True)
class FieldViolation:
    """One field of the request that cannot be accepted: `contact.phones[0].number`, and why."""

    field: str
    description: str


class MekongError(Exception):
    """A call that failed.

    `reason` is a stable constant such as `ETAG_STALE` (docs/errors.md lists them), empty where the
    server could say none; `metadata` is what a program needs to react. `retry_after_seconds` is
    when to come back, None where nobody said. `request_id` finds the call in the server's logs.
    `idempotency_key` is the one that was sent: the same request with it acts once, however often.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
        retry_after_seconds: float | None = None,
        request_id: str = "",
        idempotency_key: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.violations = list(violations)
        self.retry_after_seconds = retry_after_seconds
        self.request_id = request_id
        self.idempotency_key = idempotency_key

    def __str__(self) -> str:
        fields = "".join(f"; {it.field}: {it.description}" for it in self.violations)
        return f"{self.reason or self.code.name}: {self.message}{fields}"


class InvalidArgument(MekongError):
    """The request can never succeed as it stands; `violations` name the fields."""


class NotFound(MekongError):
    """It does not exist, or not for this client."""


class AlreadyExists(MekongError):
    """It is there already, or the idempotency key was used for something else."""


class FailedPrecondition(MekongError):
    """The state of the resource forbids it."""


class Aborted(MekongError):
    """Somebody else was faster (a stale etag): read again and retry."""


class PermissionDenied(MekongError):
    """The client may not."""


class Unauthenticated(MekongError):
    """The client's id and secret are refused."""


class ResourceExhausted(MekongError):
    """A limit was met, or there were too many wrong secrets."""


class Unavailable(MekongError):
    """A part that is needed is away; what may be repeated was repeated already."""


class DeadlineExceeded(MekongError):
    """The time ran out; whether it was done is unknown."""


_KINDS: Mapping[grpc.StatusCode, type[MekongError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidArgument,
    grpc.StatusCode.OUT_OF_RANGE: InvalidArgument,
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.ALREADY_EXISTS: AlreadyExists,
    grpc.StatusCode.FAILED_PRECONDITION: FailedPrecondition,
    grpc.StatusCode.ABORTED: Aborted,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.UNAUTHENTICATED: Unauthenticated,
    grpc.StatusCode.RESOURCE_EXHAUSTED: ResourceExhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.CANCELLED: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceeded,
}


def of(failure: Any, *, request_id: str = "", idempotency_key: str = "") -> MekongError:
    """Return the exception for a call's `grpc.RpcError`."""
    code: grpc.StatusCode = failure.code()
    told = _told(failure)
    info, fields, retry = (
        error_details_pb2.ErrorInfo(),
        error_details_pb2.BadRequest(),
        error_details_pb2.RetryInfo(),
    )
    waits = False
    for detail in told.details:
        for into in (info, fields):
            detail.Unpack(into)
        waits = detail.Unpack(retry) or waits
    return _KINDS.get(code, MekongError)(
        code,
        told.message or failure.details() or code.name,
        reason=info.reason,
        metadata=dict(info.metadata),
        violations=[FieldViolation(it.field, it.description) for it in fields.field_violations],
        retry_after_seconds=retry.retry_delay.ToNanoseconds() / 1e9 if waits else None,
        request_id=request_id,
        idempotency_key=idempotency_key,
    )


def _told(failure: Any) -> status_pb2.Status:
    for key, value in failure.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                break
    return status_pb2.Status()
