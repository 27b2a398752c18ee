"""Once a day an e-mail tells what is unread and new: each once, and nobody else's."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crm.interactions.v1 import note_service_pb2
from crm.interactions.v1 import notification_service_pb2 as pb2
from crm.interactions.v1.note_pb2 import Note
from crm.interactions.v1.notification_pb2 import NotificationPreferences

from chassis import db, errors
from chassis.context import Principal
from services.interactions.config import Settings
from services.interactions.domain import digests as rules
from services.interactions.workers.digests import Digester
from tests.integration.interactions import staff_parts
from tests.integration.interactions.staff_parts import Post
from tests.integration.serving import refused


@pytest.fixture
async def post(settings: Settings, sessions: db.Sessions, house: Any, serve: Any) -> Post:
    return await staff_parts.post(settings, sessions, house, serve)


async def mention(post: Post, who: Principal) -> None:
    """Has a note mention somebody who may see its contact now."""
    contact = post.house.contact(who.subject).id
    note = Note(contact_id=contact, text="bí mật", mentioned_user_ids=[who.subject])
    await post.house.notes().CreateNote(note_service_pb2.CreateNoteRequest(note=note))


async def at_its_hour(post: Post, **make: Any) -> int:
    """Lets everybody's turn come; returns how many turns were dealt with."""
    await post.sql("UPDATE digests SET try_time = now()")
    return int(await post.make(worker=Digester, **make).round())


async def placed(post: Post, name: str = "binh", **given: Any) -> Principal:
    """Somebody who was mentioned, and whose turn is to come."""
    who = post.colleague(name, **given)
    await mention(post, who)
    await post.make(worker=Digester).round()
    return who


class TestDigests:
    async def test_what_is_unread_is_told_at_the_hour_and_what_was_told_is_not_again(
        self, post: Post
    ) -> None:
        binh = await placed(post, locale="en", time_zone="Europe/Berlin")
        (turn,) = await post.sql("SELECT try_time FROM digests")
        assert turn.try_time.astimezone(ZoneInfo("Europe/Berlin")).hour == 8
        assert (await post.make(worker=Digester).round(), post.messages.requests) == (0, [])
        await mention(post, binh)

        for _ in range(2):
            assert await at_its_hour(post) == 1
        await mention(post, binh)
        await at_its_hour(post)

        first, second = post.messages.requests
        assert (first.subject, second.subject) == (
            "2 unread notifications",
            "1 unread notifications",
        )
        assert first.text.count("You were mentioned in a note") == 2
        assert "https://crm.example.com/notifications" in first.text
        assert "bí mật" not in first.text + first.html
        assert first.request_id.startswith(f"digest/{binh.subject}/")
        assert first.request_id != second.request_id

    async def test_one_whose_answer_was_lost_is_the_same_message_again(self, post: Post) -> None:
        binh = await placed(post)
        post.messages.loses_answers = 1

        await at_its_hour(post)
        await mention(post, binh)
        await at_its_hour(post)
        assert (len(post.messages.requests), len(post.messages.taken)) == (2, 1)
        await at_its_hour(post)

        assert post.messages.requests[-1].subject == "Bạn có 1 thông báo chưa đọc"
        assert len(post.messages.taken) == 2

    @pytest.mark.parametrize("why", ["read", "unseen", "shut out", "unknown", "refused"])
    async def test_nobody_is_told_what_they_read_or_may_not_see(self, post: Post, why: str) -> None:
        binh = await placed(post)
        match why:
            case "read":
                inbox = post.house.notifications(binh)
                await inbox.MarkAllNotificationsRead(pb2.MarkAllNotificationsReadRequest())
            case "unseen":
                await post.sql("UPDATE contacts SET owner_ids = '{}'")
            case "shut out":
                post.users.known[binh.subject].active = False
            case "unknown":
                post.house.people.clear()
            case "refused":
                post.messages.refusal = errors.FailedPrecondition("ADDRESS_SUPPRESSED", "no")

        await at_its_hour(post)

        assert not post.messages.taken
        (turn,) = await post.sql("SELECT try_time > now() AS is_later, attempts FROM digests")
        assert (turn.is_later, turn.attempts) == (True, 0)

    async def test_what_could_not_be_sent_for_want_of_a_sender_is_told_later(
        self, post: Post
    ) -> None:
        await placed(post)

        await at_its_hour(post, identity=None)
        assert not post.messages.requests
        await at_its_hour(post)

        assert len(post.messages.taken) == 1

    async def test_while_accounts_is_away_it_waits(self, post: Post) -> None:
        await placed(post)
        post.users.away = True

        await at_its_hour(post)

        (turn,) = await post.sql("SELECT number, attempts FROM digests")
        assert (turn.number, turn.attempts, post.messages.requests) == (2, 1, [])


class TestChoice:
    async def choose(self, post: Post, who: Principal, **given: Any) -> bool:
        wanted = NotificationPreferences(**given)
        request = pb2.UpdateNotificationPreferencesRequest(notification_preferences=wanted)
        inbox = post.house.notifications(who)
        chosen = await inbox.UpdateNotificationPreferences(request)
        found = await inbox.GetNotificationPreferences(pb2.GetNotificationPreferencesRequest())
        assert chosen == found
        return bool(found.daily_digest)

    async def test_who_wants_none_gets_none_and_all_that_is_unread_later(self, post: Post) -> None:
        binh, noise = await placed(post), await placed(post, "noise")
        assert await self.choose(post, binh, daily_digest=False) is False
        assert await self.choose(post, binh) is False  # nothing said, nothing changed

        for _ in range(2):
            await at_its_hour(post)
            await mention(post, binh)
        assert [it.address for it in post.messages.requests] == ["noise@mekong.example"]
        assert await self.choose(post, noise) is True
        assert await self.choose(post, binh, daily_digest=True) is True
        await at_its_hour(post)

        assert post.messages.requests[-1].address == "binh@mekong.example"
        assert post.messages.requests[-1].subject == "Bạn có 3 thông báo chưa đọc"

    async def test_it_may_be_made_before_anything_was_told(self, post: Post) -> None:
        binh = post.colleague("binh")
        assert await self.choose(post, binh, daily_digest=False) is False

        await mention(post, binh)
        await post.make(worker=Digester).round()
        await at_its_hour(post)

        assert post.messages.requests == []

    async def test_programs_have_none_and_what_is_missing_is_named(self, post: Post) -> None:
        inbox = post.house.notifications()
        for call in (
            inbox.GetNotificationPreferences(pb2.GetNotificationPreferencesRequest()),
            inbox.UpdateNotificationPreferences(pb2.UpdateNotificationPreferencesRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call
        own = post.house.notifications(post.colleague("binh"))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await own.UpdateNotificationPreferences(pb2.UpdateNotificationPreferencesRequest())
        assert refusal.fields() == ["notification_preferences"]


class TestHours:
    @pytest.mark.parametrize(
        ("now", "zone", "expected"),
        [
            ("2026-05-01T00:59+00:00", "Asia/Ho_Chi_Minh", "2026-05-01T01:00+00:00"),
            ("2026-05-01T01:00+00:00", "Asia/Ho_Chi_Minh", "2026-05-02T01:00+00:00"),
            ("2026-03-28T12:00+00:00", "Europe/Berlin", "2026-03-29T06:00+00:00"),
            ("2026-10-24T12:00+00:00", "Europe/Berlin", "2026-10-25T07:00+00:00"),
        ],
    )
    def test_eight_is_eight_by_the_clock_on_the_wall(
        self, now: str, zone: str, expected: str
    ) -> None:
        found = rules.next_time(datetime.fromisoformat(now), 8, zone)

        assert found == datetime.fromisoformat(expected)
        assert found.tzinfo is UTC
