"""The file of an invitation: what it says, and who may have it."""

from datetime import UTC, datetime
from typing import Any

from crm.interactions.v1 import calendar_service_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_service

from chassis import errors
from tests.integration.interactions.feed_parts import CALL, MEETING, events_of
from tests.integration.interactions.house import SERVICE, person, stamp
from tests.integration.serving import refused


class TestInvitation:
    async def invite(self, house: Any, follow_up_id: str, who: Any = SERVICE, **more: Any) -> Any:
        given = {"organizer_email": "lan@mekong.example", **more}
        request = calendar_service_pb2.GetInvitationRequest(id=follow_up_id, **given)
        return await house.calendar(who).GetInvitation(request)

    async def test_it_invites_to_the_meeting(self, house: Any) -> None:
        start = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        made = await house.plan(
            house.contact().id,
            title="Họp",
            type=MEETING,
            start_time=stamp(start),
            description="Ở đây",
        )

        told = await self.invite(
            house,
            made.id,
            organizer_name='Lan "Nguyễn"; X',
            attendee_emails=["a@b.vn", "a@b.vn", "c@d.vn"],
        )

        (event,) = events_of(told.ics)
        assert told.method == "REQUEST"
        assert "\r\nMETHOD:REQUEST\r\n" in told.ics
        assert event["UID"] == f"{made.id}@follow-ups.mekong"
        assert event["DTSTART"].dt == start
        assert (event["SUMMARY"], event["DESCRIPTION"]) == ("Họp", "Ở đây")
        assert event["ORGANIZER"] == "mailto:lan@mekong.example"
        assert [str(it) for it in event["ATTENDEE"]] == ["mailto:a@b.vn", "mailto:c@d.vn"]
        assert {it.params["PARTSTAT"] for it in event["ATTENDEE"]} == {"NEEDS-ACTION"}
        assert event["SEQUENCE"] == 1

    async def test_a_cancelled_meeting_is_called_off(self, house: Any) -> None:
        made = await house.plan(house.contact().id, type=MEETING)
        cancel = follow_up_service.CancelFollowUpRequest(id=made.id)
        await house.follow_ups().CancelFollowUp(cancel)

        told = await self.invite(house, made.id, attendee_emails=["a@b.vn"])

        (event,) = events_of(told.ics)
        assert told.method == "CANCEL"
        assert (event["STATUS"], event["SEQUENCE"]) == ("CANCELLED", 2)

    async def test_nobody_is_invited_to_a_call(self, house: Any) -> None:
        made = await house.plan(house.contact().id, type=CALL)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await self.invite(house, made.id)

    async def test_a_meeting_out_of_reach_is_none(self, house: Any) -> None:
        made = await house.plan(house.contact().id, type=MEETING)

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await self.invite(house, made.id, person("own"))

    async def test_addresses_that_are_none_are_named(self, house: Any) -> None:
        made = await house.plan(house.contact().id, type=MEETING)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await self.invite(
                house,
                made.id,
                organizer_email="",
                organizer_name="x" * 201,
                attendee_emails=["a@b.vn", "a@b.vn\r\nATTENDEE:x", "@"],
            )
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as many:
            await self.invite(house, made.id, attendee_emails=["a@b.vn"] * 51)

        wrong = {"organizer_email", "organizer_name", "attendee_emails[1]", "attendee_emails[2]"}
        assert set(refusal.fields()) == wrong
        assert many.fields() == ["attendee_emails"]
