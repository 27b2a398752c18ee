"""A day in one call: what the three queues say one by one."""

from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import agenda_pb2
from crm.interactions.v1 import agenda_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, events_pb2

from chassis import errors
from tests.integration.interactions.house import later, person
from tests.integration.serving import refused

QUEUES = {
    "overdue": agenda_pb2.QUEUE_OVERDUE,
    "today": agenda_pb2.QUEUE_TODAY,
    "no_next_step": agenda_pb2.QUEUE_NO_NEXT_STEP,
}
ZONE = {"time_zone": "Pacific/Kiritimati"}


async def day(house: Any, who: Any, **more: Any) -> Any:
    return await house.agenda(who).GetDay(pb2.GetDayRequest(**more))


async def one_by_one(house: Any, who: Any, name: str, **more: Any) -> Any:
    return await house.agenda(who).ListQueue(pb2.ListQueueRequest(queue=QUEUES[name], **more))


@pytest.fixture
async def work(house: Any) -> Any:
    """Somebody with two teammates' worth of work: overdue, running now, and idle leads."""
    team = str(uuid4())
    me, other = person("all", team), str(uuid4())
    for number in range(3):
        for owner in (me.subject, other):
            given = {"kind": contact_pb2.CONTACT_KIND_LEAD, "status": contact_pb2.LEAD_STATUS_NEW}
            for is_idle in (True, False):
                contact = house.contact(owner, team=team, **given)
                await house.tell(events_pb2.ContactCreated(contact=contact))
                if is_idle:
                    continue
                people = {"assignee_ids": [owner], "team_id": team}
                for start, end in ((-90 - number, -60), (-20 - number, 20)):
                    times = {"start_time": later(start), "end_time": later(end)}
                    await house.plan(contact.id, title=f"Gọi {number}", **times, **people)
    return me, team


class TestDay:
    async def test_it_is_the_three_queues_with_where_contacts_stand(
        self, house: Any, work: Any
    ) -> None:
        me, team = work
        for more in ({"user_id": me.subject}, {"team_id": team}, {}):
            found = await day(house, me, **more, **ZONE)

            for name in QUEUES:
                queue = await one_by_one(house, me, name, **more, **ZONE)
                assert getattr(found, name) == queue, (name, more)
                assert len(queue.items) == (3 if "user_id" in more else 6)
                assert all(it.standing.contact_id == it.contact_id for it in queue.items)

    async def test_its_tokens_go_on_in_each_queue(self, house: Any, work: Any) -> None:
        me, _ = work
        whole = await day(house, me, user_id=me.subject, **ZONE)

        found = await day(house, me, user_id=me.subject, page_size=2, **ZONE)

        for name in QUEUES:
            first = getattr(found, name)
            rest = await one_by_one(
                house,
                me,
                name,
                user_id=me.subject,
                page_size=2,
                page_token=first.next_page_token,
                **ZONE,
            )
            assert [*first.items, *rest.items] == list(getattr(whole, name).items)
            assert (len(first.items), rest.next_page_token) == (2, "")

    async def test_it_reaches_as_far_as_each_right(self, house: Any, work: Any) -> None:
        me, team = work
        own = person("own", team, me.subject, contacts="team")

        found = await day(house, own, **ZONE)

        assert len(found.overdue.items) == len(found.today.items) == 3
        assert len(found.no_next_step.items) == 6


class TestRights:
    async def test_a_queue_without_its_right_is_absent(self, house: Any, work: Any) -> None:
        me, team = work
        blind = person("all", team, me.subject, contacts="none")
        idle = person("all", team, me.subject, follow_ups="none")

        without_contacts, without_plans = await day(house, blind), await day(house, idle)

        assert without_contacts.HasField("overdue")
        assert without_contacts.HasField("today")
        assert not without_contacts.HasField("no_next_step")
        assert not any(it.HasField("standing") for it in without_contacts.overdue.items)
        assert not without_plans.HasField("overdue")
        assert not without_plans.HasField("today")
        assert len(without_plans.no_next_step.items) == 6

    async def test_nobody_has_a_day_without_any_right(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await day(house, person("none"))


class TestRefusals:
    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await day(house, person(), user_id="x", team_id="y", time_zone="Mars/Olympus")

        assert set(refusal.fields()) == {"user_id", "team_id", "time_zone"}

    async def test_a_negative_size_is_refused(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await day(house, person(), page_size=-1)

        assert refusal.fields() == ["page_size"]
