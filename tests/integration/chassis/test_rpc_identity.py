"""As whom a client calls, and within which trace."""

import asyncio
import json
from typing import Any

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from chassis import context, errors
from chassis.rpc import client, server
from chassis.rpc.tokens import TokenSource
from tests.integration.chassis import rpc_house
from tests.integration.chassis.client_parts import house as house
from tests.integration.chassis.rpc_house import House


class TestIdentity:
    async def test_it_is_the_services_own_whoever_called_it(self, house: House) -> None:
        seen = []

        async def behaviour(_: str, __: Any) -> str:
            seen.append(context.require_principal())
            return ""

        house.echo.behaviour = behaviour
        caller = context.Principal("somebody", "user")

        with context.bind(principal=caller):
            await house.stub.read(StringValue())

        assert (seen[0].subject, seen[0].kind, seen[0].actor) == ("campaigns", "service", None)

    async def test_it_acts_for_a_user_when_told_to(self, house: House) -> None:
        seen = []

        async def behaviour(_: str, __: Any) -> str:
            seen.append(context.require_principal())
            return ""

        house.echo.behaviour = behaviour

        with client.acting_for("user-7"):
            await house.stub.read(StringValue())

        assert (seen[0].subject, seen[0].kind, seen[0].actor) == ("user-7", "user", "campaigns")

    async def test_one_token_serves_many_calls(self, house: House) -> None:
        await asyncio.gather(*(house.stub.read(StringValue()) for _ in range(20)))

        assert len(house.issuer.token_requests) == 1
        assert house.issuer.token_requests[0]["audience"] == "echo"

    async def test_a_refused_token_is_replaced_and_makes_the_peer_unavailable(
        self, house: House
    ) -> None:
        await house.stub.read(StringValue())
        await house.server.drain(0)
        house.issuer.keys = {}
        house.issuer.rotate()
        settings = rpc_house.make_settings(house.issuer.url, grpc_listen=house.address)
        restarted = server.build(
            settings, "echo", [(rpc_house.add_echo, house.echo)], contract=rpc_house.Open()
        )
        await restarted.start()
        async with asyncio.timeout(5.0):
            while True:
                try:
                    await house.stub.change(StringValue())
                except errors.Unavailable as refused:
                    if refused.reason == "PEER_REFUSED_IDENTITY":
                        break
                await asyncio.sleep(0.05)

        answer = await house.stub.read(StringValue(value="x"))

        assert answer.value == "x"
        assert len(house.issuer.token_requests) == 2
        await restarted.drain(0)

    @pytest.mark.parametrize(
        ("status", "on_behalf_of", "kind"),
        [
            (401, None, errors.Unavailable),
            (500, None, errors.Unavailable),
            (403, "user-7", errors.PermissionDenied),
        ],
    )
    async def test_an_issuer_that_gives_no_token_is_told_apart(
        self, house: House, status: int, on_behalf_of: str | None, kind: type[errors.Error]
    ) -> None:
        house.issuer.token_status = status

        with pytest.raises(kind):
            await TokenSource(house.settings).for_("echo", on_behalf_of)

    async def test_of_whose_call_is_in_progress_the_rights_are_carried(self, house: House) -> None:
        tokens = TokenSource(house.settings)
        rights = {"contacts": {"read": "own"}, "notes": {"read": "own"}}
        lan = context.Principal(
            "user-7", "user", rights=rights, hidden=frozenset({"contacts.phones"})
        )

        await tokens.for_("echo", "user-7")
        with context.bind(principal=lan):
            for _ in range(2):
                await tokens.for_("echo", "user-7")
            await tokens.for_("echo", "user-8")
            tokens.forget("echo", "user-7")
            await tokens.for_("echo", "user-7")

        asked = [it.get("carried", "") for it in house.issuer.token_requests]
        carried = json.dumps(
            {"hidden": ["contacts.phones"], "rights": {"contacts notes": {"read": "own"}}}
        )
        assert asked == ["", carried, "", carried]


class TestTheTrace:
    async def test_request_id_and_traceparent_travel_on(self, house: House) -> None:
        seen = []

        async def behaviour(_: str, __: Any) -> str:
            seen.append(context.current())
            return ""

        house.echo.behaviour = behaviour
        trace = context.new_traceparent()

        with context.bind(request_id="request-1", traceparent=trace):
            await house.stub.read(StringValue())

        assert (seen[0].request_id, seen[0].traceparent) == ("request-1", trace)

    async def test_a_senseless_request_id_is_replaced(self, house: House) -> None:
        seen = []

        async def behaviour(_: str, __: Any) -> str:
            seen.append(context.current())
            return ""

        house.echo.behaviour = behaviour
        metadata = [
            ("authorization", f"Bearer {house.issuer.sign()}"),
            ("x-request-id", "x" * 500),
            ("traceparent", "zz"),
        ]

        async with house.raw() as stub:
            await stub.read(StringValue(), metadata=metadata)

        assert len(seen[0].request_id) == 36
        assert context.valid_traceparent(seen[0].traceparent)
