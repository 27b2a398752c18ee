"""A service's gRPC server inside a test, and channels to it for any caller."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from chassis import errors
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.rpc import server, status
from chassis.rpc.keys import ISSUER, Keys
from services import rights

_KID = "test"


class TestKeys(Keys):
    """The key of this test run, in place of those that accounts publishes."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__("http://nowhere")
        self._key = ECKey.generate_key("P-256", {"kid": _KID})

    async def get(self, kid: str) -> ECKey | None:
        """Return the key if it is meant."""
        return self._key if kid == _KID else None

    def token(self, principal: Principal, audience: str, **claims: Any) -> str:
        """Return a token that names `principal` for a minute; `claims` replace or add."""
        now = int(time.time())
        given = {
            "iss": ISSUER,
            "sub": principal.subject,
            "aud": [audience],
            "knd": principal.kind,
            "rights": {place: dict(may) for place, may in principal.rights.items()},
            "iat": now,
            "exp": now + 60,
            **({"hidden": sorted(principal.hidden)} if principal.hidden else {}),
            **({"contact": principal.contact_id} if principal.contact_id else {}),
            **({"team": principal.team_id} if principal.team_id else {}),
            **({"act": {"sub": principal.actor}} if principal.actor else {}),
            **claims,
        }
        return jwt.encode({"alg": "ES256", "kid": _KID}, given, self._key)


class Served:
    """A server that is running, and the channels that tests opened to it."""

    def __init__(self, built: server.Server, service: str, keys: TestKeys) -> None:
        self._built = built
        self._service = service
        self._keys = keys
        self._channels: list[grpc.aio.Channel] = []

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self._built.port}"

    def as_(self, principal: Principal | None, **claims: Any) -> grpc.aio.Channel:
        """Return a channel whose calls come from `principal`, or from nobody."""
        token = self._keys.token(principal, self._service, **claims) if principal else None
        kinds = (_Unary, _Stream, _Upload)
        caller = [kind(token) for kind in kinds] if token else []
        channel = grpc.aio.insecure_channel(self.address, interceptors=caller)
        self._channels.append(channel)
        return channel

    def token(self, principal: Principal) -> str:
        """Return a token of `principal` for this server, as a peer sends it."""
        return self._keys.token(principal, self._service)

    async def stop(self) -> None:
        """Close the channels and the server."""
        for channel in self._channels:
            await channel.close()
        await self._built.drain(0)


async def start(
    settings: ServiceSettings,
    service: str,
    servicers: server.Servicers,
) -> Served:
    """Serve `servicers` as `service` on a free port, trusting the tokens of this test run."""
    keys = TestKeys()
    built = server.build(settings, service, servicers, contract=rights, keys=keys)
    await built.start()
    return Served(built, service, keys)


class Refusal:
    """The error a call was refused with, known after the `with` block."""

    error: errors.Error

    def fields(self) -> Sequence[str]:
        """Return the paths of the fields that were named."""
        return [violation.field for violation in self.error.violations]


@contextmanager
def refused(kind: type[errors.Error], reason: str) -> Iterator[Refusal]:
    """Expect the call in the block to be refused with an error of `kind` for `reason`."""
    refusal = Refusal()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        yield refusal
    found = status.error(caught.value)
    assert found is not None, f"{caught.value.code()} {caught.value.details()}"
    assert (type(found), found.reason) == (kind, reason), repr(found)
    refusal.error = found


class _Unary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_unary(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_with_token(client_call_details, self._token), request)


class _Stream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_unary_stream(
        self, continuation: Any, client_call_details: grpc.aio.ClientCallDetails, request: Any
    ) -> Any:
        return await continuation(_with_token(client_call_details, self._token), request)


class _Upload(grpc.aio.StreamUnaryClientInterceptor):
    def __init__(self, token: str) -> None:
        self._token = token

    async def intercept_stream_unary(
        self,
        continuation: Any,
        client_call_details: grpc.aio.ClientCallDetails,
        request_iterator: Any,
    ) -> Any:
        return await continuation(_with_token(client_call_details, self._token), request_iterator)


def _with_token(details: grpc.aio.ClientCallDetails, token: str) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add("authorization", f"Bearer {token}")
    return grpc.aio.ClientCallDetails(
        details.method, details.timeout, metadata, details.credentials, details.wait_for_ready
    )
