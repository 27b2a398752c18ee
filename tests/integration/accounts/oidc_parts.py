"""A house with a provider, and what tests do with the two."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from crm.accounts.v1 import oidc_service_pb2 as pb2
from crm.accounts.v1 import oidc_service_pb2_grpc as pb2_grpc
from crm.accounts.v1 import session_service_pb2

from chassis.context import Principal
from services.accounts.clients.provider import Provider
from services.accounts.config import Settings
from services.accounts.rpc.oidc import RETURN, OidcServicer, house_rules
from services.accounts.rpc.proofs import Proofs
from services.accounts.usecases.passwords import Passwords
from services.accounts.usecases.post import Post
from tests import provider
from tests.provider import CLIENT_ID, CLIENT_SECRET, Browser

PUBLIC_URL = "http://127.0.0.1:9"
REDIRECT_URI = PUBLIC_URL + RETURN
GATEWAY = Principal("gateway", "service")


def with_provider(settings: Settings, issuer: str, **more: Any) -> Settings:
    """Returns the settings of a house whose staff may sign in at a provider."""
    given = {
        "oidc_issuer": issuer,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        "oidc_label": "Sông Hồng",
        "public_url": PUBLIC_URL,
        "staff_sender_identity_id": uuid4(),
        "notifier_address": "-",
        **more,
    }
    return Settings.model_validate({**settings.model_dump(), **given})


@dataclass
class Door:
    """Signing in at the provider, as the gateway and a browser do it."""

    house: Any
    address: Any
    browser: Browser

    def stub(self, who: Principal = GATEWAY, **claims: Any) -> Any:
        return pb2_grpc.OidcServiceStub(self.address.as_(who, **claims))

    async def begin(self) -> Any:
        return await self.stub().BeginOidcSignIn(pb2.BeginOidcSignInRequest())

    async def complete(self, brought: dict[str, str], **more: str) -> Any:
        """Completes with what a browser brought back, some of it replaced."""
        given = {
            "state": brought.get("state", ""),
            "code": brought.get("code", ""),
            "error": brought.get("error", ""),
            "issuer": brought.get("iss", ""),
            "user_agent": "Firefox",
            "ip": "198.51.100.7",
            **more,
        }
        return await self.stub().CompleteOidcSignIn(pb2.CompleteOidcSignInRequest(**given))

    async def brought(self, login: str) -> dict[str, str]:
        """What the browser of somebody who signed in there brings back."""
        return await self.browser.sign_in((await self.begin()).authorization_url, login)

    async def sign_in(self, login: str) -> Any:
        return await self.complete(await self.brought(login))

    async def unlink(self, user_id: str, who: Principal) -> None:
        await self.stub(who).UnlinkOidcUser(pb2.UnlinkOidcUserRequest(id=user_id))

    async def unlink_own(self, user_id: str, password: str, session_id: str = "") -> None:
        stub = self.stub(Principal(user_id, "user"), sid=session_id)
        await stub.UnlinkOwnOidcIdentity(pb2.UnlinkOwnOidcIdentityRequest(password=password))

    async def identity(self, who: Principal, user_id: str = "me") -> Any:
        return await self.stub(who).GetOidcIdentity(pb2.GetOidcIdentityRequest(id=user_id))

    async def told(self) -> list[str]:
        """Of which changes somebody is to be told."""
        rows = await self.house.sql("SELECT kind FROM password_letters ORDER BY id")
        return [row.kind for row in rows]

    async def whose(self, made: Any) -> str:
        """The user whose token a session gives."""
        asked = session_service_pb2.ExchangeSessionRequest(session_secret=made.session_secret)
        found: str = (await self.house.signing_in().ExchangeSession(asked)).user.id
        return found


@asynccontextmanager
async def opened(house: Any, serve: Any, settings: Settings) -> AsyncIterator[Door]:
    """Serves what belongs to a provider beside the house, on the same database."""
    rules = house_rules(settings)
    provider = Provider(rules, settings.oidc_client_secret) if settings.oidc_issuer else None
    post = Post(settings.staff_sender_identity_id is not None, per_minute=100)
    passwords = Passwords(memory_kib=64, passes=1, threads=1)
    proofs, key = Proofs(house.sessions, passwords, house.limits), settings.encryption_key()
    servicer = OidcServicer(house.sessions, proofs, house.limits, key, rules, provider, post)
    add: Any = pb2_grpc.add_OidcServiceServicer_to_server
    address = await serve(settings, "accounts", [(add, servicer)])
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as http:
        yield Door(house, address, Browser(http, REDIRECT_URI))
    await passwords.close()
    if provider is not None:
        await provider.close()


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with provider.running([REDIRECT_URI]) as issuer:
        yield issuer


@pytest.fixture
async def door(house: Any, settings: Any, serve: Any, issuer: str) -> AsyncIterator[Door]:
    async with opened(house, serve, with_provider(settings, issuer)) as door:
        yield door
