"""One call on the server, and the interceptor that lays the same rings around every kind of it."""

from __future__ import annotations  # grpc's classes are generic in their stubs only

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import grpc

from chassis.context import current
from chassis.rpc import ranges
from chassis.rpc.hiding import Hiding

OPEN_SERVICES = ("/grpc.health.v1.", "/grpc.reflection.")

ServicerContext: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


@dataclass
class Call:
    """A call being served; `code` and `reason` are its outcome, known once the rings unwind."""

    method: str
    metadata: dict[str, str]
    context: ServicerContext
    code: grpc.StatusCode = grpc.StatusCode.OK
    reason: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def is_plumbing(self) -> bool:
        """True for health and reflection: no token, no log line."""
        return self.method.startswith(OPEN_SERVICES)


Ring = Callable[[Call], AbstractAsyncContextManager[None]]


class Rings(grpc.aio.ServerInterceptor):
    """Runs every handler inside `rings`, the first being the outermost."""

    def __init__(self, rings: Sequence[Ring], hiding: Hiding) -> None:
        self._rings = rings
        self._hiding = hiding

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the handler of the call with the rings around it."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        metadata = {
            key: value
            for key, value in handler_call_details.invocation_metadata or ()
            if isinstance(value, str)
        }
        return self._wrap(handler, handler_call_details.method, metadata)

    def _wrap(
        self, handler: grpc.RpcMethodHandler[Any, Any], method: str, metadata: dict[str, str]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        behaviour, factory = _parts(handler)

        async def single(request: Any, context: ServicerContext) -> Any:
            async with self._entered(Call(method, metadata, context)):
                with ranges.told(request):
                    return self._shown(await behaviour(request, context))

        # A coroutine that writes, not an async generator: a generator abandoned by a cancelled
        # call is closed later in another context, where the rings could not unwind.
        async def stream(request: Any, context: ServicerContext) -> None:
            async with self._entered(Call(method, metadata, context)):
                with ranges.told(request):
                    responses = behaviour(request, context)
                    if not isinstance(responses, AsyncIterator):
                        await responses
                        return
                    async with aclosing(responses) as closing:  # type: ignore[type-var]
                        async for response in closing:
                            await context.write(self._shown(response))

        wrapped: grpc.RpcMethodHandler[Any, Any] = factory(
            stream if handler.response_streaming else single,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _shown(self, response: Any) -> Any:
        principal = current().principal
        if principal is None or not principal.hidden:
            return response
        return self._hiding.answer(response, principal.hidden)

    def _entered(self, call: Call) -> AbstractAsyncContextManager[None]:
        return _Entered(self._rings, call)


class _Entered:
    """All rings of one call as one context manager."""

    def __init__(self, rings: Sequence[Ring], call: Call) -> None:
        self._rings = rings
        self._call = call
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> None:
        try:
            for ring in self._rings:
                await self._stack.enter_async_context(ring(self._call))
        except BaseException as error:
            # A ring that refuses (no token, no time left) must be seen by those around it.
            await self._stack.__aexit__(type(error), error, error.__traceback__)
            raise

    async def __aexit__(self, *raised: Any) -> bool | None:
        return await self._stack.__aexit__(*raised)


def _parts(handler: grpc.RpcMethodHandler[Any, Any]) -> tuple[Callable[..., Any], Any]:
    if handler.request_streaming and handler.response_streaming:
        return handler.stream_stream, grpc.stream_stream_rpc_method_handler  # type: ignore[return-value]
    if handler.request_streaming:
        return handler.stream_unary, grpc.stream_unary_rpc_method_handler  # type: ignore[return-value]
    if handler.response_streaming:
        return handler.unary_stream, grpc.unary_stream_rpc_method_handler  # type: ignore[return-value]
    return handler.unary_unary, grpc.unary_unary_rpc_method_handler  # type: ignore[return-value]
