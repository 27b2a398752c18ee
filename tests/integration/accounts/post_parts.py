"""Who mails links to colleagues, with a scripted notifier."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from crm.accounts.v1 import password_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2, user_service_pb2
from crm.accounts.v1.user_pb2 import User
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2_grpc,
    suppression_pb2,
    suppression_service_pb2_grpc,
)

from chassis import errors
from chassis.context import Principal
from services.accounts.clients import peers
from services.accounts.config import Settings
from services.accounts.domain.logins import Channel
from services.accounts.usecases.letters import Scribe, StaffMail
from services.accounts.workers.postman import Postman
from tests.integration.messages_peer import Messages

ADVERTISER, IDENTITY, SMS = uuid4(), uuid4(), uuid4()
URL = "https://crm.example.com"
PASSWORD, NEW = "a long password", "another long one"
LINK = re.compile(rf"{URL}/password/([\w-]+)")


class Senders(suppression_service_pb2_grpc.SenderServiceServicer):
    """Knows one identity for e-mail and one for SMS."""

    async def GetSenderIdentity(self, request: Any, _: Any) -> Any:
        known = {str(IDENTITY): message_pb2.CHANNEL_EMAIL, str(SMS): message_pb2.CHANNEL_SMS}
        if request.id not in known:
            raise errors.NotFound("RESOURCE_MISSING", "no such identity", resource="sender")
        return suppression_pb2.SenderIdentity(
            id=request.id, advertiser_id=str(ADVERTISER), channel=known[request.id]
        )


@dataclass
class Post:
    """Who mails links, the notifier, and what tests do with them."""

    house: Any
    messages: Messages
    make: Callable[..., Postman]

    async def ask(self, email: str, ip: str = "198.51.100.1") -> None:
        request = pb2.RequestPasswordResetRequest(email=email, ip=ip)
        await self.house.links().RequestPasswordReset(request)

    async def link(self, email: str) -> str:
        """Asks for a link and returns its token as it came by mail."""
        await self.ask(email)
        assert await self.make().round() == 1
        return self.mailed()

    def mailed(self) -> str:
        """The token of the newest mail."""
        found = LINK.search(self.messages.requests[-1].text)
        assert found is not None
        return found[1]

    async def choose(self, token: str, password: str = NEW) -> None:
        request = pb2.ResetPasswordRequest(token=token, new_password=password)
        await self.house.links().ResetPassword(request)

    async def describe(self, token: str) -> Any:
        return await self.house.links().DescribePasswordLink(
            pb2.DescribePasswordLinkRequest(token=token)
        )

    async def sign_in(self, email: str, password: str) -> Any:
        request = session_service_pb2.SignInRequest(email=email, password=password)
        return await self.house.signing_in().SignIn(request)

    async def invite(self, name: str, **given: Any) -> User:
        user = User(
            email=f"{name}@mekong.example",
            display_name=name.title(),
            role_id=self.house.roles["sales"],
            **given,
        )
        request = user_service_pb2.CreateUserRequest(user=user)
        made: User = await self.house.users().CreateUser(request)
        return made

    async def told(self) -> list[Any]:
        """Has everything sent that waits; returns the mails that ask whether it was them."""
        while await self.make().round():
            pass
        return [it for it in self.messages.requests if f"{URL}/account/security" in it.text]

    async def standing(self) -> list[tuple[str, str]]:
        rows = await self.house.sql("SELECT state, reason FROM password_letters ORDER BY id")
        return [tuple(row) for row in rows]


def mailing(settings: Settings) -> Settings:
    """Returns the settings of a house that mails its staff."""
    return settings.model_copy(
        update={"staff_sender_identity_id": IDENTITY, "public_url": URL, "notifier_address": "-"}
    )


async def notifier(settings: Settings, serve: Any) -> tuple[Any, Messages]:
    """Starts a scripted notifier; returns it, and what it was sent."""
    scripted: Any = (Messages, Senders)
    messages, senders = (peer() for peer in scripted)
    served = await serve(
        settings,
        "notifier",
        [
            (message_service_pb2_grpc.add_MessageServiceServicer_to_server, messages),
            (suppression_service_pb2_grpc.add_SenderServiceServicer_to_server, senders),
        ],
    )
    return served, messages


async def post(house: Any, settings: Settings, serve: Any) -> Post:
    """Returns who mails links in a house."""
    served, messages = await notifier(settings, serve)
    me = Principal("accounts", "service")

    def make(identity: UUID = IDENTITY) -> Postman:
        tokens = peers.OwnTokens(lambda *_: served.token(me))
        there = peers.mail(settings, served.address, tokens, {Channel.EMAIL: identity})
        scribe = Scribe(settings.encryption_key(), StaffMail(settings.public_url))
        return Postman(house.sessions, scribe, there, lease_seconds=60, every_seconds=1)

    return Post(house, messages, make)
