"""What customers see in the portal: theirs alone; what is another's is as what is not there."""

import json
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import (
    follow_up_service_pb2,
    interaction_pb2,
    interaction_service_pb2,
    portal_pb2,
    request_pb2,
)
from crm.interactions.v1 import portal_service_pb2 as pb2
from sqlalchemy import text

from chassis import errors
from chassis.db import outbox
from tests.integration.interactions.house import NOON, House, person, stamp
from tests.integration.interactions.portal_parts import (
    CALL,
    ask,
    ask_another_time,
    asked,
    close,
    got,
    listed,
    meet,
    read,
    reply,
)
from tests.integration.serving import refused

PLANNED = portal_pb2.MY_APPOINTMENT_STATE_PLANNED
CANCELLED = portal_pb2.MY_APPOINTMENT_STATE_CANCELLED


async def appointments(house: House, contact: Any, **wanted: Any) -> list[Any]:
    request = pb2.ListMyAppointmentsRequest(**wanted)
    return list((await house.portal(contact.id).ListMyAppointments(request)).appointments)


async def exported(house: House, contact: Any) -> list[Any]:
    stream = house.portal(contact.id).ExportMyData(pb2.ExportMyDataRequest())
    return [json.loads(it) async for some in stream for it in some.lines.splitlines()]


class TestAppointments:
    async def test_calls_and_meetings_come_without_what_colleagues_wrote(
        self, house: House
    ) -> None:
        contact, other = house.contact(), house.contact()
        met = await meet(house, contact)
        called = await meet(house, contact, 300, type=CALL, title="Đòi nợ")
        await meet(house, other)

        found = await appointments(house, contact)

        assert [(it.id, it.title, it.state) for it in found] == [
            (called.id, "", PLANNED),
            (met.id, "", PLANNED),
        ]
        said = b"".join(it.SerializeToString() for it in found).decode(errors="ignore")
        assert [it for it in ("khách khó tính", "Đòi nợ", "Xem căn hộ") if it in said] == []

    async def test_those_that_were_are_asked_for_apart(self, house: House) -> None:
        contact = house.contact()
        old = await house.plan(contact.id, title="Gặp", type=4)
        new = await meet(house, contact)

        assert [it.id for it in await appointments(house, contact)] == [new.id]
        assert [it.id for it in await appointments(house, contact, past=True)] == [old.id]

    async def test_one_that_runs_is_to_come_and_one_that_is_over_or_off_is_not(
        self, house: House
    ) -> None:
        contact = house.contact()
        running = await meet(house, contact, -10)
        over = await meet(house, contact, -600)
        off = await meet(house, contact)
        cancel = follow_up_service_pb2.CancelFollowUpRequest(id=off.id)
        await house.follow_ups().CancelFollowUp(cancel)

        assert [it.id for it in await appointments(house, contact)] == [running.id]
        past = await appointments(house, contact, past=True)
        assert [it.id for it in past] == [off.id, over.id]

    async def test_calls_that_are_planned_for_colleagues_are_none(self, house: House) -> None:
        contact = house.contact()
        called = await meet(house, contact, 60, type=CALL)
        async with house.sessions.begin() as session:
            await session.execute(
                text("UPDATE follow_ups SET batch_id = gen_random_uuid() WHERE id = :id"),
                {"id": called.id},
            )

        assert await appointments(house, contact) == []
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            request = pb2.GetMyAppointmentRequest(id=called.id)
            await house.portal(contact.id).GetMyAppointment(request)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await ask_another_time(house, contact, called.id)

    async def test_they_come_in_pages(self, house: House) -> None:
        contact = house.contact()
        made = [(await meet(house, contact, minutes)).id for minutes in (60, 120, 180)]
        portal = house.portal(contact.id)

        first = await portal.ListMyAppointments(pb2.ListMyAppointmentsRequest(page_size=2))
        rest = await portal.ListMyAppointments(
            pb2.ListMyAppointmentsRequest(page_size=2, page_token=first.next_page_token)
        )

        assert [it.id for it in (*first.appointments, *rest.appointments)] == made
        assert rest.next_page_token == ""

    async def test_a_page_of_one_customer_is_none_of_another(self, house: House) -> None:
        contact, other = house.contact(), house.contact()
        for minutes in (60, 120):
            await meet(house, contact, minutes)
        portal = house.portal(contact.id)
        first = await portal.ListMyAppointments(pb2.ListMyAppointmentsRequest(page_size=1))

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await appointments(house, other, page_size=1, page_token=first.next_page_token)


class TestAnotherTime:
    async def test_it_is_a_request_and_the_assignees_are_told(self, house: House) -> None:
        lan, binh = person("own"), person("own")
        contact = house.contact(lan.subject)
        planned = await meet(house, contact, assignee_ids=[binh.subject])

        made = await ask_another_time(house, contact, planned.id)

        assert (made.kind, made.appointment_id) == (
            request_pb2.REQUEST_KIND_APPOINTMENT,
            planned.id,
        )
        kept = await got(house, made.id, binh)
        assert (list(kept.assignee_ids), kept.follow_up_id) == ([binh.subject], planned.id)
        (one,) = await appointments(house, contact)
        assert one.request_id == made.id

    async def test_asked_again_it_is_a_reply_until_it_is_closed(self, house: House) -> None:
        contact = house.contact()
        planned = await meet(house, contact)
        first = await ask_another_time(house, contact, planned.id)

        again = await ask_another_time(house, contact, planned.id)
        await close(house, first.id)
        new = await ask_another_time(house, contact, planned.id)

        assert (again.id, len(again.replies)) == (first.id, 1)
        assert new.id != first.id

    async def test_of_what_is_over_it_is_refused(self, house: House) -> None:
        contact = house.contact()
        planned = await meet(house, contact)
        cancel = follow_up_service_pb2.CancelFollowUpRequest(id=planned.id)
        await house.follow_ups().CancelFollowUp(cancel)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await ask_another_time(house, contact, planned.id)
        (one,) = await appointments(house, contact, past=True)
        assert one.state == CANCELLED


class TestErasure:
    async def test_it_is_a_request_of_its_kind_and_once(self, house: House) -> None:
        lan = person("own")
        contact = house.contact(lan.subject)
        portal = house.portal(contact.id)

        first = await portal.AskForErasure(pb2.AskForErasureRequest(text="xin xóa"))
        again = await portal.AskForErasure(pb2.AskForErasureRequest())

        assert (first.kind, again.id) == (request_pb2.REQUEST_KIND_ERASURE, first.id)
        wanted = [request_pb2.REQUEST_KIND_ERASURE]
        assert await listed(house, lan, kinds=wanted) == [first.id]

    async def test_who_asked_much_may_ask_for_it(self, house: House) -> None:
        contact = house.contact()
        for _ in range(20):
            await ask(house, contact)

        made = await house.portal(contact.id).AskForErasure(pb2.AskForErasureRequest())

        assert made.kind == request_pb2.REQUEST_KIND_ERASURE


class TestAnothersThings:
    @pytest.fixture
    async def theirs(self, house: House) -> dict[str, str]:
        other = house.contact()
        return {
            "appointment": (await meet(house, other)).id,
            "request": (await ask(house, other)).id,
        }

    async def test_they_are_as_what_is_not_there(
        self, house: House, theirs: dict[str, str]
    ) -> None:
        me = house.contact()
        portal = house.portal(me.id)
        calls: dict[str, list[tuple[Any, Any]]] = {
            "appointment": [
                (portal.GetMyAppointment, pb2.GetMyAppointmentRequest),
                (portal.AskForAnotherTime, pb2.AskForAnotherTimeRequest),
            ],
            "request": [
                (portal.GetMyRequest, pb2.GetMyRequestRequest),
                (portal.ReplyToMyRequest, pb2.ReplyToMyRequestRequest),
            ],
        }
        for kind, some in calls.items():
            for call, request in some:
                typed = {"text": "x"} if "text" in request.DESCRIPTOR.fields_by_name else {}
                said = []
                for wanted in (theirs[kind], str(uuid4())):
                    with refused(errors.NotFound, "RESOURCE_MISSING") as refusal:
                        await call(request(id=wanted, **typed))
                    said.append(str(refusal.error).replace(wanted, ""))
                assert said[0] == said[1]

    async def test_lists_have_none_of_them(self, house: House, theirs: dict[str, str]) -> None:
        me = house.contact()
        await ask(house, me, subject="của tôi")

        assert await asked(house, me) == ["của tôi"]
        assert await appointments(house, me) == []

    async def test_a_message_to_many_is_no_appointment_of_anybody(self, house: House) -> None:
        me = house.contact()
        mail = await house.plan(me.id, title="Thư", type=3, start_time=stamp(NOON))

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.portal(me.id).GetMyAppointment(pb2.GetMyAppointmentRequest(id=mail.id))

    async def test_an_id_that_is_none_is_as_what_is_not_there(self, house: House) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await read(house, house.contact(), "không phải id")


class TestExport:
    async def test_it_has_what_is_ones_own_and_nothing_internal(self, house: House) -> None:
        me, other = house.contact(), house.contact()
        mine, _ = await meet(house, me), await meet(house, other, title="của người khác")
        made = await ask(house, me)
        await reply(house, me, made.id)
        call = interaction_pb2.Interaction(
            contact_id=me.id,
            kind=interaction_pb2.INTERACTION_KIND_CALL,
            direction=interaction_pb2.INTERACTION_DIRECTION_OUTBOUND,
            result=interaction_pb2.INTERACTION_RESULT_REACHED,
            start_time=stamp(NOON),
            text="nội bộ",
        )
        await house.interactions().CreateInteraction(
            interaction_service_pb2.CreateInteractionRequest(interaction=call)
        )

        taken = await exported(house, me)

        assert [it["what"] for it in taken] == ["appointment", "interaction", "request"]
        assert (taken[0]["id"], taken[2]["replies"][0]["text"]) == (mine.id, "Vẫn kêu")
        text = json.dumps(taken, ensure_ascii=False)
        assert [it for it in ("khách khó tính", "nội bộ", "của người khác") if it in text] == []

    async def test_it_leaves_an_entry_in_the_audit_log(self, house: House) -> None:
        me = house.contact()
        await exported(house, me)

        async with house.sessions.begin() as session:
            rows = await outbox.take(session, outbox.Class.AUDIT, 100)
        assert [it.key for it in rows] == [f"contact/{me.id}"]
