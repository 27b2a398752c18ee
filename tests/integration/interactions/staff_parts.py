"""Mails to colleagues, with scripted accounts and notifier."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from uuid import UUID, uuid4

from crm.accounts.v1 import user_pb2, user_service_pb2_grpc
from crm.interactions.v1 import follow_up_pb2
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2_grpc,
    suppression_pb2,
    suppression_service_pb2_grpc,
)
from sqlalchemy import text

from chassis import db, errors
from chassis.context import Principal
from chassis.rpc.identities import Identities
from chassis.rpc.keys import Verifier
from services.interactions.clients import mail, notifier, staff
from services.interactions.config import Settings
from services.interactions.workers import remind_batch
from services.interactions.workers.reminder_letters import Postman
from tests.integration.interactions.house import OwnersTokens, Tokens, later, person
from tests.integration.messages_peer import Messages

ADVERTISER, IDENTITY = uuid4(), uuid4()
BOTH = [follow_up_pb2.REMINDER_CHANNEL_IN_APP, follow_up_pb2.REMINDER_CHANNEL_EMAIL]


class Users(user_service_pb2_grpc.UserServiceServicer):
    """Answers GetUser as accounts does; can be away."""

    def __init__(self) -> None:
        self.known: dict[str, user_pb2.User] = {}
        self.away = False

    async def GetUser(self, request: Any, _: Any) -> Any:
        if self.away:
            raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="accounts")
        if request.id not in self.known:
            raise errors.NotFound("RESOURCE_MISSING", "no such user", resource="user")
        return self.known[request.id]


class Senders(suppression_service_pb2_grpc.SenderServiceServicer):
    """Knows one identity, for e-mail."""

    async def GetSenderIdentity(self, request: Any, _: Any) -> Any:
        if request.id != str(IDENTITY):
            raise errors.NotFound("RESOURCE_MISSING", "no such identity", resource="sender")
        return suppression_pb2.SenderIdentity(
            id=request.id, advertiser_id=str(ADVERTISER), channel=message_pb2.CHANNEL_EMAIL
        )


@dataclass
class Post:
    """What hands letters over, its peers, and what tests do with them."""

    house: Any
    users: Users
    messages: Messages
    make: Callable[..., Any]

    def colleague(self, name: str, **given: Any) -> Principal:
        """Somebody whom accounts knows, with an address."""
        made = person("own")
        self.house.people[made.subject] = made
        self.users.known[made.subject] = user_pb2.User(
            id=made.subject, email=f"{name}@mekong.example", active=True, **given
        )
        return made

    async def due(self, *assignees: Principal, start: Any = None) -> Any:
        """Plans a follow-up whose letters wait to be handed over."""
        reminder = follow_up_pb2.FollowUpReminder(minutes_before=15, channels=BOTH)
        planned = await self.house.plan(
            self.house.contact().id,
            start_time=start or later(10.5),
            assignee_ids=[it.subject for it in assignees],
            reminders=[reminder],
            title="Gọi <Đào>",
        )
        await self.sql(_DUE, id=UUID(planned.id), start=planned.start_time.ToDatetime(tzinfo=UTC))
        assert await remind_batch(self.house.sessions) == 1
        return planned

    async def sql(self, statement: str, **given: Any) -> list[Any]:
        async with self.house.sessions.begin() as session:
            found: Any = await session.execute(text(statement), given)
            return list(found) if found.returns_rows else []

    async def standing(self) -> list[tuple[str, str]]:
        return [tuple(row) for row in await self.sql("SELECT state, reason FROM reminder_letters")]


async def post(settings: Settings, sessions: db.Sessions, house: Any, serve: Any) -> Post:
    """The workers that write to staff, with scripted accounts and notifier."""
    scripted: Any = (Users, Messages, Senders)
    users, messages, senders = (peer() for peer in scripted)
    accounts = await serve(
        settings, "accounts", [(user_service_pb2_grpc.add_UserServiceServicer_to_server, users)]
    )
    notifier_server = await serve(
        settings,
        "notifier",
        [
            (message_service_pb2_grpc.add_MessageServiceServicer_to_server, messages),
            (suppression_service_pb2_grpc.add_SenderServiceServicer_to_server, senders),
        ],
    )
    tokens, told, asked = OwnersTokens(), Tokens(notifier_server), Tokens(accounts)
    tokens.people = house.people
    given: Any = (tokens, told, asked)
    owners = Identities(given[0], Verifier(tokens.keys, "interactions"), "interactions")

    def make(identity: UUID | None = IDENTITY, worker: Any = Postman) -> Any:
        return worker(
            settings.model_copy(update={"staff_sender_identity_id": identity}),
            sessions,
            owners,
            staff.connect(settings, accounts.address, given[2]),
            notifier.connect(settings, notifier_server.address, given[1]),
            mail.connect(settings, notifier_server.address, given[1]),
        )

    return Post(house, users, messages, make)


_DUE = """
    INSERT INTO reminders (follow_up_id, minutes_before, due_time)
    VALUES (:id, 15, CAST(:start AS timestamptz) - interval '15 minutes')
"""
