"""What tests of signing in share."""

from typing import Any

from crm.accounts.v1 import session_service_pb2 as pb2

EMAIL = "admin@mekong.example"


async def sign_in(house: Any, email: str = EMAIL, password: str = "", ip: str = "") -> Any:
    given = password or house.password
    request = pb2.SignInRequest(email=email, password=given, user_agent="Firefox", ip=ip)
    return await house.signing_in().SignIn(request)


async def exchange(house: Any, secret: str) -> Any:
    request = pb2.ExchangeSessionRequest(session_secret=secret)
    return await house.signing_in().ExchangeSession(request)
