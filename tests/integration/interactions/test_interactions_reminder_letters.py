"""Reminders by e-mail: one to each assignee for each start, whatever happens on the way."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.accounts.v1 import user_pb2, user_service_pb2_grpc
from crm.interactions.v1 import follow_up_pb2, interaction_service_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1.interaction_pb2 import Interaction
from crm.notifier.v1 import (
    message_pb2,
    message_service_pb2_grpc,
    suppression_pb2,
    suppression_service_pb2_grpc,
)
from sqlalchemy import text

from chassis import db, errors
from chassis.context import Principal
from chassis.errors import FieldViolation
from chassis.rpc.keys import Verifier
from services.interactions import clients
from services.interactions.clients import mail, notifier, staff
from services.interactions.config import Settings
from services.interactions.domain.fields import Problems
from services.interactions.rpc import sending
from services.interactions.workers import remind_batch
from services.interactions.workers.reminder_letters import Postman
from tests.integration.interactions.conftest import OwnersTokens, Tokens, later, person, stamp
from tests.integration.interactions.proposal_parts import Messages
from tests.integration.serving import refused

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
    make: Callable[..., Postman]

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


@pytest.fixture
async def post(settings: Settings, sessions: db.Sessions, house: Any, serve: Any) -> Post:
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
    owners = clients.Owners(given[0], Verifier(tokens.keys, "interactions"), "interactions")

    def make(identity: UUID | None = IDENTITY) -> Postman:
        return Postman(
            settings.model_copy(update={"staff_sender_identity_id": identity}),
            sessions,
            owners,
            staff.connect(settings, accounts.address, given[2]),
            notifier.connect(settings, notifier_server.address, given[1]),
            mail.connect(settings, notifier_server.address, given[1]),
        )

    return Post(house, users, messages, make)


class TestLetters:
    async def test_each_assignee_gets_one_in_their_language_and_zone(self, post: Post) -> None:
        start = (datetime.now(UTC) + timedelta(minutes=12)).replace(second=0, microsecond=0)
        binh = post.colleague("binh", locale="vi", time_zone="Asia/Ho_Chi_Minh")
        lan = post.colleague("lan", locale="en", time_zone="Europe/Berlin")
        planned = await post.due(binh, lan, start=stamp(start))

        looked = await asyncio.gather(*(post.make().round() for _ in range(2)))

        assert sum(looked) == 2
        sent = {it.address: it for it in post.messages.requests}
        assert len(post.messages.requests) == len(post.messages.taken) == 2
        vi, en = sent["binh@mekong.example"], sent["lan@mekong.example"]
        assert (vi.subject, en.subject) == ("Nhắc nhở: Gọi <Đào>", "Reminder: Gọi <Đào>")
        assert f"{start + timedelta(hours=7):%H:%M ngày %d/%m/%Y}" in vi.text
        assert "(Europe/Berlin)" in en.text
        assert "<strong>Gọi &lt;Đào&gt;</strong>" in vi.html
        assert f"https://crm.example.com/follow-ups/{planned.id}" in vi.text
        assert vi.request_id == (
            f"reminder/{planned.id}/15/{start:%Y%m%dT%H%M%S.000000Z}/{binh.subject}"
        )
        assert vi.not_after == planned.start_time
        assert (vi.advertiser_id, vi.sender_identity_id) == (str(ADVERTISER), str(IDENTITY))
        assert set(await post.standing()) == {("handed_over", "")}

    async def test_one_whose_answer_was_lost_is_the_same_message_again(self, post: Post) -> None:
        binh = post.colleague("binh")
        await post.due(binh)
        post.messages.loses_answers = 1

        await post.make().round()
        post.users.known[binh.subject].email = "other@mekong.example"
        assert await post.standing() == [("waiting", "")]
        assert await post.make().round() == 0  # it rests between tries
        await post.sql("UPDATE reminder_letters SET next_time = now()")
        await post.make().round()

        assert (len(post.messages.requests), len(post.messages.taken)) == (2, 1)
        assert await post.standing() == [("handed_over", "")]

    async def test_one_whose_answer_was_lost_until_it_began_is_in_doubt(self, post: Post) -> None:
        await post.due(post.colleague("binh"))
        post.messages.loses_answers = 1
        await post.make().round()
        await post.sql("UPDATE reminder_letters SET next_time = now()")
        late = FieldViolation("not_after", "has passed")
        post.messages.refusal = errors.InvalidArgument("FIELDS_INVALID", "no", violations=[late])

        await post.make().round()

        assert await post.standing() == [("in_doubt", "TOO_LATE")]

    async def test_while_accounts_is_away_it_waits(self, post: Post) -> None:
        await post.due(post.colleague("binh"))
        post.users.away = True

        await post.make().round()

        assert (await post.standing(), post.messages.requests) == ([("waiting", "")], [])

    @pytest.mark.parametrize(
        ("why", "state", "reason"),
        [
            ("cancelled", "skipped", "ENDED"),
            ("moved", "skipped", "ENDED"),
            ("without rights", "skipped", "NOT_ALLOWED"),
            ("shut out", "skipped", "NO_ADDRESS"),
            ("no sender", "failed", "SENDER_MISSING"),
            ("another's sender", "failed", "SENDER_MISSING"),
            ("late", "skipped", "TOO_LATE"),
            ("refused", "failed", "ADDRESS_SUPPRESSED"),
        ],
    )
    async def test_what_does_not_go_says_why(
        self, post: Post, why: str, state: str, reason: str
    ) -> None:
        binh = post.colleague("binh")
        await post.due(binh)
        identity: UUID | None = IDENTITY
        match why:
            case "cancelled":
                await post.sql("UPDATE follow_ups SET status = 'cancelled'")
            case "moved":
                hour = timedelta(hours=1)
                await post.sql(
                    "UPDATE follow_ups SET start_time = start_time + :h, end_time = end_time + :h",
                    h=hour,
                )
            case "without rights":
                post.house.people[binh.subject] = person("none", user_id=binh.subject)
            case "shut out":
                post.users.known[binh.subject].active = False
            case "no sender":
                identity = None
            case "another's sender":
                identity = uuid4()
            case "late":
                late = FieldViolation("not_after", "has passed")
                post.messages.refusal = errors.InvalidArgument(
                    "FIELDS_INVALID", "no", violations=[late]
                )
            case "refused":
                post.messages.refusal = errors.FailedPrecondition("ADDRESS_SUPPRESSED", "no")

        await post.make(identity).round()

        assert await post.standing() == [(state, reason)]
        assert not post.messages.taken

    async def test_one_that_nobody_tried_ends_with_its_follow_up(self, post: Post) -> None:
        planned = await post.due(post.colleague("binh"))

        await post.house.follow_ups().CancelFollowUp(pb2.CancelFollowUpRequest(id=planned.id))

        assert await post.standing() == []


class TestPlanning:
    async def test_by_email_needs_a_sender_and_a_follow_up_of_its_own(self, post: Post) -> None:
        nobody: Any = None
        problems = Problems()
        reminder = {"minutes_before": 15, "channels": ["email"]}
        desk = sending.Desk(nobody, nobody, nobody)
        sending.check_reminders(desk, {"reminders": [reminder]}, problems)
        with pytest.raises(errors.InvalidArgument) as refusal:
            problems.raise_if_any()
        assert [it.field for it in refusal.value.violations] == ["follow_up.reminders"]

        step = follow_up_pb2.FollowUp(title="Gặp", type="FOLLOW_UP_TYPE_CALL", start_time=later(60))
        step.reminders.add(minutes_before=15, channels=BOTH)
        logged = Interaction(contact_id=post.house.contact().id, kind="INTERACTION_KIND_CALL")
        request = interaction_service_pb2.CreateInteractionRequest(interaction=logged, next=step)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as other:
            await post.house.interactions(person()).CreateInteraction(request)
        assert other.fields() == ["next.reminders"]


_DUE = """
    INSERT INTO reminders (follow_up_id, minutes_before, due_time)
    VALUES (:id, 15, CAST(:start AS timestamptz) - interval '15 minutes')
"""
