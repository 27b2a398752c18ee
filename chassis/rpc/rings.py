"""The rings around every call: context, log line and metrics, errors, deadline, authentication."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import NoReturn

import grpc
import structlog
from google.rpc import status_pb2

from chassis import context, errors, metrics
from chassis.db import failures
from chassis.rpc import status
from chassis.rpc.call import Call, Ring
from chassis.rpc.keys import Verifier
from chassis.rpc.rights import Caller, Rule

REQUEST_ID = "x-request-id"
TRACEPARENT = "traceparent"
_LONGEST_REQUEST_ID = 128

log = structlog.get_logger()


@asynccontextmanager
async def bind_context(call: Call) -> AsyncIterator[None]:
    """Bind the request id and trace the caller sent, or fresh ones."""
    request_id = call.metadata.get(REQUEST_ID, "")
    if not request_id.isprintable() or not 0 < len(request_id) <= _LONGEST_REQUEST_ID:
        request_id = context.new_request_id()
    traceparent = call.metadata.get(TRACEPARENT, "")
    if not context.valid_traceparent(traceparent):
        traceparent = context.new_traceparent()
    with context.bind(request_id=request_id, traceparent=traceparent):
        yield


@asynccontextmanager
async def observe(call: Call) -> AsyncIterator[None]:
    """Count and time the call, and log one line about it."""
    service, name = call.method.strip("/").split("/", 1)
    began = time.monotonic()
    metrics.grpc_server_in_flight.inc()
    try:
        yield
    finally:
        took = time.monotonic() - began
        metrics.grpc_server_in_flight.dec()
        metrics.grpc_server_handled.labels(service, name, call.code.name).inc()
        metrics.grpc_server_seconds.labels(service, name).observe(took)
        line = log.debug if call.is_plumbing else log.info
        line(
            "grpc_call",
            method=call.method,
            code=call.code.name,
            reason=call.reason,
            milliseconds=round(took * 1000, 1),
            **call.attributes,
        )


@asynccontextmanager
async def explain_errors(call: Call) -> AsyncIterator[None]:
    """Answer with the status of an error of our family; say nothing about any other."""
    try:
        yield
    except grpc.aio.AbortError:
        call.code = _code(call.context.code())
        raise
    except asyncio.CancelledError:
        call.code = grpc.StatusCode.CANCELLED
        raise
    except errors.Error as error:
        call.code, call.reason = status.code(error), error.reason
        await _abort(call, status.status(error))
    except Exception as error:
        away = _away(error)
        if away is not None:
            call.code, call.reason = status.code(away), away.reason
            log.warning("dependency_away", method=call.method, error=type(error).__name__)
            await _abort(call, status.status(away))
        call.code, call.reason = grpc.StatusCode.INTERNAL, "INTERNAL"
        log.error(
            "call_failed", method=call.method, error=type(error).__name__, at=failures.where(error)
        )
        await _abort(call, status.internal())


def limit_time(default_seconds: float) -> Ring:
    """Return the ring that refuses a call whose time is up and ends one whose time runs out."""

    @asynccontextmanager
    async def ring(call: Call) -> AsyncIterator[None]:
        if call.is_plumbing:  # Watch and reflection stay open for as long as the client does
            yield
            return
        # Without a deadline grpc reports None or infinity, by kind of call.
        remaining: float | None = call.context.time_remaining()
        if remaining is None or remaining > 10**9:
            remaining = default_seconds
        if remaining <= 0:
            raise errors.DeadlineExceeded("DEADLINE_EXCEEDED", "the deadline has passed")
        with context.bind(deadline=time.monotonic() + remaining):
            try:
                async with asyncio.timeout(remaining) as limit:
                    yield
            except TimeoutError:
                if not limit.expired():
                    raise
                raise errors.DeadlineExceeded(
                    "DEADLINE_EXCEEDED", "the deadline has passed"
                ) from None

    return ring


def admit(verifier: Verifier, rules: Mapping[str, Rule]) -> Ring:
    """Return the ring that binds the principal of the bearer token if its method's rule allows it.

    Refuses the call of anybody else.
    """

    @asynccontextmanager
    async def ring(call: Call) -> AsyncIterator[None]:
        if call.is_plumbing or rules[call.method].caller is Caller.ANYBODY:
            yield
            return
        scheme, _, token = call.metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.Unauthenticated("TOKEN_MISSING", "this call needs a bearer token")
        principal = await verifier.principal(token.strip())
        call.attributes["principal"] = principal.subject
        if principal.actor:
            call.attributes["actor"] = principal.actor
        rules[call.method].check(principal)
        with context.bind(principal=principal):
            yield

    return ring


def _away(error: Exception) -> errors.Error | None:
    if isinstance(error, grpc.RpcError):
        return status.error(error) if isinstance(error, grpc.aio.AioRpcError) else None
    if failures.is_away(error):
        return errors.Unavailable("DATABASE_AWAY", "a part that is needed is away, try again")
    return None


def _code(code: object) -> grpc.StatusCode:
    """grpc.aio tells the code of an aborted call as its number."""
    if isinstance(code, grpc.StatusCode):
        return code
    found = [each for each in grpc.StatusCode if each.value[0] == code]
    return found[0] if found else grpc.StatusCode.UNKNOWN


async def _abort(call: Call, answer: status_pb2.Status) -> NoReturn:
    code = _code(answer.code)
    details = ((status.DETAILS_KEY, answer.SerializeToString()),)
    await call.context.abort(code, answer.message, details)
