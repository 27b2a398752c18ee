"""Every method and every route, as every role: refused exactly where the contract says so."""

import time
from typing import Any
from uuid import uuid4

import aiohttp
import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor

from chassis.rpc.rights import Caller
from local.running import House
from services import rights
from services.accounts.usecases.keyring import Keyring
from services.accounts.usecases.tokens import ISSUER
from services.gateway.api.routes import ROUTES
from tests.e2e.matrix import BROKEN, called, methods, path, requested
from tests.roles import ROLES, Rights, lacks

pytestmark = pytest.mark.timeout(300)


class Somebody:
    """Somebody with a token of the house."""

    def __init__(
        self, house: House, keyring: Keyring, granted: Rights, *aud: str, **claims: Any
    ) -> None:
        self._house = house
        now = int(time.time())
        self.token = keyring.sign(
            {
                "iss": ISSUER,
                "sub": str(uuid4()),
                "knd": "user",
                "aud": list(aud or house.state["grpc"]),
                "rights": {place: dict(may) for place, may in granted.items()},
                "iat": now,
                "exp": now + 300,
                "jti": str(uuid4()),
                **claims,
            }
        )

    def call(self, method: MethodDescriptor, *, bare: bool = False) -> tuple[Any, str]:
        """Return the code and reason that an empty request is answered with."""
        code, reason, _ = called(self._house, method, "" if bare else self.token)
        return code, reason


class TestEveryMethod:
    @pytest.mark.parametrize("role", ROLES)
    def test_it_refuses_a_role_that_lacks_what_it_needs_and_no_other(
        self, house: House, keyring: Keyring, role: str
    ) -> None:
        granted, wrong = ROLES[role], []
        caller = Somebody(house, keyring, granted)

        for method in methods():
            rule = rights.rule(path(method))
            code, reason = caller.call(method)
            refused = (code, reason) == (grpc.StatusCode.PERMISSION_DENIED, "RIGHT_MISSING")
            expected = lacks(granted, rule)
            if code in BROKEN or (refused is not expected and not (refused and rule.may_need)):
                wrong.append(f"{path(method)}: {code} {reason}, to be refused: {expected}")

        assert not wrong

    def test_it_refuses_who_has_no_token(self, house: House, keyring: Keyring) -> None:
        nobody = Somebody(house, keyring, {})

        answers = {path(it): nobody.call(it, bare=True) for it in methods()}

        opened = {it for it, (_, reason) in answers.items() if reason != "TOKEN_MISSING"}
        assert opened == {it for it in answers if rights.rule(it).caller is Caller.ANYBODY}

    def test_it_refuses_a_token_that_is_for_another_service(
        self, house: House, keyring: Keyring
    ) -> None:
        everybody = set(house.state["grpc"])
        for name in sorted(everybody):
            caller = Somebody(house, keyring, ROLES["admin"], *(everybody - {name}))
            for method in methods():
                rule = rights.rule(path(method))
                if path(method).startswith(f"/crm.{name}.") and rule.caller is not Caller.ANYBODY:
                    code, _ = caller.call(method)
                    assert code is grpc.StatusCode.UNAUTHENTICATED, path(method)

    @pytest.mark.parametrize("role", ["marketing", "without rights"])
    def test_what_is_for_the_house_is_done_for_those_who_may(
        self, house: House, keyring: Keyring, role: str
    ) -> None:
        acting = Somebody(house, keyring, ROLES[role], act={"sub": "campaigns"})
        inner = [it for it in methods() if rights.rule(path(it)).caller is Caller.HOUSE_FOR_ANYBODY]

        answers = {acting.call(it)[1] == "RIGHT_MISSING" for it in inner}

        assert answers == {role == "without rights"}


class TestEveryRoute:
    @pytest.mark.parametrize("role", ROLES)
    async def test_it_refuses_a_role_that_lacks_what_its_call_needs_and_no_other(
        self, house: House, keyring: Keyring, role: str
    ) -> None:
        granted, wrong = ROLES[role], []
        headers = {"Authorization": f"Bearer {Somebody(house, keyring, granted).token}"}

        async with aiohttp.ClientSession(house.state["gateway_url"], headers=headers) as http:
            for route in [it for it in ROUTES if it.needs_token]:
                rule = rights.rule(f"/{route.full_name}")
                found, reason = await requested(http, route)
                refused = (found, reason) == (403, "RIGHT_MISSING")
                expected = lacks(granted, rule)
                # What cannot be read as a request at all goes no further than the gateway.
                if found == 400 and expected:
                    continue
                if found >= 500 or (refused is not expected and not (refused and rule.may_need)):
                    wrong.append(f"{route.method} {route.path}: {found} {reason}, {expected}")

        assert not wrong
