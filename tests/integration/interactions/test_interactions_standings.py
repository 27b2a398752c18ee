"""Next follow-up and last interaction: always what a look at the tables would find."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import agenda_service_pb2, follow_up_pb2, interaction_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb2s
from crm.interactions.v1 import interaction_service_pb2 as interaction_pb2s
from crm.interactions.v1.follow_up_pb2 import FollowUp
from crm.leads.v1 import contact_pb2, events_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from services.interactions import workers
from services.interactions.storage import standings
from tests.integration.interactions.house import NOON, later, person, stamp
from tests.integration.interactions.standing_parts import VISIT, complete, differences, log

MEETING, EMAIL = follow_up_pb2.FOLLOW_UP_TYPE_MEETING, follow_up_pb2.FOLLOW_UP_TYPE_EMAIL
NO_ANSWER = interaction_pb2.INTERACTION_RESULT_NO_ANSWER


async def standing(house: Any, contact_id: str, who: Any = None) -> Any:
    asked = agenda_service_pb2.BatchGetStandingsRequest(contact_ids=[contact_id])
    found = await house.agenda(who or person()).BatchGetStandings(asked)
    (one,) = found.standings
    return one


class TestNext:
    async def test_it_is_the_earliest_that_is_to_be_done(self, house: Any) -> None:
        contact = house.contact()
        await house.plan(contact.id, start_time=later(90))
        early = await house.plan(contact.id, start_time=later(30), title="Gọi")
        await house.plan(house.contact().id, start_time=later(1))

        found = await standing(house, contact.id)

        assert (found.next_follow_up_id, found.next_follow_up_title) == (early.id, "Gọi")
        assert found.next_follow_up_time == early.start_time

    async def test_one_that_is_moved_gives_way(self, house: Any) -> None:
        contact = house.contact()
        moved = await house.plan(contact.id, start_time=later(30))
        other = await house.plan(contact.id, start_time=later(60))

        change = FollowUp(id=moved.id, start_time=later(90))
        mask = FieldMask(paths=["start_time"])
        request = follow_up_pb2s.UpdateFollowUpRequest(follow_up=change, update_mask=mask)
        await house.follow_ups().UpdateFollowUp(request)

        assert (await standing(house, contact.id)).next_follow_up_id == other.id

    async def test_one_given_to_another_contact_is_that_ones(self, house: Any) -> None:
        before, after = house.contact(), house.contact()
        made = await house.plan(before.id, start_time=later(30))

        change = FollowUp(id=made.id, contact_ids=[after.id])
        request = follow_up_pb2s.UpdateFollowUpRequest(follow_up=change)
        await house.follow_ups().UpdateFollowUp(request)

        assert (await standing(house, before.id)).next_follow_up_id == ""
        assert (await standing(house, after.id)).next_follow_up_id == made.id

    @pytest.mark.parametrize("end", ["CompleteFollowUp", "CancelFollowUp", "DeleteFollowUp"])
    async def test_a_closed_or_deleted_one_is_none(self, house: Any, end: str) -> None:
        contact = house.contact()
        made = await house.plan(contact.id, start_time=later(-5))
        more = {"outcome": "xong"} if end == "CompleteFollowUp" else {}

        asked = getattr(follow_up_pb2s, f"{end}Request")(id=made.id, **more)
        await getattr(house.follow_ups(), end)(asked)

        assert (await standing(house, contact.id)).next_follow_up_id == ""

    async def test_one_that_opens_stays_next(self, house: Any) -> None:
        contact = house.contact()
        made = await house.plan(contact.id, start_time=later(60))
        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE follow_ups SET start_time = now() - interval '1s'"))
            await standings.refresh(session, [UUID(contact.id)])

        assert await workers.open_batch(house.sessions) == 1

        assert (await standing(house, contact.id)).next_follow_up_id == made.id
        assert await differences(house) == []

    async def test_the_title_of_what_one_may_not_see_is_left_out(self, house: Any) -> None:
        me = person("own")
        contact = house.contact(me.subject)
        made = await house.plan(contact.id, title="Riêng", start_time=later(30))

        found = await standing(house, contact.id, me)

        assert (found.next_follow_up_title, found.next_follow_up_time) == ("", made.start_time)


class TestLast:
    async def test_a_completed_call_or_meeting_counts_and_a_message_does_not(
        self, house: Any
    ) -> None:
        contact = house.contact()
        met = await house.plan(contact.id, type=MEETING, start_time=later(-5))
        done = await complete(house, met.id)
        mailed = await house.plan(contact.id, type=EMAIL, start_time=later(-5))
        await complete(house, mailed.id)

        found = await standing(house, contact.id)

        assert found.last_interaction_kind == "meeting"
        assert found.last_interaction_time == done.close_time

    async def test_a_logged_one_counts_if_it_reached_the_person(self, house: Any) -> None:
        contact = house.contact()
        await log(house, contact.id, kind=VISIT, start_time=stamp(NOON))
        await log(house, contact.id, result=NO_ANSWER, start_time=stamp(NOON + timedelta(hours=1)))

        found = await standing(house, contact.id)

        assert found.last_interaction_kind == "visit"
        assert found.last_interaction_time == stamp(NOON)

    async def test_deleting_the_newest_brings_back_the_one_before(self, house: Any) -> None:
        contact = house.contact()
        await log(house, contact.id, start_time=stamp(NOON))
        newest = await log(house, contact.id, start_time=stamp(NOON + timedelta(days=1)))

        asked = interaction_pb2s.DeleteInteractionRequest(id=newest.id)
        await house.interactions().DeleteInteraction(asked)

        assert (await standing(house, contact.id)).last_interaction_time == stamp(NOON)


class TestCopies:
    async def test_one_planned_before_anything_was_told_is_kept(self, house: Any) -> None:
        contact_id = uuid4()
        async with house.sessions.begin() as session:
            await session.execute(
                text("""
                    INSERT INTO follow_ups (id, title, type, status, contact_id, assignee_ids,
                        start_time, end_time, time_zone, creator_id)
                    VALUES (:id, 'x', 'call', 'open', :contact, '{}', now(), now(), '', 's')
                """),
                {"id": uuid4(), "contact": contact_id},
            )
            await standings.refresh(session, [contact_id, None])
        told = contact_pb2.Contact(id=str(contact_id), revision=1)

        await house.tell(events_pb2.ContactUpdated(contact=told))

        assert (await standing(house, str(contact_id))).next_follow_up_id
        assert await differences(house) == []

    async def test_a_contact_nothing_was_told_of_is_asked_for(self, house: Any) -> None:
        contact = house.contact()
        async with house.sessions.begin() as session:
            await standings.refresh(session, [UUID(contact.id)])

        assert (await house.plan(contact.id)).id

    async def test_the_copies_of_a_deleted_contact_stand_nowhere(self, house: Any) -> None:
        contact = house.contact()
        await house.plan(contact.id)
        await log(house, contact.id)

        await house.tell(events_pb2.ContactDeleted(contact_id=contact.id, revision=2))

        assert await differences(house) == []
        asked = agenda_service_pb2.BatchGetStandingsRequest(contact_ids=[contact.id])
        assert not (await house.agenda().BatchGetStandings(asked)).standings
        async with house.sessions.begin() as session:
            logged = await session.scalar(text("SELECT count(*) FROM interactions"))
        assert logged == 0
