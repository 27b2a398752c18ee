"""The gateway's application over a tiny fake of its peers: one gRPC server that plays them all."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from crm.accounts.v1 import contact_login_service_pb2, session_service_pb2, user_pb2
from crm.campaigns.v1 import campaign_service_pb2
from crm.leads.v1 import contact_service_pb2, segment_service_pb2
from crm.notifier.v1 import (
    doubt_pb2,
    doubt_service_pb2,
    support_service_pb2,
    suppression_pb2,
    suppression_service_pb2,
)
from flask import Flask
from flask.testing import FlaskClient
from google.protobuf import descriptor_pool, message_factory
from grpc_status import rpc_status

from chassis import errors
from chassis.rpc import status
from services.gateway import app
from services.gateway.config import Settings
from services.gateway.oidc import Oidc
from tests.unit.gateway.portal_parts import portal  # noqa: F401 (fixture)
from tests.unit.gateway.web_parts import CAMPAIGN, doubt


@dataclass
class Call:
    """One call that a peer received."""

    method: str
    request: Any
    metadata: dict[str, Any]
    seconds_left: float


@dataclass
class FakePeers(grpc.GenericRpcHandler):
    """Answers by method name (`GetContact`) with a message, an error, an iterable or a function."""

    answers: dict[str, Any] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    @property
    def last(self) -> Call:
        """The newest call."""
        return self.calls[-1]

    def named(self, method: str) -> list[Call]:
        """The calls of one method."""
        return [call for call in self.calls if call.method == method]

    def service(self, handler_call_details: Any) -> Any:
        service, method = handler_call_details.method.strip("/").split("/")
        if not service.startswith("crm."):  # no health service: who watches takes us as we are
            return None
        described = descriptor_pool.Default().FindServiceByName(service).methods_by_name[method]
        request = message_factory.GetMessageClass(described.input_type)

        def one(given: Any, context: grpc.ServicerContext) -> Any:
            heard = list(given) if described.client_streaming else given
            metadata = dict(context.invocation_metadata())
            self.calls.append(Call(method, heard, metadata, context.time_remaining()))
            answer = self.answers.get(method)
            if callable(answer):
                answer = answer(heard, context)
            if isinstance(answer, errors.Error):
                context.abort_with_status(rpc_status.to_status(status.status(answer)))
            if answer is None:
                context.abort(grpc.StatusCode.INTERNAL, "a secret detail")
            return answer

        make = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
        }[described.client_streaming, described.server_streaming]
        return make(
            one,
            request_deserializer=request.FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )


@dataclass
class Stage:
    """The fake peers and where they listen."""

    peers: FakePeers
    address: str


@pytest.fixture(scope="session")
def stage() -> Iterator[Stage]:
    peers = FakePeers()
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[peers])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Stage(peers, f"127.0.0.1:{port}")
    server.stop(0).wait()


@pytest.fixture
def peers(stage: Stage) -> FakePeers:
    stage.peers.answers.clear()
    stage.peers.calls.clear()
    return stage.peers


@dataclass
class Issuer:
    """Gives the gateway's own tokens, numbered."""

    url: str
    given: int = 0


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            made.given += 1
            body = json.dumps({"access_token": f"own-{made.given}", "expires_in": 300}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Issuer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


Make = Callable[..., Flask]


@pytest.fixture(scope="session")
def make_gateway(stage: Stage, issuer: Issuer) -> Iterator[Make]:
    """Makes an application with some settings changed."""
    made: list[Flask] = []

    def make(**changed: Any) -> Flask:
        names = ("leads", "interactions", "campaigns", "notifier", "accounts")
        addresses = {f"{name}_address": stage.address for name in names}
        given = {
            "seal_key": "0123456789abcdef0123456789abcdef",
            "client_secret": "secret",
            "issuer_url": issuer.url,
            "cookie_secure": False,
            "public_url": "http://localhost",
            **addresses,
            **changed,
        }
        made.append(app.create(Settings(**given)))
        return made[-1]

    yield make
    for each in made:
        each.extensions["gateway"].peers.close()


@pytest.fixture(scope="session")
def usual_gateway(make_gateway: Make) -> Flask:
    return make_gateway()


@pytest.fixture
def gateway(usual_gateway: Flask, peers: FakePeers) -> Flask:
    """The application with its usual settings, nothing asked of it yet."""
    usual_gateway.extensions["gateway"].limiter.reset()
    usual_gateway.extensions["gateway"].limits.buckets.forget()
    return usual_gateway


@pytest.fixture
def http(gateway: Flask) -> FlaskClient:
    return gateway.test_client()


@pytest.fixture
def newcomer(gateway: Flask, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser of a gateway that has not asked yet whether the house has a provider."""
    known = gateway.extensions["gateway"]
    fresh = replace(known, oidc=Oidc(known.peers, known.sessions))
    monkeypatch.setitem(gateway.extensions, "gateway", fresh)
    return gateway.test_client()


@pytest.fixture
def program(http: FlaskClient) -> Callable[..., Any]:
    """Calls the API with a bearer token: program("POST", "/contacts", json={...})."""

    def call(method: str, path: str, **rest: Any) -> Any:
        headers = {"Authorization": "Bearer of-a-program", **rest.pop("headers", {})}
        return http.open(f"/api/v1{path}", method=method, headers=headers, **rest)

    return call


@pytest.fixture
def signed_in(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may do everything."""
    session = session_service_pb2.ExchangeSessionResponse(
        token="of-a-person", user=user_pb2.User(id="u1", display_name="Lan", locale="en")
    )
    session.expire_time.FromSeconds(int(time.time()) + 300)
    session.rights.add(resource="*", action="*", level=user_pb2.LEVEL_ALL)
    campaigns = campaign_service_pb2.BatchGetCampaignsResponse()
    campaigns.campaigns.add(id=CAMPAIGN, name="Tết <b>Bính Ngọ</b>")
    advertisers = suppression_service_pb2.ListAdvertisersResponse()
    advertisers.advertisers.add(id="a1", name="Sông Hồng")
    peers.answers.update(
        ExchangeSession=session,
        ListUsers=errors.PermissionDenied("RIGHT_MISSING", "no"),
        BatchGetCampaigns=campaigns,
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(),
        ListContactLogins=contact_login_service_pb2.ListContactLoginsResponse(),
        ListProviders=suppression_service_pb2.ListProvidersResponse(
            providers=[suppression_pb2.Provider(name="smpp"), suppression_pb2.Provider(name="smtp")]
        ),
        ListAdvertisers=advertisers,
        ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(),
        ListSegments=segment_service_pb2.ListSegmentsResponse(),
        ListDoubts=doubt_service_pb2.ListDoubtsResponse(doubts=[doubt()], total=1),
        GetDoubt=doubt(),
        SettleDoubt=doubt_pb2.DoubtDeed(),
        ResendDoubt=doubt_pb2.DoubtDeed(),
        LookUpAddress=support_service_pb2.LookUpAddressResponse(address="+84912345678"),
    )
    http.set_cookie("mekong", f"secret-{time.monotonic_ns()}")
    return http
