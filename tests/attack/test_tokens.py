"""Tokens that nobody issued, that are no longer good or were meant for somebody else."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
import structlog
from joserfc.jwk import ECKey

from chassis.rpc import status
from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import House


@pytest.fixture(scope="module")
async def house() -> AsyncIterator[House]:
    async with rpc_house.serve() as served:
        yield served


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def part(content: Any) -> str:
    return text(json.dumps(content).encode())


def kid(house: House) -> str:
    return list(house.issuer.keys)[-1]


def body(**claims: Any) -> str:
    now = int(time.time())
    return part(
        {"iss": "mekong", "sub": "x", "aud": ["echo"], "knd": "user", "exp": now + 60} | claims
    )


def pieces(house: House) -> tuple[str, str, str]:
    head, claims, signature = house.issuer.sign().split(".")
    return head, claims, signature


def unsigned(algorithm: str) -> Callable[[House], str]:
    return lambda house: f"{part({'alg': algorithm, 'kid': kid(house)})}.{body()}."


def by_public_key(house: House) -> str:
    """Signed by HMAC with what everybody knows, for a verifier that lets the token choose."""
    known = str(house.issuer.keys[kid(house)].as_dict(private=False)["x"])
    start = f"{part({'alg': 'HS256', 'kid': kid(house)})}.{body()}"
    return f"{start}.{text(hmac.new(known.encode(), start.encode(), hashlib.sha256).digest())}"


def bringing_a_key(house: House) -> str:
    """Signed by a key of the attacker's, which the token itself brings."""
    own = ECKey.generate_key("P-256", {"kid": kid(house)})
    _, claims, signature = house.issuer.sign(key=own).split(".")
    head = {"alg": "ES256", "kid": kid(house), "jwk": own.as_dict(private=False)}
    return f"{part(head)}.{claims}.{signature}"


def naming_a_place(house: House) -> str:
    head = {"alg": "ES256", "kid": kid(house), "jku": "http://127.0.0.1:1/keys.json"}
    _, claims, signature = pieces(house)
    return f"{part(head)}.{claims}.{signature}"


def with_kid(named: Any) -> Callable[[House], str]:
    return lambda house: f"{part({'alg': 'ES256', 'kid': named})}.{body()}.{text(b'x' * 64)}"


def with_head(**head: Any) -> Callable[[House], str]:
    def made(house: House) -> str:
        given = {"alg": "ES256", "kid": kid(house)} | head
        return f"{part(given)}.{body()}.{text(b'x' * 64)}"

    return made


def other_claims(house: House) -> str:
    head, _, signature = pieces(house)
    return f"{head}.{body(rights={'contacts': {'read': 'all'}})}.{signature}"


def cut(house: House) -> str:
    return house.issuer.sign()[:-6]


def longer(house: House) -> str:
    return house.issuer.sign() + "AAAA"


FORGED: dict[str, Callable[[House], str]] = {
    **{f"algorithm {it}": unsigned(it) for it in ("none", "None", "NONE", "nOnE", "", "HS256")},
    "signed with the public key": by_public_key,
    "brings its key": bringing_a_key,
    "names where its key is": naming_a_place,
    "kid of a path": with_kid("../../../../dev/null"),
    "kid of a file": with_kid("file:///etc/passwd"),
    "kid of a query": with_kid("x' OR '1'='1"),
    "kid is a list": with_kid(["a"]),
    "kid is missing": with_kid(None),
    "algorithm is a list": with_head(alg=["ES256", "none"]),
    "algorithm of another kind of key": with_head(alg="EdDSA"),
    "algorithm of a longer key": with_head(alg="ES384"),
    "critical is a number": with_head(crit=5),
    "critical is unknown": with_head(crit=["x"], x=1),
    "payload as it is": with_head(crit=["b64"], b64=False),
    "deep head": with_head(x=json.loads("[" * 60 + "]" * 60)),
    "claims exchanged": other_claims,
    "signature cut": cut,
    "signature longer": longer,
    "five parts": lambda house: house.issuer.sign() + ".a.b",
    "begins later": lambda house: house.issuer.sign(nbf=int(time.time()) + 3_600),
    "begins never": lambda house: house.issuer.sign(nbf="soon"),
    "expired": lambda house: house.issuer.sign(exp=int(time.time()) - 1),
    "expires never": lambda house: house.issuer.sign(exp=None),
    "expires as a word": lambda house: house.issuer.sign(exp="9999999999"),
    "for another service": lambda house: house.issuer.sign(aud=["leads", "accounts"]),
    "for a name that begins so": lambda house: house.issuer.sign(aud=["echo2"]),
    "for a text that has the name": lambda house: house.issuer.sign(aud="not echo"),
    "for everybody": lambda house: house.issuer.sign(aud=["*"]),
    "for nobody": lambda house: house.issuer.sign(aud=None),
    "by another issuer": lambda house: house.issuer.sign(iss="https://evil.example"),
    "an id token": lambda house: house.issuer.sign(knd=None, nonce="x"),
}


class TestForged:
    @pytest.mark.parametrize("name", FORGED)
    async def test_it_is_refused_and_is_no_bug_of_ours(self, house: House, name: str) -> None:
        house.echo.requests.clear()

        with structlog.testing.capture_logs() as lines:
            refused = await house.refusal(FORGED[name](house))

        told = status.error(refused)
        assert refused.code() is grpc.StatusCode.UNAUTHENTICATED
        assert told is not None
        assert told.reason.startswith("TOKEN_")
        assert house.echo.requests == []
        assert [it for it in lines if it["log_level"] == "error"] == []

    async def test_a_good_one_is_served_all_the_same(self, house: House) -> None:
        assert "x" in house.issuer.sign()
        with pytest.raises(AssertionError, match="not refused"):
            await house.refusal(house.issuer.sign())


class TestSchemes:
    @pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "bearer ", "Token {}", "{}"])
    async def test_a_token_in_another_scheme_is_none(self, house: House, header: str) -> None:
        metadata = [("authorization", header.format(house.issuer.sign()))]

        async with house.raw() as stub:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.read(rpc_house.StringValue(value="x"), metadata=metadata, timeout=10)

        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED
