"""Channels to peers: identity, deadline, trace, retry of what may be repeated, typed errors."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from chassis import context, errors, metrics
from chassis.config import ServiceSettings
from chassis.rpc import balancing, status
from chassis.rpc.tokens import Tokens

DEFAULT_SECONDS = 10.0
DEFAULT_STREAM_SECONDS = 300.0

_on_behalf_of: ContextVar[str | None] = ContextVar("on_behalf_of", default=None)


@contextmanager
def acting_for(user_id: str) -> Iterator[None]:
    """Make the calls inside the block on behalf of a user, with the user's rights of now."""
    token = _on_behalf_of.set(user_id)
    try:
        yield
    finally:
        _on_behalf_of.reset(token)


def channel(
    address: str,
    settings: ServiceSettings,
    tokens: Tokens,
    services: Sequence[ServiceDescriptor],
    *,
    audience: str | None = None,
) -> grpc.aio.Channel:
    """Return a channel to the peer at `address` for stubs of `services`.

    `address` is `host:port`, or each replica's `ip:port` with commas (see `balancing.target`).

    `audience` is the service the tokens are for; by default the last part but one of the proto
    package (`leads` of `crm.leads.v1`). Calls raise members of the error family; a failure
    without one (INTERNAL, UNIMPLEMENTED, ...) stays an `AioRpcError`.
    """
    named = audience or services[0].file.package.split(".")[-2]
    caller = _Caller(tokens, named)
    interceptors: list[grpc.aio.ClientInterceptor] = [
        _UnaryUnary(caller),
        _UnaryStream(caller),
        _StreamUnary(caller),
        _StreamStream(caller),
    ]
    options = balancing.options(services, settings.grpc_max_message_bytes)
    target = balancing.target(address)
    credentials = _credentials(settings)
    if credentials is None:
        return grpc.aio.insecure_channel(target, options, interceptors=interceptors)
    return grpc.aio.secure_channel(target, credentials, options, interceptors=interceptors)


def _credentials(settings: ServiceSettings) -> grpc.ChannelCredentials | None:
    cert, key, authority = (
        settings.grpc_tls_cert_file,
        settings.grpc_tls_key_file,
        settings.grpc_tls_ca_file,
    )
    if cert is None or key is None or authority is None:
        return None
    return grpc.ssl_channel_credentials(authority.read_bytes(), key.read_bytes(), cert.read_bytes())


class _Caller:
    """What is the same for calls of every kind."""

    def __init__(self, tokens: Tokens, audience: str) -> None:
        self._tokens = tokens
        self._audience = audience

    async def prepared(
        self, details: grpc.aio.ClientCallDetails, default_seconds: float
    ) -> grpc.aio.ClientCallDetails:
        """Return `details` with the identity, the trace and a deadline added."""
        now = context.current()
        timeout = details.timeout or default_seconds
        left = now.remaining()
        if left is not None:
            timeout = min(timeout, left)
        if timeout <= 0:
            raise errors.DeadlineExceeded("DEADLINE_EXCEEDED", "no time is left to ask a peer")
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        if metadata.get("authorization") is None:
            token = await self._tokens.for_(self._audience, _on_behalf_of.get())
            metadata.add("authorization", f"Bearer {token}")
        metadata.add("x-request-id", now.request_id or context.new_request_id())
        metadata.add("traceparent", now.traceparent or context.new_traceparent())
        return grpc.aio.ClientCallDetails(
            details.method, timeout, metadata, details.credentials, details.wait_for_ready
        )

    def translated(self, failure: grpc.aio.AioRpcError) -> Exception:
        """Return the error to raise in place of `failure`."""
        if failure.code() is grpc.StatusCode.UNAUTHENTICATED:
            # It is our identity that was refused, not our caller's: to it we are not available.
            self._tokens.forget(self._audience, _on_behalf_of.get())
            return errors.Unavailable("PEER_REFUSED_IDENTITY", "a peer refused our identity")
        return status.error(failure) or failure

    @contextmanager
    def observed(self, method: str | bytes) -> Iterator[None]:
        """Count and time the call inside the block, and translate its failure."""
        path = method.decode() if isinstance(method, bytes) else method
        service, name = path.strip("/").split("/", 1)
        began, code = time.monotonic(), grpc.StatusCode.OK
        try:
            yield
        except grpc.aio.AioRpcError as failure:
            code = failure.code()
            translated = self.translated(failure)
            if translated is failure:
                raise
            raise translated from failure
        except BaseException:
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            metrics.grpc_client_handled.labels(service, name, code.name).inc()
            metrics.grpc_client_seconds.labels(service, name).observe(time.monotonic() - began)

    async def one(
        self,
        continuation: Callable[..., Awaitable[Any]],
        details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Make a call with one request and one response."""
        ready = await self.prepared(details, DEFAULT_SECONDS)
        with self.observed(details.method):
            call = await continuation(ready, request)
            return await call

    async def many(
        self,
        continuation: Callable[..., Awaitable[Any]],
        details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> AsyncIterator[Any]:
        """Make a call with a stream of responses."""
        ready = await self.prepared(details, DEFAULT_STREAM_SECONDS)
        return self._responses(await continuation(ready, request), details.method)

    async def gathered(
        self,
        continuation: Callable[..., Awaitable[Any]],
        details: grpc.aio.ClientCallDetails,
        requests: Any,
    ) -> "_Gathering":
        """Make a call with a stream of requests and one response."""
        ready = await self.prepared(details, DEFAULT_STREAM_SECONDS)
        return _Gathering(self, await continuation(ready, requests), details.method)

    async def _responses(self, call: Any, method: str) -> AsyncIterator[Any]:
        with self.observed(method):
            async for response in call:
                yield response


class _Gathering:
    """A call still being written to, which grpc wants back as a call and not as its response."""

    def __init__(self, caller: _Caller, call: Any, method: str) -> None:
        self._caller = caller
        self._call = call
        self._method = method

    def __getattr__(self, name: str) -> Any:
        return getattr(self._call, name)

    def __await__(self) -> Generator[Any, None, Any]:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        with self._caller.observed(self._method):
            return await self._call


class _UnaryUnary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, caller: _Caller) -> None:
        self._caller = caller

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await self._caller.one(continuation, client_call_details, request)


class _UnaryStream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, caller: _Caller) -> None:
        self._caller = caller

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await self._caller.many(continuation, client_call_details, request)


class _StreamUnary(grpc.aio.StreamUnaryClientInterceptor):
    def __init__(self, caller: _Caller) -> None:
        self._caller = caller

    async def intercept_stream_unary(
        self,
        continuation: Any,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        return await self._caller.gathered(continuation, client_call_details, request_iterator)


class _StreamStream(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, caller: _Caller) -> None:
        self._caller = caller

    async def intercept_stream_stream(
        self,
        continuation: Any,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        return await self._caller.many(continuation, client_call_details, request_iterator)
