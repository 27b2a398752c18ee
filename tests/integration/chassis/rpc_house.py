"""A tiny service of its own, an issuer of tokens and settings, for the tests of calls."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from aiohttp import web
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.wrappers_pb2 import StringValue
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis.config import ServiceSettings
from chassis.rpc import client, server
from chassis.rpc.claims import Key
from chassis.rpc.rights import Caller, Rule
from chassis.rpc.tokens import TokenSource

SERVICE = "crm.echo.v1.EchoService"


def _descriptor() -> Any:
    text = ".google.protobuf.StringValue"
    file = descriptor_pb2.FileDescriptorProto(
        name="crm/echo/v1/echo_service.proto",
        package="crm.echo.v1",
        dependency=["google/protobuf/wrappers.proto"],
        syntax="proto3",
    )
    service = file.service.add(name="EchoService")
    read = service.method.add(name="Read", input_type=text, output_type=text)
    read.options.idempotency_level = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    service.method.add(name="Change", input_type=text, output_type=text)
    service.method.add(name="Watch", input_type=text, output_type=text, server_streaming=True)
    service.method.add(name="Gather", input_type=text, output_type=text, client_streaming=True)
    pool = descriptor_pool.Default()
    pool.Add(file)
    return pool.FindServiceByName(SERVICE)


DESCRIPTOR = _descriptor()

Behaviour = Callable[[str, Any], Awaitable[str]]


@dataclass
class Echo:
    """A servicer whose behaviour each test sets; answers what it is sent otherwise."""

    behaviour: Behaviour | None = None
    requests: list[str] = field(default_factory=list)
    contexts: list[Any] = field(default_factory=list)

    async def answer(self, request: StringValue, context: Any) -> StringValue:
        self.requests.append(request.value)
        self.contexts.append(context)
        if self.behaviour is None:
            return request
        return StringValue(value=await self.behaviour(request.value, context))

    async def watch(self, request: StringValue, context: Any) -> AsyncIterator[StringValue]:
        for number in range(int(request.value)):
            yield StringValue(value=str(number))
        if self.behaviour is not None:
            yield StringValue(value=await self.behaviour(request.value, context))

    async def gather(self, requests: AsyncIterator[StringValue], context: Any) -> StringValue:
        return StringValue(value=",".join([each.value async for each in requests]))


class Open:
    """A contract that lets in whoever has a token, and hides nothing."""

    @staticmethod
    def rule(_: str) -> Rule:
        return Rule(Caller.SIGNED_IN)

    @staticmethod
    def guards(_: Any) -> Sequence[str]:
        return ()

    @staticmethod
    def address_guards(_: Any) -> Sequence[str]:
        return ()

    @staticmethod
    def is_address(_: str) -> bool:
        return False


def add_echo(servicer: Echo, to: Any) -> None:
    codec = {
        "request_deserializer": StringValue.FromString,
        "response_serializer": StringValue.SerializeToString,
    }
    handlers: dict[str, Any] = {
        "Read": grpc.unary_unary_rpc_method_handler(servicer.answer, **codec),  # type: ignore[arg-type]
        "Change": grpc.unary_unary_rpc_method_handler(servicer.answer, **codec),  # type: ignore[arg-type]
        "Watch": grpc.unary_stream_rpc_method_handler(servicer.watch, **codec),  # type: ignore[arg-type]
        "Gather": grpc.stream_unary_rpc_method_handler(servicer.gather, **codec),  # type: ignore[arg-type]
    }
    to.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    to.add_registered_method_handlers(SERVICE, handlers)


class Stub:
    """What generated code would offer."""

    def __init__(self, channel: Any) -> None:
        codec = (StringValue.SerializeToString, StringValue.FromString)
        self.read = channel.unary_unary(f"/{SERVICE}/Read", *codec)
        self.change = channel.unary_unary(f"/{SERVICE}/Change", *codec)
        self.watch = channel.unary_stream(f"/{SERVICE}/Watch", *codec)
        self.gather = channel.stream_unary(f"/{SERVICE}/Gather", *codec)


class Issuer:
    """Publishes keys and hands out tokens over HTTP, as accounts does."""

    def __init__(self) -> None:
        self.keys: dict[str, Key] = {}
        self.key_fetches = 0
        self.token_requests: list[dict[str, str]] = []
        self.token_status = 200
        self.lasts_seconds = 300
        self.url = ""
        self._runner: web.AppRunner | None = None
        self.rotate()

    def rotate(self, key: Key | None = None, kid: str = "") -> str:
        """Add a key, drop all but the newest two, and return the new one's kid."""
        kid = kid or uuid.uuid4().hex
        self.keys[kid] = key or ECKey.generate_key("P-256", {"kid": kid})
        self.keys = dict(list(self.keys.items())[-2:])
        return kid

    def sign(self, *, kid: str | None = None, key: Key | None = None, **claims: Any) -> str:
        """Return a good user token for the echo service; arguments overrule its parts."""
        kid = kid or list(self.keys)[-1]
        now = int(time.time())
        whole = {
            "iss": "mekong",
            "sub": "0190a7c2-0000-7000-8000-000000000001",
            "aud": ["echo"],
            "knd": "user",
            "team": "team-1",
            "rights": {"contacts": {"read": "team"}},
            "iat": now,
            "exp": now + 300,
            "jti": uuid.uuid4().hex,
        } | claims
        payload = {name: value for name, value in whole.items() if value is not None}
        private = key or self.keys[kid]
        algorithm = "ES256" if private.key_type == "EC" else "EdDSA"
        header = {"alg": algorithm, "kid": kid}
        return jwt.encode(header, payload, private, algorithms=[algorithm])

    async def start(self, port: int = 0) -> None:
        application = web.Application()
        application.add_routes(
            [
                web.get("/.well-known/jwks.json", self._jwks),
                web.post("/oauth2/token", self._token),
            ]
        )
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _jwks(self, _: web.Request) -> web.Response:
        self.key_fetches += 1
        keys = [key.as_dict(private=False) for key in self.keys.values()]
        return web.json_response({"keys": keys})

    async def _token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.token_requests.append(form)
        if self.token_status != 200:
            return web.json_response({"error": "invalid_client"}, status=self.token_status)
        on_behalf_of = form.get("on_behalf_of")
        token = self.sign(
            sub=on_behalf_of or form["client_id"],
            knd="user" if on_behalf_of else "service",
            act={"sub": form["client_id"]} if on_behalf_of else None,
            aud=[form["audience"]],
        )
        return web.json_response({"access_token": token, "expires_in": self.lasts_seconds})


def make_settings(issuer_url: str = "http://127.0.0.1:1", **more: Any) -> ServiceSettings:
    """Return settings for a process that needs neither database nor broker."""
    return ServiceSettings.model_validate(
        {
            "seal_key": "seal",
            "database_url": "postgresql+psycopg://nobody@127.0.0.1:1/none",
            "nats_url": "nats://127.0.0.1:1",
            "issuer_url": issuer_url,
            "client_id": "campaigns",
            "client_secret": "secret",
            **more,
        }
    )


@dataclass
class House:
    """A served echo, its issuer, and a stub to it by the service's own identity."""

    issuer: Issuer
    settings: ServiceSettings
    echo: Echo
    server: server.Server
    address: str
    stub: Stub

    @asynccontextmanager
    async def raw(self) -> AsyncIterator[Stub]:
        """A stub without any of our client's interceptors."""
        async with grpc.aio.insecure_channel(self.address) as channel:
            yield Stub(channel)

    async def refusal(self, token: str | None, method: str = "read") -> grpc.aio.AioRpcError:
        """Return how a raw call with this token fails; fails itself when it does not."""
        metadata = [("authorization", f"Bearer {token}")] if token is not None else []
        async with self.raw() as stub:
            try:
                await getattr(stub, method)(StringValue(value="x"), metadata=metadata, timeout=10)
            except grpc.aio.AioRpcError as error:
                return error
        raise AssertionError("the call was not refused")


@asynccontextmanager
async def serve(**settings: Any) -> AsyncIterator[House]:
    """Serve an echo for the length of a block."""
    issuer = Issuer()
    await issuer.start()
    made = make_settings(issuer.url, **settings)
    echo = Echo()
    built = server.build(made, "echo", [(add_echo, echo)], contract=Open())
    address = f"127.0.0.1:{await built.start()}"
    channel = client.channel(address, made, TokenSource(made), [DESCRIPTOR])
    try:
        yield House(issuer, made, echo, built, address, Stub(channel))
    finally:
        await channel.close()
        await built.drain(0)
        await issuer.stop()


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until `condition` holds; raises TimeoutError otherwise."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (a condition of any kind)
            await asyncio.sleep(0.01)
