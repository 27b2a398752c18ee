"""Requests: a customer asks, whoever looks after them is told and answers, both see it."""

from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import (
    events_pb2,
    note_service_pb2,
    notification_pb2,
    notification_service_pb2,
    request_pb2,
)
from crm.leads.v1 import events_pb2 as leads_events

from chassis import errors
from chassis.context import Principal
from chassis.db import outbox
from tests.integration.interactions.house import House, person
from tests.integration.interactions.portal_parts import (
    answer,
    ask,
    asked,
    close,
    got,
    listed,
    read,
    reply,
)
from tests.integration.serving import refused

OPEN, ANSWERED, CLOSED = (
    request_pb2.RequestState.Value(f"REQUEST_STATE_{it}") for it in ("OPEN", "ANSWERED", "CLOSED")
)
TEAM = str(uuid4())


async def told(house: House, who: Principal) -> list[Any]:
    request = notification_service_pb2.ListNotificationsRequest()
    return list((await house.notifications(who).ListNotifications(request)).notifications)


async def story(house: House, contact: Any, who: Principal | None = None) -> list[Any]:
    request = note_service_pb2.ListTimelineRequest(contact_id=contact.id, kinds=["request"])
    timeline = house.timeline(who) if who else house.timeline()
    return list((await timeline.ListTimeline(request)).entries)


class TestAsking:
    async def test_it_goes_to_the_contacts_owners_who_are_told(self, house: House) -> None:
        lan = person("own")
        contact = house.contact(lan.subject, team=TEAM)

        made = await ask(house, contact)

        kept = await got(house, made.id, lan)
        assert (kept.subject, kept.text, kept.state) == ("Bảo hành", "Máy kêu to", OPEN)
        assert (list(kept.assignee_ids), kept.team_id) == ([lan.subject], TEAM)
        (one,) = await told(house, lan)
        assert (one.kind, one.event) == (notification_pb2.NOTIFICATION_KIND_REQUEST, "question")
        assert (one.request_id, one.contact_id, one.title) == (made.id, contact.id, "Bảo hành")

    async def test_what_it_says_to_others_has_nobodys_words(self, house: House) -> None:
        made = await ask(house, house.contact())

        async with house.sessions.begin() as session:
            rows = await outbox.take(session, outbox.Class.FACTS, 100)
        (payload,) = [it.payload for it in rows if it.subject.endswith(".RequestCreated")]
        event = events_pb2.RequestCreated.FromString(payload)
        assert (event.request.id, event.request.state) == (made.id, OPEN)
        assert (event.request.subject, event.request.text) == ("", "")

    async def test_sent_twice_it_is_one(self, house: House) -> None:
        contact = house.contact()

        made = [await ask(house, contact, request_id="r1") for _ in range(2)]

        assert made[0] == made[1]
        assert await asked(house, contact) == ["Bảo hành"]

    async def test_bad_fields_are_named(self, house: House) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await ask(house, house.contact(), subject=" ")

        assert refusal.fields() == ["subject"]

    async def test_nobody_has_more_than_people_read(self, house: House) -> None:
        contact = house.contact()
        for _ in range(20):
            made = await ask(house, contact)

        with refused(errors.ResourceExhausted, "REQUESTS_TOO_MANY"):
            await ask(house, contact)
        await answer(house, made.id)
        await ask(house, contact)

    async def test_who_was_deleted_asks_nothing_and_leaves_nothing(self, house: House) -> None:
        lan = person("own")
        contact = house.contact(lan.subject)
        made = await ask(house, contact)
        await reply(house, contact, made.id)

        await house.tell(leads_events.ContactDeleted(contact_id=contact.id, revision=9))

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await ask(house, contact)
        assert await listed(house) == []
        assert await told(house, lan) == []


class TestAnswering:
    async def test_both_sides_read_the_thread_in_its_order(self, house: House) -> None:
        contact = house.contact()
        made = await ask(house, contact)

        answered = await answer(house, made.id)
        mine = await reply(house, contact, made.id)

        assert (answered.state, mine.state) == (ANSWERED, OPEN)
        assert [(it.text, it.by_me) for it in mine.replies] == [
            ("Mai có thợ đến", False),
            ("Vẫn kêu", True),
        ]
        kept = await got(house, made.id)
        assert [it.author_id for it in kept.replies] == ["interactions", "customer"]

    async def test_a_reply_tells_once_more(self, house: House) -> None:
        lan = person("own")
        contact = house.contact(lan.subject)
        made = await ask(house, contact)

        await reply(house, contact, made.id)

        assert [it.request_id for it in await told(house, lan)] == [made.id, made.id]

    async def test_who_answers_one_that_nobody_has_takes_it(self, house: House) -> None:
        made, binh = await ask(house, house.contact()), person("all")

        kept = await answer(house, made.id, binh)

        assert list(kept.assignee_ids) == [binh.subject]

    async def test_a_closed_one_takes_no_answer_and_a_reply_opens_it(self, house: House) -> None:
        contact = house.contact()
        made = await ask(house, contact)
        closed = await close(house, made.id)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await answer(house, made.id)
        again = await close(house, made.id)
        opened = await reply(house, contact, made.id)

        assert (closed.state, again.revision, opened.state) == (CLOSED, closed.revision, OPEN)
        assert not (await got(house, made.id)).HasField("close_time")

    async def test_closing_what_changed_meanwhile_is_refused(self, house: House) -> None:
        contact = house.contact()
        made = await ask(house, contact)
        etag = (await got(house, made.id)).etag
        await reply(house, contact, made.id)

        with refused(errors.Aborted, "ETAG_STALE"):
            await close(house, made.id, etag=etag)

    @pytest.mark.parametrize("text", ["", "x" * 4_001])
    async def test_words_that_cannot_be_kept_are_refused(self, house: House, text: str) -> None:
        made = await ask(house, house.contact())

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await answer(house, made.id, text=text)

        assert refusal.fields() == ["text"]


class TestReach:
    async def test_own_and_team_see_theirs_and_no_other(self, house: House) -> None:
        lan, binh = person("own"), person("team", TEAM)
        contacts = [house.contact(lan.subject), house.contact(team=TEAM), house.contact()]
        hers, teams, others = [(await ask(house, it)).id for it in contacts]

        assert await listed(house, lan) == [hers]
        assert await listed(house, binh) == [teams]
        assert await listed(house, person("all")) == [others, teams, hers]
        for call in (got, answer, close):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call(house, teams, lan)

    async def test_who_may_only_read_changes_nothing(self, house: House) -> None:
        made = await ask(house, house.contact())
        reads = Principal(str(uuid4()), "user", None, {"requests": {"read": "all"}})
        none = person("all", requests="none")

        assert (await got(house, made.id, reads)).id == made.id
        for call in (answer, close):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call(house, made.id, reads)
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await listed(house, none)

    async def test_one_within_sight_and_beyond_the_right_to_write_is_forbidden(
        self, house: House
    ) -> None:
        made = await ask(house, house.contact())
        rights = {"requests": {"read": "all", "write": "own"}}

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await answer(house, made.id, Principal(str(uuid4()), "user", None, rights))

    async def test_lists_are_filtered_and_paged(self, house: House) -> None:
        an, ba = house.contact(), house.contact()
        first, second = [(await ask(house, it)).id for it in (an, ba)]
        await answer(house, first)

        assert await listed(house, states=[ANSWERED]) == [first]
        assert await listed(house, contact_id=ba.id) == [second]
        assert await listed(house, kinds=[request_pb2.REQUEST_KIND_ERASURE]) == []
        assert await listed(house, page_size=1) == [second]


class TestStory:
    async def test_what_was_asked_and_said_is_in_it(self, house: House) -> None:
        contact, other = house.contact(), house.contact()
        made = await ask(house, contact)
        await ask(house, other, subject="của người khác")
        await answer(house, made.id)

        entries = await story(house, contact)

        assert [(it.actor, it.details["event"]) for it in entries] == [
            ("interactions", "replied"),
            ("customer", "asked"),
        ]
        assert {it.resource_id for it in entries} == {made.id}
        assert entries[1].details["subject"] == "Bảo hành"

    async def test_who_may_not_read_requests_sees_none(self, house: House) -> None:
        contact = house.contact()
        await ask(house, contact)

        assert await story(house, contact, person("all", requests="none")) == []

    async def test_a_customer_reads_what_was_answered(self, house: House) -> None:
        contact = house.contact()
        made = await ask(house, contact)
        await answer(house, made.id)

        mine = await read(house, contact, made.id)

        assert (mine.state, [it.text for it in mine.replies]) == (ANSWERED, ["Mai có thợ đến"])
