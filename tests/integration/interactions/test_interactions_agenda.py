"""The queues: what is overdue, what is for today, which leads have no next step."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import agenda_pb2
from crm.interactions.v1 import agenda_service_pb2 as pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb2s
from crm.leads.v1 import contact_pb2, events_pb2

from chassis import errors
from tests.integration.interactions.house import later, person, stamp
from tests.integration.serving import refused

OVERDUE, TODAY = agenda_pb2.QUEUE_OVERDUE, agenda_pb2.QUEUE_TODAY
IDLE = agenda_pb2.QUEUE_NO_NEXT_STEP
LEAD, CUSTOMER = contact_pb2.CONTACT_KIND_LEAD, contact_pb2.CONTACT_KIND_CUSTOMER
NEW, LOST = contact_pb2.LEAD_STATUS_NEW, contact_pb2.LEAD_STATUS_LOST


async def queue(house: Any, which: Any, who: Any, **more: Any) -> Any:
    return await house.agenda(who).ListQueue(pb2.ListQueueRequest(queue=which, **more))


async def titles(house: Any, which: Any, who: Any, **more: Any) -> list[str]:
    return [it.follow_up.title for it in (await queue(house, which, who, **more)).items]


async def lead(house: Any, *owners: str, team: str = "", **more: Any) -> str:
    given = {"kind": LEAD, "status": NEW, **more}
    contact = house.contact(*owners, team=team, **given)
    await house.tell(events_pb2.ContactCreated(contact=contact))
    return str(contact.id)


def zone_where_the_day_has_hours_left() -> str:
    """A zone where it is about noon: what comes in an hour is today, an hour ago as well."""
    hour = datetime.now(UTC).hour
    return f"Etc/GMT{hour - 12:+d}" if hour != 12 else "UTC"


class TestFollowUps:
    async def test_what_has_ended_is_overdue_and_what_has_not_is_for_today(
        self, house: Any
    ) -> None:
        me = person()
        contact = house.contact().id
        zone = zone_where_the_day_has_hours_left()
        for title, start, end in (
            ("muộn", -120, -90),
            ("muộn hơn", -60 * 24 * 3, -90),
            ("đang", -20, 20),
            ("từ hôm qua", -60 * 30, 60),
            ("lát nữa", 60, 90),
            ("mai", 60 * 24, 60 * 24 + 30),
        ):
            await house.plan(contact, me, title=title, start_time=later(start), end_time=later(end))
        done = await house.plan(contact, me, title="xong", start_time=later(-200))
        asked = follow_up_pb2s.CompleteFollowUpRequest(id=done.id, outcome="xong")
        await house.follow_ups(me).CompleteFollowUp(asked)

        assert await titles(house, OVERDUE, me, time_zone=zone) == ["muộn hơn", "muộn"]
        today = await titles(house, TODAY, me, time_zone=zone)
        assert today == ["từ hôm qua", "đang", "lát nữa"]

    async def test_each_comes_with_where_its_contact_stands(self, house: Any) -> None:
        me = person()
        contact = house.contact()
        made = await house.plan(contact.id, me, start_time=later(-90))

        (item,) = (await queue(house, OVERDUE, me)).items

        assert (item.contact_id, item.standing.next_follow_up_id) == (contact.id, made.id)

    async def test_a_persons_queue_holds_what_one_is_assigned_among_others(
        self, house: Any
    ) -> None:
        me, other = person(), str(uuid4())
        contact, start = house.contact().id, {"start_time": later(-90)}
        await house.plan(contact, title="một mình", assignee_ids=[me.subject], **start)
        await house.plan(contact, title="thứ hai", assignee_ids=[other, me.subject], **start)
        await house.plan(contact, title="thứ nhất", assignee_ids=[me.subject, other], **start)
        await house.plan(contact, title="của người khác", assignee_ids=[other], **start)

        mine = await titles(house, OVERDUE, me, user_id=me.subject)
        theirs = await titles(house, OVERDUE, me, user_id=other)

        assert sorted(mine) == ["một mình", "thứ hai", "thứ nhất"]
        assert sorted(theirs) == ["của người khác", "thứ hai", "thứ nhất"]

    async def test_a_queue_is_as_wide_as_the_right_reaches(self, house: Any) -> None:
        team = str(uuid4())
        me = person("own", team)
        contact = house.contact(me.subject).id
        start = {"start_time": later(-90)}
        await house.plan(contact, title="tôi", assignee_ids=[me.subject], **start)
        await house.plan(contact, title="đội", assignee_ids=[str(uuid4())], team_id=team, **start)
        await house.plan(contact, title="ngoài", assignee_ids=[str(uuid4())], **start)
        in_team = person("team", team, me.subject)

        assert await titles(house, OVERDUE, me) == ["tôi"]
        assert await titles(house, OVERDUE, me, team_id=team) == []
        assert await titles(house, OVERDUE, in_team) == ["đội"]
        assert len(await titles(house, OVERDUE, person())) == 3
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await titles(house, OVERDUE, person(follow_ups="none"))

    async def test_pages_follow_each_other_without_loss(self, house: Any) -> None:
        me, other = person(), str(uuid4())
        contact, at = house.contact().id, later(-90)
        for n in range(7):
            people = [me.subject] if n % 2 else [other, me.subject]
            await house.plan(contact, title=str(n), start_time=at, assignee_ids=people)

        seen, token, asked = [], "", {"user_id": me.subject, "page_size": 2}
        while True:
            page = await queue(house, OVERDUE, me, page_token=token, **asked)
            seen += [it.follow_up.id for it in page.items]
            token = page.next_page_token
            if not token:
                break

        assert len(seen) == 7
        assert seen == sorted(seen)
        page = await queue(house, OVERDUE, me, **asked)
        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await queue(house, TODAY, me, page_token=page.next_page_token, **asked)


class TestNoNextStep:
    async def test_it_holds_open_leads_without_a_next_follow_up(self, house: Any) -> None:
        me = person()
        first, second = await lead(house, me.subject), await lead(house, me.subject)
        await lead(house, me.subject, status=LOST)
        await lead(house, me.subject, kind=CUSTOMER)
        planned = await lead(house, me.subject)
        made = await house.plan(planned, me, start_time=later(60))

        async def found() -> set[str]:
            listed = await queue(house, IDLE, me, user_id=me.subject)
            return {it.contact_id for it in listed.items}

        assert await found() == {first, second}
        await house.follow_ups(me).CancelFollowUp(follow_up_pb2s.CancelFollowUpRequest(id=made.id))
        assert await found() == {first, second, planned}

    async def test_an_import_tells_who_is_an_open_lead(self, house: Any) -> None:
        me = person()
        told = events_pb2.ImportedContact(
            id=str(uuid4()), revision=1, created=True, owner_ids=[me.subject], kind=LEAD, status=NEW
        )
        event = events_pb2.ContactsImported(import_id="i", contacts=[told])
        await house.tell(event)

        listed = await queue(house, IDLE, me)

        assert [it.contact_id for it in listed.items] == [told.id]

    async def test_a_converted_or_deleted_lead_leaves(self, house: Any) -> None:
        me = person()
        one, two = await lead(house, me.subject), await lead(house, me.subject)
        customer = contact_pb2.Contact(id=one, revision=2, kind=CUSTOMER, owner_ids=[me.subject])
        await house.tell(events_pb2.ContactConverted(contact=customer, by="hand"))
        await house.tell(events_pb2.ContactDeleted(contact_id=two, revision=2))

        assert not (await queue(house, IDLE, me)).items

    async def test_rights_and_several_owners(self, house: Any) -> None:
        team, other = str(uuid4()), str(uuid4())
        me = person("own", team)
        shared = await lead(house, other, me.subject)
        theirs = await lead(house, other)
        teams = await lead(house, other, team=team)
        everybody = person()

        async def ids(who: Any, **more: Any) -> set[str]:
            return {it.contact_id for it in (await queue(house, IDLE, who, **more)).items}

        assert await ids(me) == {shared}
        assert await ids(me, user_id=other) == {shared}
        assert await ids(person("team", team)) == {teams}
        assert await ids(everybody, user_id=other) == {shared, theirs, teams}
        assert await ids(everybody) == {shared, theirs, teams}

    async def test_pages_follow_each_other_without_loss(self, house: Any) -> None:
        me, other = person(), str(uuid4())
        made = [await lead(house, *([other] if n % 2 else []), me.subject) for n in range(5)]

        seen, token = [], ""
        while True:
            page = await queue(house, IDLE, me, user_id=me.subject, page_size=2, page_token=token)
            seen += [it.contact_id for it in page.items]
            token = page.next_page_token
            if not token:
                break

        assert seen == sorted(made, reverse=True)


class TestRefusals:
    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await queue(house, 0, person(), user_id="x", team_id="y", time_zone="Mars/Olympus")

        assert set(refusal.fields()) == {"queue", "user_id", "team_id", "time_zone"}

    async def test_a_person_and_a_team_together_are_nobody(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await queue(house, TODAY, person(), user_id=str(uuid4()), team_id=str(uuid4()))

        assert refusal.fields() == ["team_id"]

    async def test_days_end_when_their_zone_says(self, house: Any) -> None:
        me = person()
        contact = house.contact().id
        now = datetime.now(UTC)
        soon = now + timedelta(minutes=30)
        await house.plan(contact, me, start_time=stamp(soon), end_time=stamp(soon))

        for zone, offset in (("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12), ("UTC", 0)):
            shift = timedelta(hours=offset)
            same_day = (now + shift).date() == (soon + shift).date()
            assert bool(await titles(house, TODAY, me, time_zone=zone)) is same_day
