"""Reminders by e-mail: one to each assignee for each start, whatever happens on the way."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2, interaction_pb2, interaction_service_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1.interaction_pb2 import Interaction

from chassis import db, errors
from chassis.errors import FieldViolation
from services.interactions.config import Settings
from services.interactions.domain.fields import Problems
from services.interactions.rpc import sending
from tests.integration.interactions import staff_parts
from tests.integration.interactions.house import later, person, stamp
from tests.integration.interactions.staff_parts import ADVERTISER, BOTH, IDENTITY, Post
from tests.integration.serving import refused


@pytest.fixture
async def post(settings: Settings, sessions: db.Sessions, house: Any, serve: Any) -> Post:
    return await staff_parts.post(settings, sessions, house, serve)


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
        await sending.check_reminders(desk, [], {"reminders": [reminder]}, problems)
        with pytest.raises(errors.InvalidArgument) as refusal:
            problems.raise_if_any()
        assert [it.field for it in refusal.value.violations] == ["follow_up.reminders"]

        step = follow_up_pb2.FollowUp(
            title="Gặp", type=follow_up_pb2.FOLLOW_UP_TYPE_CALL, start_time=later(60)
        )
        step.reminders.add(minutes_before=15, channels=BOTH)
        logged = Interaction(
            contact_id=post.house.contact().id, kind=interaction_pb2.INTERACTION_KIND_CALL
        )
        request = interaction_service_pb2.CreateInteractionRequest(interaction=logged, next=step)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as other:
            await post.house.interactions(person()).CreateInteraction(request)
        assert other.fields() == ["next.reminders"]
