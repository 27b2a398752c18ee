"""What people are told of: follow-ups given to them, answers, failures; each once."""

from typing import Any
from uuid import UUID

import orjson
from crm.interactions.v1 import follow_up_service_pb2
from crm.interactions.v1 import notification_service_pb2 as pb2
from crm.interactions.v1 import proposal_service_pb2 as proposals_pb2
from crm.interactions.v1.follow_up_pb2 import FollowUp
from crm.leads.v1 import events_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from services.interactions.domain.deliveries import Key, News, State, planned
from services.interactions.storage import notifications as kept
from services.interactions.usecases import deliveries
from tests.integration.interactions.house import SERVICE
from tests.integration.interactions.notification_parts import colleague, kinds, told, unread, write
from tests.integration.interactions.proposal_parts import Desk, tell, token
from tests.integration.serving import refused


class TestFollowUps:
    async def test_who_is_given_one_by_another_is_told_each_time(self, house: Any) -> None:
        lan, binh = colleague(house), colleague(house, "own")
        given = await house.plan(
            house.contact().id, lan, assignee_ids=[lan.subject, binh.subject], title="Gọi"
        )

        async def to(*people: str) -> Any:
            change = FollowUp(id=given.id, assignee_ids=people, title="Gọi lại")
            request = follow_up_service_pb2.UpdateFollowUpRequest(
                follow_up=change, update_mask=FieldMask(paths=["assignee_ids", "title"])
            )
            return await house.follow_ups(lan).UpdateFollowUp(request)

        await to(binh.subject)
        assert (await kinds(house, binh), await kinds(house, lan)) == (["ASSIGNED"], [])
        await to(lan.subject)
        assert await kinds(house, binh) == []  # it is not theirs to see any more
        await to(lan.subject, binh.subject)

        first, _ = await told(house, binh)
        assert (first.follow_up_id, first.title, first.actor_id) == (
            given.id,
            "Gọi lại",
            lan.subject,
        )

    async def test_failures_of_its_message_are_told_once(self, house: Any) -> None:
        binh = colleague(house, "own")
        contact = house.contact().id
        made = await house.plan(contact, SERVICE, assignee_ids=[binh.subject])
        key = Key(UUID(made.id), UUID(contact))
        async with house.sessions.begin() as session:
            progress = orjson.dumps(dict(planned(1))).decode()
            await session.execute(_AS_MAIL, {"id": made.id, "progress": progress})
            await session.execute(_DELIVERY, {"id": made.id, "contact": contact})

        for revision in (1, 2):
            news = News(State.FAILED, "MAILBOX_FULL", revision=revision)
            async with house.sessions.begin() as session:
                assert await deliveries.settle(session, {key: [news]})

        assert await kinds(house, binh) == ["FOLLOW_UP_FAILED", "ASSIGNED"]


class TestProposals:
    async def test_their_owner_is_told_what_the_customer_says(self, house: Any, desk: Desk) -> None:
        binh = colleague(house, "own")
        sent = await desk.sent(owner_id=binh.subject)
        link = token(sent)

        for _ in range(2):
            await desk.link().AcceptProposal(
                proposals_pb2.AcceptProposalRequest(token=link, issue=1, name="Đào")
            )
        await desk.link().CommentProposal(
            proposals_pb2.CommentProposalRequest(token=link, text="Giao sớm nhé")
        )

        found = await told(house, binh)
        assert [(it.event, it.text, it.proposal_id) for it in found] == [
            ("commented", "Giao sớm nhé", sent.id),
            ("accepted", "Đào", sent.id),
        ]
        assert {it.actor_id for it in found} == {"customer"}

    async def test_its_owner_is_told_that_the_email_came_back_and_no_code(
        self, house: Any, desk: Desk
    ) -> None:
        binh = colleague(house)
        sent = await desk.sent(owner_id=binh.subject)
        for revision in (5, 6):
            await tell(desk, "BOUNCED", revision, "MAILBOX_DISABLED")

        (found,) = await told(house, binh)
        assert (found.event, found.text, found.proposal_id) == ("bounced", "", sent.id)
        assert await kinds(house, binh) == ["PROPOSAL_UNDELIVERED"]

    async def test_they_go_with_the_contact(self, house: Any, desk: Desk) -> None:
        contact, binh = house.contact(), colleague(house)
        desk.leads.known[contact.id] = contact
        sent = await desk.sent(owner_id=binh.subject, contact_id=contact.id)
        await desk.link().DeclineProposal(
            proposals_pb2.DeclineProposalRequest(token=token(sent), issue=1, reason="đắt")
        )
        assert await kinds(house, binh) == ["PROPOSAL_ANSWERED"]

        await house.tell(events_pb2.ContactDeleted(contact_id=contact.id, revision=2))

        assert await kinds(house, binh) == []


class TestReading:
    async def test_they_are_paged_counted_and_read(self, house: Any) -> None:
        lan, binh = colleague(house), colleague(house)
        contact = house.contact().id
        notes = [await write(house, lan, contact, binh.subject) for _ in range(3)]
        inbox = house.notifications(binh)

        page = await inbox.ListNotifications(pb2.ListNotificationsRequest(page_size=2))
        rest = await told(house, binh, page_size=2, page_token=page.next_page_token)
        newest, middle = page.notifications
        one = await inbox.MarkNotificationRead(pb2.MarkNotificationReadRequest(id=middle.id))
        again = await inbox.MarkNotificationRead(pb2.MarkNotificationReadRequest(id=middle.id))

        assert [it.note_id for it in (newest, middle, *rest)] == [it.id for it in notes[::-1]]
        assert one.read_time.seconds
        assert again == one
        assert await unread(house, binh) == (2, False)
        assert await told(house, binh, unread_only=True) == [newest, *rest]
        up_to = pb2.MarkAllNotificationsReadRequest(until_id=middle.id)
        assert (await inbox.MarkAllNotificationsRead(up_to)).count == 1
        assert await told(house, binh, unread_only=True) == [newest]
        everything = pb2.MarkAllNotificationsReadRequest()
        assert (await inbox.MarkAllNotificationsRead(everything)).count == 1
        assert await unread(house, binh) == (0, False)

    async def test_others_and_programs_have_none_of_them(self, house: Any) -> None:
        lan, binh, other = (colleague(house) for _ in range(3))
        await write(house, lan, house.contact().id, binh.subject)
        (one,) = await told(house, binh)

        for unknown in (one.id, "x"):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await house.notifications(other).MarkNotificationRead(
                    pb2.MarkNotificationReadRequest(id=unknown)
                )
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await unread(house, SERVICE)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.notifications(binh).MarkAllNotificationsRead(
                pb2.MarkAllNotificationsReadRequest(until_id="x")
            )
        assert refusal.fields() == ["until_id"]
        assert await unread(house, binh) == (1, False)


class TestPruning:
    async def test_what_was_read_or_told_long_ago_goes(self, house: Any) -> None:
        lan, binh = colleague(house), colleague(house)
        contact = house.contact().id
        ages = [("89 days", "89 days"), ("364 days", None), ("91 days", "89 days")]
        gone = [("91 days", "91 days"), ("366 days", None), ("366 days", "1 day")]
        notes = [await write(house, lan, contact, binh.subject) for _ in (*ages, *gone)]
        for note, (told_ago, read_ago) in zip(notes, (*ages, *gone), strict=True):
            async with house.sessions.begin() as session:
                given = {"id": note.id, "told": told_ago, "read": read_ago}
                await session.execute(_AGE, given)

        pruned = []
        for _ in range(3):
            async with house.sessions.begin() as session:
                pruned.append(await kept.prune(session, 2))

        assert pruned == [2, 1, 0]
        assert {it.note_id for it in await told(house, binh)} == {it.id for it in notes[:3]}


_AGE = text("""
    UPDATE notifications SET create_time = now() - CAST(:told AS interval),
        read_time = now() - CAST(:read AS interval)
    WHERE source_id = :id
""")
_AS_MAIL = text("""
    UPDATE follow_ups SET type = 'email', message = '{}', progress = CAST(:progress AS jsonb)
    WHERE id = :id
""")
_DELIVERY = text("""
    INSERT INTO deliveries (follow_up_id, contact_id, due_time, try_time)
    VALUES (:id, :contact, now(), now())
""")
