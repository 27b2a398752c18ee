"""Which follow-ups are listed, in which order, for whom."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2

from chassis import errors
from tests.integration.interactions.house import NOON, later, person, stamp
from tests.integration.serving import refused

OPEN = follow_up_pb2.FOLLOW_UP_STATUS_OPEN
CALL, SMS = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_SMS


class TestReach:
    @pytest.fixture
    async def four(self, house: Any) -> Any:
        """Mine by creation, mine by assignment, my team's, and somebody's."""
        contact, team = house.contact(), str(uuid4())
        me = person("own", team, contacts="all")
        other = person()
        made = [
            await house.plan(contact.id, me, assignee_ids=[other.subject]),
            await house.plan(contact.id, other, assignee_ids=[other.subject, me.subject]),
            await house.plan(contact.id, other, team_id=team),
            await house.plan(contact.id, other),
        ]
        return me, [each.id for each in made]

    @pytest.mark.parametrize(("level", "seen"), [("own", 2), ("team", 3), ("all", 4)])
    async def test_lists_and_reads_show_what_is_within_it(
        self, house: Any, four: Any, level: str, seen: int
    ) -> None:
        me, ids = four
        who = person(level, me.team_id, me.subject)

        listed = await house.follow_ups(who).ListFollowUps(pb2.ListFollowUpsRequest())

        assert {each.id for each in listed.follow_ups} == set(ids[:seen])
        for each in ids[seen:]:
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await house.follow_ups(who).GetFollowUp(pb2.GetFollowUpRequest(id=each))

    async def test_what_may_be_seen_may_not_be_changed(self, house: Any, four: Any) -> None:
        me, ids = four
        rights = {"follow_ups": {"read": "all", "write": "own", "delete": "own"}}
        who = type(me)(me.subject, "user", me.team_id, rights)

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            request = pb2.CompleteFollowUpRequest(id=ids[3], outcome="done")
            await house.follow_ups(who).CompleteFollowUp(request)
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.follow_ups(who).DeleteFollowUp(pb2.DeleteFollowUpRequest(id=ids[3]))


class TestList:
    async def test_pages_follow_by_start_in_both_directions(self, house: Any) -> None:
        contact = house.contact().id
        starts = [stamp(NOON + timedelta(minutes=minute)) for minute in (3, 1, 2, 2, 4)]
        made = [await house.plan(contact, start_time=start) for start in starts]
        expected = [
            each.id for each in sorted(made, key=lambda each: (each.start_time.seconds, each.id))
        ]

        for newest_first in (False, True):
            seen, token = [], ""
            while True:
                request = pb2.ListFollowUpsRequest(
                    page_size=2, page_token=token, newest_first=newest_first
                )
                page = await house.follow_ups().ListFollowUps(request)
                seen += [each.id for each in page.follow_ups]
                token = page.next_page_token
                if not token:
                    break
            assert seen == (expected[::-1] if newest_first else expected)

    async def test_conditions_hold_together(self, house: Any) -> None:
        mine, contact, noise = str(uuid4()), house.contact().id, house.contact().id
        wanted = await house.plan(contact, assignee_ids=[mine], type=SMS)
        await house.plan(contact, assignee_ids=[mine], type=CALL)
        await house.plan(contact, type=SMS)
        await house.plan(noise, assignee_ids=[mine], type=SMS)
        await house.plan(contact, assignee_ids=[mine], type=SMS, start_time=later(9))

        request = pb2.ListFollowUpsRequest(
            contact_id=contact,
            assignee_id=mine,
            types=[SMS],
            statuses=[OPEN],
            start_from=stamp(NOON),
            start_until=stamp(NOON + timedelta(seconds=1)),
        )
        listed = await house.follow_ups().ListFollowUps(request)

        assert [each.id for each in listed.follow_ups] == [wanted.id]

    async def test_an_id_that_is_none_is_named(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.follow_ups().ListFollowUps(pb2.ListFollowUpsRequest(contact_id="x"))

        assert refusal.fields() == ["contact_id"]
