"""Every service says what it offers and how it is, and takes no token that has ended."""

import time
from uuid import uuid4

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from local.running import House
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.tokens import ISSUER
from services.gateway.api.routes import INTERNAL, ROUTES

pytestmark = pytest.mark.timeout(300)

OFFERED = {route.full_name.split("/")[0] for route in ROUTES} | {
    name.split("/")[0] for name in INTERNAL
}


class TestEveryService:
    def test_reflection_names_all_that_is_offered_without_a_token(self, house: House) -> None:
        found = {name: _reflected(address) for name, address in house.state["grpc"].items()}

        assert set().union(*found.values()) >= OFFERED
        for name, services in found.items():
            assert {it for it in OFFERED if it.startswith(f"crm.{name}.")} <= services

    def test_health_answers_serving(self, house: House) -> None:
        for address in house.state["grpc"].values():
            with grpc.insecure_channel(address) as channel:
                # A house is ready by its probes; clients hear of it half a second later at most.
                health, asked = health_pb2_grpc.HealthStub(channel), health_pb2.HealthCheckRequest()
                serving = health_pb2.HealthCheckResponse.SERVING
                told = health.Watch(asked, timeout=5)
                assert any(answer.status == serving for answer in told)
                told.cancel()

                answer = health.Check(asked, timeout=5)

            assert answer.status == serving

    async def test_probes_and_metrics_answer(self, house: House) -> None:
        pages = [it["http_url"] for it in house.state["processes"].values() if "http_url" in it]

        async with aiohttp.ClientSession() as http:
            for page in pages:
                for path in ("/livez", "/readyz", "/metrics"):
                    async with http.get(f"{page}{path}") as answer:
                        assert answer.status == 200, f"{page}{path}"

        assert len(pages) == 6


def _reflected(address: str) -> set[str]:
    with grpc.insecure_channel(address) as channel:
        return set(ProtoReflectionDescriptorDatabase(channel).get_services())


class TestATokenOfOurOwn:
    @pytest.mark.parametrize(
        ("ends_in_seconds", "status"), [(60, 200), (-1, 401)], ids=["valid", "expired"]
    )
    async def test_it_is_taken_until_it_ends(
        self, house: House, keyring: Keyring, ends_in_seconds: int, status: int
    ) -> None:
        now = int(time.time())
        token = keyring.sign(
            {
                "iss": ISSUER,
                "sub": str(uuid4()),
                "knd": "user",
                "aud": ["leads"],
                "rights": {"contacts": {"read": "all"}},
                "iat": now - 300,
                "exp": now + ends_in_seconds,
                "jti": str(uuid4()),
            }
        )

        async with aiohttp.ClientSession() as http:
            headers = {"Authorization": f"Bearer {token}"}
            address = f"{house.state['gateway_url']}/api/v1/contacts"
            async with http.get(address, headers=headers) as answer:
                problem = await answer.json()

        assert answer.status == status
        assert problem.get("reason") == ("TOKEN_EXPIRED" if status == 401 else None)
