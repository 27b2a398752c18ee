"""What every call gets: a token, a deadline, an idempotency key, and errors as exceptions."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import grpc

from mekong_client import channels, errors
from mekong_client.tokens import Tokens


@dataclass(frozen=True)
class Deadlines:
    """Seconds that a call may take where its caller does not say: one answer, or a stream."""

    call: float = 10.0
    stream: float = 300.0


@dataclass(frozen=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: Any
    credentials: Any = None
    wait_for_ready: bool | None = None
    compression: Any = None


@dataclass(frozen=True)
class _Sent:
    """One call on its way."""

    details: _Details
    token: str
    ids: Mapping[str, str]


class Caller(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
):
    """Intercepts the calls of one channel; blocks until a call is answered."""

    def __init__(self, tokens: Tokens, deadlines: Deadlines) -> None:
        self._tokens = tokens
        self._deadlines = deadlines

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        """Make a call with one request and one answer."""
        keyed, key = _keyed(request)
        return self._answered(continuation, details, lambda: keyed, key)

    def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        """Make a call with a stream of requests, which can be read only once, and one answer."""
        sent = self._prepared(details, self._deadlines.stream, "")
        call = continuation(sent.details, requests)
        failure = call.exception()
        if failure is not None:
            raise self._translated(failure, sent) from failure
        return call

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        """Make a call with a stream of answers."""
        keyed, key = _keyed(request)
        sent = self._prepared(details, self._deadlines.stream, key)
        return self._answers(continuation(sent.details, keyed), sent)

    def _answered(
        self, continuation: Any, details: Any, request: Callable[[], Any], key: str
    ) -> Any:
        sent = self._prepared(details, self._deadlines.call, key)
        call = continuation(sent.details, request())
        failure = call.exception()
        if failure is not None and self._token_refused(failure, sent):
            # Refused before anything was done: once more with a fresh one.
            sent = self._prepared(details, self._deadlines.call, key)
            call = continuation(sent.details, request())
            failure = call.exception()
        if failure is not None:
            raise self._translated(failure, sent) from failure
        return call

    def _answers(self, call: Any, sent: _Sent) -> Iterator[Any]:
        try:
            yield from call
        except grpc.RpcError as failure:
            raise self._translated(failure, sent) from failure
        finally:
            call.cancel()  # a reader that leaves early frees the server

    def _prepared(self, details: Any, seconds: float, key: str) -> _Sent:
        token, request_id = self._tokens.get(), str(uuid.uuid4())
        metadata = [*(details.metadata or ()), ("x-request-id", request_id)]
        metadata.append(("authorization", f"Bearer {token}"))
        timeout = details.timeout if details.timeout is not None else seconds
        made = _Details(details.method, timeout, tuple(metadata), details.credentials)
        return _Sent(made, token, {"request_id": request_id, "idempotency_key": key})

    def _token_refused(self, failure: Any, sent: _Sent) -> bool:
        translated = errors.of(failure)
        refused = isinstance(translated, errors.Unauthenticated)
        if refused and translated.reason.startswith("TOKEN_"):
            self._tokens.forget(sent.token)
            return True
        return False

    def _translated(self, failure: Any, sent: _Sent) -> errors.MekongError:
        self._token_refused(failure, sent)
        return errors.of(failure, **sent.ids)


def _keyed(request: Any) -> tuple[Any, str]:
    """Return the request with an idempotency key, a copy where it came without, and the key."""
    field = request.DESCRIPTOR.fields_by_name.get(channels.KEY_FIELD)
    if field is None or field.type != field.TYPE_STRING:
        return request, ""
    if not request.request_id:
        keyed = type(request)()
        keyed.CopyFrom(request)
        keyed.request_id = str(uuid.uuid4())
        return keyed, keyed.request_id
    return request, request.request_id
