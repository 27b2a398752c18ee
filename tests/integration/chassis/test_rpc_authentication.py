"""Only who holds a good token for this service is served, and under its name."""

import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.protobuf.wrappers_pb2 import StringValue
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from joserfc.jwk import ECKey, OKPKey

from chassis import context
from chassis.rpc import status
from chassis.rpc.keys import Keys, Verifier
from tests.integration.chassis import rpc_house
from tests.integration.chassis.rpc_house import House, Issuer


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with rpc_house.serve() as served:
        yield served


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    begun = Issuer()
    await begun.start()
    yield begun
    await begun.stop()


def reason(error: grpc.aio.AioRpcError) -> str:
    translated = status.error(error)
    return translated.reason if translated else ""


def unsigned(header: dict[str, Any]) -> str:
    def part(content: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return f"{part(header)}.{part({'sub': 'x', 'aud': ['echo'], 'exp': time.time() + 60})}."


class TestAGoodToken:
    async def test_it_binds_the_principal_with_its_rights(self, house: House) -> None:
        seen: list[context.Principal] = []

        async def behaviour(_: str, __: Any) -> str:
            seen.append(context.require_principal())
            return ""

        house.echo.behaviour = behaviour
        token = house.issuer.sign(act={"sub": "campaigns"})

        async with house.raw() as stub:
            await stub.read(StringValue(), metadata=[("authorization", f"Bearer {token}")])

        assert seen[0].kind == "user"
        assert seen[0].team_id == "team-1"
        assert seen[0].actor == "campaigns"
        assert seen[0].level("contacts", "read") is context.Level.TEAM
        assert seen[0].level("contacts", "delete") is context.Level.NONE

    @pytest.mark.parametrize("level", ["every", "ALL", 3, ["all"], None])
    async def test_a_level_that_nobody_knows_is_none(self, issuer: Issuer, level: object) -> None:
        token = issuer.sign(rights={"contacts": {"read": level}})

        who = await Verifier(Keys(issuer.url), "echo").principal(token)

        assert who.level("contacts", "read") is context.Level.NONE

    async def test_it_is_verified_once_and_then_remembered_until_it_expires(
        self, issuer: Issuer
    ) -> None:
        now = [time.time()]
        verifier = Verifier(Keys(issuer.url), "echo", clock=lambda: now[0])
        token = issuer.sign()
        first = await verifier.principal(token)

        again = await verifier.principal(token)
        now[0] += 301
        with pytest.raises(Exception, match="TOKEN_EXPIRED"):
            await verifier.principal(token)

        assert again is first


class TestARefusedToken:
    async def test_a_call_without_one_says_so(self, house: House) -> None:
        error = await house.refusal(None)

        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert reason(error) == "TOKEN_MISSING"
        assert house.echo.requests == []

    @pytest.mark.parametrize(
        ("claims", "expected"),
        [
            ({"aud": ["leads"]}, "TOKEN_AUDIENCE"),
            ({"aud": None}, "TOKEN_AUDIENCE"),
            ({"exp": int(time.time()) - 1}, "TOKEN_EXPIRED"),
            ({"exp": None}, "TOKEN_INVALID"),
            ({"iss": "somebody"}, "TOKEN_ISSUER"),
            ({"sub": ""}, "TOKEN_INVALID"),
            ({"knd": "root"}, "TOKEN_INVALID"),
            ({"knd": "contact"}, "TOKEN_INVALID"),
            ({"knd": "contact", "contact": "*"}, "TOKEN_INVALID"),
            ({"contact": "0198a1b2-0000-7000-8000-000000000000"}, "TOKEN_INVALID"),
            ({"rights": ["all"]}, "TOKEN_INVALID"),
            ({"rights": {"contacts": "all"}}, "TOKEN_INVALID"),
        ],
    )
    async def test_each_wrong_claim_has_its_reason(
        self, house: House, claims: dict[str, Any], expected: str
    ) -> None:
        error = await house.refusal(house.issuer.sign(**claims))

        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert reason(error) == expected
        assert house.echo.requests == []

    async def test_a_signature_by_another_key_of_the_same_name_is_refused(
        self, house: House
    ) -> None:
        stranger = ECKey.generate_key("P-256")

        error = await house.refusal(house.issuer.sign(key=stranger))

        assert reason(error) == "TOKEN_INVALID"

    @pytest.mark.parametrize("text", ["x", "a.b.c", "ü.ü.ü", "." * 5000])
    async def test_garbage_is_refused(self, text: str) -> None:
        async with rpc_house.serve() as house:
            verifier = Verifier(Keys(house.issuer.url), "echo")

            with pytest.raises(Exception, match="TOKEN_INVALID"):
                await verifier.principal(text)

    @pytest.mark.parametrize("algorithm", ["none", "HS256"])
    async def test_the_token_does_not_choose_its_algorithm(
        self, house: House, algorithm: str
    ) -> None:
        kid = next(iter(house.issuer.keys))

        error = await house.refusal(unsigned({"alg": algorithm, "kid": kid}))

        assert error.code() is grpc.StatusCode.UNAUTHENTICATED

    async def test_streams_are_guarded_as_well(self, house: House) -> None:
        async with house.raw() as stub:
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                _ = [each async for each in stub.watch(StringValue(value="1"))]

        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


class TestRotation:
    async def test_a_new_key_is_fetched_when_it_is_first_met(self, issuer: Issuer) -> None:
        now = [0.0]
        verifier = Verifier(Keys(issuer.url, clock=lambda: now[0]), "echo")
        old = issuer.sign()
        await verifier.principal(old)
        issuer.rotate()
        now[0] = 6.0

        await verifier.principal(issuer.sign())
        await verifier.principal(old)

        assert issuer.key_fetches == 2

    async def test_a_key_of_earlier_releases_holds_beside_a_new_one(self, issuer: Issuer) -> None:
        issuer.rotate(OKPKey.generate_key("Ed25519", {"kid": "old"}), "old")
        verifier = Verifier(Keys(issuer.url), "echo")
        new, old = issuer.keys

        assert (await verifier.principal(issuer.sign(kid=new))).subject
        assert (await verifier.principal(issuer.sign(kid=old))).subject
        with pytest.raises(Exception, match="TOKEN_INVALID"):
            await verifier.principal(issuer.sign(kid=new, key=issuer.keys[old]))

    async def test_unknown_keys_cannot_make_it_fetch_more_than_every_five_seconds(
        self, issuer: Issuer
    ) -> None:
        now = [0.0]
        verifier = Verifier(Keys(issuer.url, clock=lambda: now[0]), "echo")
        stranger = ECKey.generate_key("P-256")
        await verifier.principal(issuer.sign())

        for number in range(20):
            now[0] = 5.0 + number * 0.2  # 5.0 to 8.8 seconds after the first fetch
            with pytest.raises(Exception, match="TOKEN_KEY_UNKNOWN"):
                await verifier.principal(issuer.sign(kid=f"k{number}", key=stranger))

        assert issuer.key_fetches == 2

    async def test_the_last_good_keys_are_kept_while_the_issuer_is_away(
        self, issuer: Issuer
    ) -> None:
        now = [0.0]
        verifier = Verifier(Keys(issuer.url, clock=lambda: now[0]), "echo")
        await verifier.principal(issuer.sign())
        await issuer.stop()
        now[0] = 100.0
        with pytest.raises(Exception, match="TOKEN_KEY_UNKNOWN"):
            await verifier.principal(issuer.sign(kid="new", key=ECKey.generate_key("P-256")))

        principal = await verifier.principal(issuer.sign(sub="someone"))

        assert principal.subject == "someone"

    async def test_without_any_key_yet_a_call_may_be_repeated(self) -> None:
        async with rpc_house.serve() as house:
            await house.issuer.stop()

            error = await house.refusal(house.issuer.sign())

        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert reason(error) == "KEYS_UNAVAILABLE"


class TestWhatNeedsNoToken:
    async def test_health_answers(self, house: House) -> None:
        async with grpc.aio.insecure_channel(house.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=rpc_house.SERVICE))

        assert answer.status == health_pb2.HealthCheckResponse.SERVING

    async def test_reflection_lists_the_service(self, house: House) -> None:
        async def ask() -> AsyncIterator[Any]:
            yield reflection_pb2.ServerReflectionRequest(list_services="")

        async with grpc.aio.insecure_channel(house.address) as channel:
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            answers = [each async for each in stub.ServerReflectionInfo(ask())]

        names = [service.name for service in answers[0].list_services_response.service]
        assert rpc_house.SERVICE in names
