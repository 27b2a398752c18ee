"""A tiny house that the client calls: it gives tokens and answers as a test says."""

from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from crm.accounts.v1 import session_service_pb2
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_status import rpc_status

from chassis import errors
from chassis.rpc import status
from mekong_client import Client

ENDS = 2_000_000_000


@dataclass
class Call:
    """One call that was received."""

    method: str
    request: Any
    metadata: dict[str, Any]
    seconds_left: float


@dataclass
class FakeHouse(grpc.GenericRpcHandler):
    """Answers by method name: a message, an error, a list of these in turn, or a function."""

    address: str = ""
    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def named(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    def service(self, handler_call_details: Any) -> Any:
        service, method = handler_call_details.method.strip("/").split("/")
        described = descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]
        request = message_factory.GetMessageClass(described.input_type)

        def heard(given: Any, context: grpc.ServicerContext) -> Any:
            metadata = dict(context.invocation_metadata())
            self.calls.append(Call(method, given, metadata, context.time_remaining()))
            answer = self.answers.get(method)
            if isinstance(answer, list):
                answer = answer.pop(0)
            if callable(answer):
                answer = answer(given)
            return answer

        def one(given: Any, context: grpc.ServicerContext) -> Any:
            answer = heard(given, context)
            if isinstance(answer, errors.Error):
                context.abort_with_status(rpc_status.to_status(status.status(answer)))
            if answer is None:
                context.abort(grpc.StatusCode.INTERNAL, "no such luck")
            return answer

        def many(given: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            for answer in heard(given, context):
                if isinstance(answer, errors.Error):
                    context.abort_with_status(rpc_status.to_status(status.status(answer)))
                yield answer

        make: Any = grpc.unary_unary_rpc_method_handler
        if described.server_streaming:
            make = grpc.unary_stream_rpc_method_handler
        return make(
            many if described.server_streaming else one,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


@pytest.fixture
def house() -> Iterator[FakeHouse]:
    made = FakeHouse()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[made])
    made.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    given = iter(range(1, 100))

    def token(_: Any) -> session_service_pb2.IssueTokenResponse:
        return session_service_pb2.IssueTokenResponse(
            token=f"token-{next(given)}", expire_time=Timestamp(seconds=ENDS)
        )

    made.answers["IssueToken"] = token
    yield made
    server.stop(0).wait()


@pytest.fixture
def connect(house: FakeHouse) -> Iterator[Callable[..., Client]]:
    made: list[Client] = []

    def connect(**more: Any) -> Client:
        names = ("accounts", "leads", "campaigns")
        addresses = dict.fromkeys(names, house.address)
        made.append(Client(addresses, client_id="shop", client_secret="word", **more))
        return made[-1]

    yield connect
    for client in made:
        client.close()


@pytest.fixture
def client(connect: Callable[..., Client]) -> Client:
    return connect()
