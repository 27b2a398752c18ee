"""Every method of every contract and every route, called as somebody: what both matrices share."""

import importlib
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import uuid4

import aiohttp
import grpc
from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from chassis.errors import Error
from chassis.rpc import status
from local.home import ROOT
from local.running import House
from services.gateway.api.table import Route

_DETAILS = "grpc-status-details-bin"
BROKEN = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}


def methods() -> Iterator[MethodDescriptor]:
    """Every method of every service of every contract."""
    for found in sorted((ROOT / "gen" / "crm").glob("*/v1/*_service_pb2.py")):
        place = found.relative_to(ROOT / "gen").with_suffix("")
        contract: Any = importlib.import_module(".".join(place.parts))
        for service in contract.DESCRIPTOR.services_by_name.values():
            yield from service.methods


def path(method: MethodDescriptor) -> str:
    """The name by which it is called."""
    return f"/{method.containing_service.full_name}/{method.name}"


def called(
    house: House, method: MethodDescriptor, token: str, request: Message | None = None
) -> tuple[Any, str, Sequence[bytes]]:
    """The code, the reason and the bytes of the answers; without a request an empty one is sent.

    Of a refusal the bytes are what it says and carries.
    """
    service = method.containing_service.full_name.split(".")[1]
    with grpc.insecure_channel(house.state["grpc"][service]) as channel:
        return _answered(channel, method, token, request)


def _answered(
    channel: grpc.Channel, method: MethodDescriptor, token: str, request: Message | None
) -> tuple[Any, str, Sequence[bytes]]:
    into, out = (
        message_factory.GetMessageClass(it) for it in (method.input_type, method.output_type)
    )
    kind: Any = {
        (False, False): channel.unary_unary,
        (False, True): channel.unary_stream,
        (True, False): channel.stream_unary,
    }[(method.client_streaming, method.server_streaming)]
    call: Any = kind(
        path(method),
        request_serializer=lambda it: it.SerializeToString(),
        response_deserializer=out.FromString,
    )
    given: Any = request or into()
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    try:
        answer = call(
            iter([given]) if method.client_streaming else given, timeout=30, metadata=metadata
        )
        if not method.server_streaming:
            return grpc.StatusCode.OK, "", [answer.SerializeToString()]
        # Of a stream that is read with a request of its own all is wanted.
        some = list(answer) if request is not None else [it for it in [next(answer, None)] if it]
        answer.cancel()
    except grpc.RpcError as refused:
        told: Error | None = status.error(refused)  # type: ignore[arg-type]
        said: Any = refused
        carried = [it for name, it in said.trailing_metadata() or () if name == _DETAILS]
        words = [said.details().encode(), *carried]
        return said.code(), told.reason if told else "", words
    return grpc.StatusCode.OK, "", [it.SerializeToString() for it in some]


async def requested(http: aiohttp.ClientSession, route: Route) -> tuple[int, str]:
    """The status and reason that a route answers an empty request about nothing with."""
    address = route.path.replace("{", "\0").replace("}", "\0").split("\0")
    filled = "".join(str(uuid4()) if at % 2 else it for at, it in enumerate(address))
    body: dict[str, Any] = {} if route.method in ("GET", "DELETE") else {"json": {}}
    async with http.request(route.method, f"/api/v1{filled}", **body) as answer:
        if answer.status < 400:
            return answer.status, ""
        return answer.status, (await answer.json(content_type=None)).get("reason", "")
