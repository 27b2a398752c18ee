"""Stubs of the peers: one channel each, made when first used, with identity, trace and deadline."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor

from chassis import context, errors, metrics
from chassis.rpc import balancing, status
from services.gateway.config import Settings
from services.gateway.identity import Identity
from services.gateway.stubs import STUBS

S = TypeVar("S")

_bearer: ContextVar[str] = ContextVar("bearer", default="")


def act_as(token: str) -> None:
    """Make the rest of this request's calls with the token of who asks."""
    _bearer.set(token)


class Peers:
    """The stubs; safe to use from every thread of one process, and only after it forked."""

    def __init__(self, settings: Settings, identity: Identity) -> None:
        self._settings = settings
        self._identity = identity
        self._addresses = settings.peers()
        self._channels: dict[str, grpc.Channel] = {}
        self._lock = threading.Lock()
        self._states = dict.fromkeys(self._addresses, "not asked yet")

    def stub(self, stub_type: Callable[[grpc.Channel], S]) -> S:
        """Return a stub that calls with the token of who asks; none set, the call carries none.

        Calls raise members of the error family; what is none of them (INTERNAL,
        UNIMPLEMENTED, …) stays a `grpc.RpcError`.
        """
        name = _owner(stub_type)
        return stub_type(self._intercepted(name, _bearer.get))

    def own(self, stub_type: Callable[[grpc.Channel], S]) -> S:
        """Return a stub that calls with the gateway's own identity."""
        name = _owner(stub_type)
        return stub_type(self._intercepted(name, lambda: self._identity.token(name), own=True))

    def states(self) -> dict[str, str]:
        """Return by peer whether its last call was answered."""
        return dict(self._states)

    def close(self) -> None:
        """Close every channel."""
        with self._lock:
            for channel in self._channels.values():
                channel.close()
            self._channels.clear()

    def _intercepted(self, name: str, token: Callable[[], str], *, own: bool = False) -> Any:
        refused = (lambda: self._identity.forget(name)) if own else None
        caller = _Caller(name, token, self._settings.call_seconds, refused, self._states)
        return grpc.intercept_channel(self._channel(name), caller)

    def _channel(self, name: str) -> grpc.Channel:
        with self._lock:
            if name not in self._channels:
                self._channels[name] = _connect(name, self._addresses[name], self._settings)
            return self._channels[name]


def _owner(stub_type: Callable[[grpc.Channel], S]) -> str:
    return stub_type.__module__.split(".")[1]


def services(name: str) -> list[ServiceDescriptor]:
    """Return the services of one peer (`leads`) that the gateway calls."""
    pool = descriptor_pool.Default()
    return [
        pool.FindServiceByName(full_name) for full_name in STUBS if full_name.split(".")[1] == name
    ]


def _connect(name: str, address: str, settings: Settings) -> grpc.Channel:
    target = balancing.target(address)
    options = balancing.options(services(name), settings.grpc_max_message_bytes)
    cert, key, authority = (
        settings.grpc_tls_cert_file,
        settings.grpc_tls_key_file,
        settings.grpc_tls_ca_file,
    )
    if cert is None or key is None or authority is None:
        return grpc.insecure_channel(target, options)
    credentials = grpc.ssl_channel_credentials(
        authority.read_bytes(), key.read_bytes(), cert.read_bytes()
    )
    return grpc.secure_channel(target, credentials, options)


@dataclass(frozen=True)
class _Details(grpc.ClientCallDetails):
    method: str
    timeout: float | None
    metadata: tuple[tuple[str, str | bytes], ...] | None
    credentials: grpc.CallCredentials | None = None
    wait_for_ready: bool | None = None
    compression: grpc.Compression | None = None


class _Caller(
    grpc.UnaryUnaryClientInterceptor,
    grpc.UnaryStreamClientInterceptor,
    grpc.StreamUnaryClientInterceptor,
):
    """What is the same for calls of every kind."""

    def __init__(
        self,
        peer: str,
        token: Callable[[], str],
        call_seconds: float,
        refused: Callable[[], None] | None,
        states: dict[str, str],
    ) -> None:
        self._peer = peer
        self._token = token
        self._call_seconds = call_seconds
        self._refused = refused
        self._states = states

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return self._one(continuation, details, request)

    def intercept_stream_unary(self, continuation: Any, details: Any, requests: Any) -> Any:
        return self._one(continuation, details, requests)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:
        ready = self._prepared(details)
        call = continuation(ready, request)
        return self._responses(call, details.method)

    def _one(self, continuation: Any, details: Any, request: Any) -> Any:
        with self._observed(details.method):
            call = continuation(self._prepared(details), request)
            failure = call.exception()
            if failure is not None and self._own_token_refused(failure):
                call = continuation(self._prepared(details), request)
                failure = call.exception()
            if failure is not None:
                raise failure
            return call

    def _own_token_refused(self, failure: Any) -> bool:
        """Whether the gateway's own token was refused; it is then forgotten."""
        if self._refused is None or failure.code() is not grpc.StatusCode.UNAUTHENTICATED:
            return False
        translated = status.error(failure)
        refused = translated is not None and translated.reason.startswith("TOKEN_")
        if refused:
            self._refused()
        return refused

    def _responses(self, call: Any, method: str) -> Iterator[Any]:
        try:
            with self._observed(method):
                yield from call
        finally:
            call.cancel()  # a reader that leaves early frees the peer

    def _prepared(self, details: Any) -> _Details:
        now = context.current()
        timeout = details.timeout or self._call_seconds
        left = now.remaining()
        if left is not None and details.timeout is None:
            timeout = min(timeout, left)
        if timeout <= 0:
            raise errors.DeadlineExceeded("DEADLINE_PASSED", "no time is left to ask a peer")
        metadata = list(details.metadata or ())
        token = self._token()
        if token:
            metadata.append(("authorization", f"Bearer {token}"))
        metadata.append(("x-request-id", now.request_id or context.new_request_id()))
        metadata.append(("traceparent", now.traceparent or context.new_traceparent()))
        return _Details(details.method, timeout, tuple(metadata))

    @contextmanager
    def _observed(self, path: str) -> Iterator[None]:
        service, method = path.strip("/").split("/", 1)
        began, code = time.monotonic(), grpc.StatusCode.OK
        try:
            yield
        except grpc.RpcError as failure:
            code = failure.code()
            raise self._translated(failure) from failure
        finally:
            away = code is grpc.StatusCode.UNAVAILABLE
            self._states[self._peer] = "away" if away else "answers"
            metrics.grpc_client_handled.labels(service, method, code.name).inc()
            metrics.grpc_client_seconds.labels(service, method).observe(time.monotonic() - began)

    def _translated(self, failure: Any) -> Exception:
        translated = status.error(failure)
        if translated is None:
            return failure  # type: ignore[no-any-return]
        if translated.reason == "PEER_RESOURCE_EXHAUSTED":
            # gRPC itself says so, of a message above its limit: the caller asked for too much.
            return errors.ResourceExhausted("TOO_LARGE", "the answer is too large; ask for less")
        if isinstance(translated, errors.Unavailable):
            translated.metadata.setdefault("peer", self._peer)
        if self._own_token_refused(failure):
            # It is the gateway that was refused, not the person: to them a part is away.
            return errors.Unavailable(
                "PEER_UNAVAILABLE", "a peer refused the gateway's identity", peer=self._peer
            )
        return translated
