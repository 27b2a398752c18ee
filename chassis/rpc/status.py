"""The one table between the error family and google.rpc.Status, read in both directions."""

from collections.abc import Iterable
from typing import Protocol

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from chassis import errors

DOMAIN = "mekong"
DETAILS_KEY = "grpc-status-details-bin"

CODES: dict[type[errors.Error], grpc.StatusCode] = {
    errors.InvalidArgument: grpc.StatusCode.INVALID_ARGUMENT,
    errors.NotFound: grpc.StatusCode.NOT_FOUND,
    errors.AlreadyExists: grpc.StatusCode.ALREADY_EXISTS,
    errors.FailedPrecondition: grpc.StatusCode.FAILED_PRECONDITION,
    errors.Aborted: grpc.StatusCode.ABORTED,
    errors.PermissionDenied: grpc.StatusCode.PERMISSION_DENIED,
    errors.ResourceExhausted: grpc.StatusCode.RESOURCE_EXHAUSTED,
    errors.Unauthenticated: grpc.StatusCode.UNAUTHENTICATED,
    errors.Unavailable: grpc.StatusCode.UNAVAILABLE,
    errors.DeadlineExceeded: grpc.StatusCode.DEADLINE_EXCEEDED,
}
_ERRORS: dict[grpc.StatusCode, type[errors.Error]] = {
    **{code: error for error, code in CODES.items()},
    grpc.StatusCode.OUT_OF_RANGE: errors.InvalidArgument,
    # A peer that went away in mid-call is, to its caller, not available.
    grpc.StatusCode.CANCELLED: errors.Unavailable,
}


class Failure(Protocol):
    """What a failed call tells, whether it was made by the sync or the async client."""

    def code(self) -> grpc.StatusCode:
        """Return the status code."""

    def details(self) -> str | None:
        """Return the status message."""

    def trailing_metadata(self) -> Iterable[tuple[str, str | bytes]] | None:
        """Return the trailing metadata."""


def code(error: errors.Error) -> grpc.StatusCode:
    """Return the gRPC code of `error`."""
    return next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)


def status(error: errors.Error) -> status_pb2.Status:
    """Return `error` as a google.rpc.Status with ErrorInfo, BadRequest and RetryInfo details."""
    details: list[Message] = [
        error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    ]
    if error.violations:
        details.append(
            error_details_pb2.BadRequest(
                field_violations=[
                    error_details_pb2.BadRequest.FieldViolation(
                        field=violation.field, description=violation.description
                    )
                    for violation in error.violations
                ]
            )
        )
    if error.retry_after_seconds is not None:
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(int(error.retry_after_seconds * 1e9))
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    return build(code(error), error.message, details)


def internal() -> status_pb2.Status:
    """Return the status of a failure whose text must not leave the process."""
    return build(
        grpc.StatusCode.INTERNAL,
        "internal error",
        [error_details_pb2.ErrorInfo(reason="INTERNAL", domain=DOMAIN)],
    )


def build(
    status_code: grpc.StatusCode, message: str, details: Iterable[Message]
) -> status_pb2.Status:
    """Return a status of `status_code` that carries `details`."""
    packed = []
    for detail in details:
        box = any_pb2.Any()
        box.Pack(detail)
        packed.append(box)
    return status_pb2.Status(code=status_code.value[0], message=message, details=packed)


def error(failure: Failure) -> errors.Error | None:
    """Return the member of our family that `failure` stands for; None where there is none."""
    kind = _ERRORS.get(failure.code())
    if kind is None:
        return None
    found = _details(failure)
    if found is None:
        return kind(f"PEER_{failure.code().name}", "the peer did not answer the call")
    info, bad_request, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), None
    for detail in found.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            detail.Unpack(bad_request)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
    translated = kind(info.reason or f"PEER_{failure.code().name}", found.message)
    translated.metadata = dict(info.metadata)
    translated.violations = [
        errors.FieldViolation(each.field, each.description) for each in bad_request.field_violations
    ]
    if retry is not None:
        translated.retry_after_seconds = retry.retry_delay.ToNanoseconds() / 1e9
    return translated


def _details(failure: Failure) -> status_pb2.Status | None:
    for key, value in failure.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return status_pb2.Status.FromString(value)
            except DecodeError:
                return None
    return None
