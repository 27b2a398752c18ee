"""What the client of an OpenID provider puts up with: not much."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc.jwk import RSAKey
from pydantic import SecretStr

from chassis import errors
from services.accounts.clients import provider
from services.accounts.clients.provider import Provider
from services.accounts.domain.oidc import Check, Rules, Untrusted

Handler = Callable[[web.Request], Any]


class Scripted:
    """A provider that says what it is told to, and how often it was asked for what."""

    def __init__(self) -> None:
        self.answers: dict[str, Handler] = {}
        self.asked: list[str] = []
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self.server = TestServer(app)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"

    def document(self, _: web.Request) -> web.Response:
        places = ("authorization", "token", "userinfo")
        return web.json_response(
            {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/keys",
                **{f"{it}_endpoint": f"{self.issuer}/{it}" for it in places},
            }
        )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        made = self.answers[request.path](request)
        return await made if asyncio.iscoroutine(made) else made


DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
async def scripted() -> AsyncIterator[Scripted]:
    made = Scripted()
    await made.server.start_server()
    made.answers[DISCOVERY] = made.document
    yield made
    await made.server.close()


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def client(scripted: Scripted, clock: Clock) -> AsyncIterator[Provider]:
    rules = Rules(
        scripted.issuer, "mekong", "https://x.example/back", "x", frozenset(), True, False
    )
    made = Provider(rules, SecretStr("secret"), clock=clock)
    yield made
    await made.close()


def endless(_: web.Request) -> web.Response:
    return web.Response(body=b'"' + b"x" * 300_000 + b'"', content_type="application/json")


def elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/elsewhere"})


def broken(_: web.Request) -> web.Response:
    return web.Response(text="<html>")


def down(_: web.Request) -> web.Response:
    return web.Response(status=503, text="{}")


UNFIT = pytest.mark.parametrize("answer", [endless, elsewhere, broken, down])


class TestBounds:
    @UNFIT
    async def test_a_document_that_is_none_is_as_good_as_no_answer(
        self, scripted: Scripted, client: Provider, answer: Handler
    ) -> None:
        scripted.answers[DISCOVERY] = answer

        with pytest.raises(errors.Unavailable):
            await client.metadata()

        assert scripted.asked == [DISCOVERY]

    @UNFIT
    async def test_so_are_tokens(
        self, scripted: Scripted, client: Provider, answer: Handler
    ) -> None:
        scripted.answers["/token"] = answer

        with pytest.raises(errors.Unavailable):
            await client.redeem(await client.metadata(), "code", "verifier")

        assert "/elsewhere" not in scripted.asked

    async def test_a_provider_that_is_slow_is_away(
        self, scripted: Scripted, client: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(provider, "_SECONDS", 0.2)
        held = asyncio.Event()

        async def slow(_: web.Request) -> web.Response:
            await held.wait()
            return web.Response()

        scripted.answers[DISCOVERY] = slow

        with pytest.raises(errors.Unavailable):
            await client.metadata()
        held.set()

    @pytest.mark.parametrize("told", [{}, {"id_token": 1}, ["x"]], ids=["empty", "number", "list"])
    async def test_tokens_of_another_form_are_not_believed(
        self, scripted: Scripted, client: Provider, told: Any
    ) -> None:
        scripted.answers["/token"] = lambda _: web.json_response(told)

        with pytest.raises(Untrusted) as caught:
            await client.redeem(await client.metadata(), "code", "verifier")

        assert caught.value.check is Check.FORM


class TestRemembering:
    async def test_the_document_is_asked_for_once_an_hour(
        self, scripted: Scripted, client: Provider, clock: Clock
    ) -> None:
        await asyncio.gather(*(client.metadata() for _ in range(10)))
        clock.now = 3599
        await client.metadata()
        assert scripted.asked == [DISCOVERY]

        clock.now = 3600
        await client.metadata()
        assert scripted.asked == [DISCOVERY] * 2

    async def test_the_last_one_is_good_while_the_provider_is_away(
        self, scripted: Scripted, client: Provider, clock: Clock
    ) -> None:
        known = await client.metadata()
        scripted.answers[DISCOVERY] = down
        clock.now = 4000

        assert await client.metadata() == known
        assert await client.metadata() == known
        assert scripted.asked == [DISCOVERY] * 2

        scripted.answers[DISCOVERY] = scripted.document
        clock.now = 4001
        await client.metadata()
        await client.metadata()
        assert scripted.asked == [DISCOVERY] * 3

    async def test_of_many_who_wait_for_one_that_is_away_one_asks(
        self, scripted: Scripted, client: Provider
    ) -> None:
        scripted.answers[DISCOVERY] = down

        answers = await asyncio.gather(
            *(client.metadata() for _ in range(10)), return_exceptions=True
        )

        assert all(isinstance(it, errors.Unavailable) for it in answers)
        assert scripted.asked == [DISCOVERY]

    async def test_keys_are_asked_for_anew_for_a_name_that_is_new(
        self, scripted: Scripted, client: Provider, clock: Clock
    ) -> None:
        known = await client.metadata()
        scripted.answers["/keys"] = lambda _: _set("k1")
        await client.keys(known, _named("k1"))
        scripted.answers["/keys"] = lambda _: _set("k2")
        clock.now = 10

        found = await client.keys(known, _named("k2"))

        assert [key.kid for key in found] == ["k2"]

    async def test_but_not_each_time_for_a_name_that_nobody_has(
        self, scripted: Scripted, client: Provider, clock: Clock
    ) -> None:
        known = await client.metadata()
        scripted.answers["/keys"] = lambda _: _set("k1")

        for _ in range(5):
            await client.keys(known, _named("k9"))

        assert scripted.asked.count("/keys") == 1
        clock.now = 5
        await client.keys(known, _named("k9"))
        assert scripted.asked.count("/keys") == 2

    @pytest.mark.parametrize("said", [{}, {"keys": []}, {"keys": [{"kty": "RSA"}]}], ids=str)
    async def test_keys_that_are_none_are_no_answer(
        self, scripted: Scripted, client: Provider, said: Any
    ) -> None:
        known = await client.metadata()
        scripted.answers["/keys"] = lambda _: web.json_response(said)

        with pytest.raises(errors.Unavailable):
            await client.keys(known, _named("k1"))


_KEY = RSAKey.generate_key(2048)


def _set(kid: str) -> web.Response:
    return web.json_response({"keys": [_KEY.as_dict(private=False, kid=kid)]})


def _named(kid: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": kid}).encode())
    return f"{header.rstrip(b'=').decode()}.e30.AA"
