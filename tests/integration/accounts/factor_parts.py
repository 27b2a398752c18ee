"""Somebody with an authenticator."""

import time
from typing import Any
from uuid import uuid4

import pyotp
from crm.accounts.v1 import second_factor_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2

from chassis.context import Principal
from services.accounts.domain.totp import STEP_SECONDS

PASSWORD = "a long password"


class Person:
    """Somebody with an authenticator, whose clock tests set by steps of it."""

    def __init__(self, house: Any, user: Any, session_id: str = "") -> None:
        self.house = house
        self.user = user
        self.principal = Principal(user.id, "user")
        self.session_id = session_id
        self.secret = ""
        self.recovery: list[str] = []

    @property
    def factors(self) -> Any:
        return self.house.factors(self.principal, sid=self.session_id)

    def code(self, steps: int = 0) -> str:
        """The code that is shown so many steps from now."""
        return pyotp.TOTP(self.secret).at(int(time.time()) + steps * STEP_SECONDS)

    async def fresh_code(self) -> str:
        """A code as if none had been used before."""
        await self.house.sql("UPDATE second_factors SET last_step = 0")
        return self.code()

    async def begin(self) -> Any:
        request = pb2.EnrollSecondFactorRequest(password=PASSWORD)
        begun = await self.factors.EnrollSecondFactor(request)
        self.secret = begun.secret
        return begun

    async def enroll(self) -> "Person":
        await self.begin()
        answer = await self.factors.ConfirmSecondFactor(
            pb2.ConfirmSecondFactorRequest(code=self.code())
        )
        self.recovery = list(answer.codes)
        return self

    async def sign_in(self, password: str = PASSWORD) -> Any:
        request = session_service_pb2.SignInRequest(
            email=self.user.email, password=password, ip="198.51.100.1"
        )
        return await self.house.signing_in().SignIn(request)

    async def complete(self, challenge: str, code: str) -> Any:
        request = session_service_pb2.CompleteSignInRequest(
            challenge=challenge, code=code, user_agent="Firefox", ip="198.51.100.1"
        )
        return await self.house.signing_in().CompleteSignIn(request)

    async def state(self) -> Any:
        return await self.factors.GetSecondFactor(pb2.GetSecondFactorRequest(id="me"))


async def added(house: Any, name: str) -> Person:
    """Returns somebody new, signed in nowhere."""
    return Person(house, await house.add(name), str(uuid4()))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"
