"""The log of calls, visits, letters and web contacts, and the next step planned with them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import follow_up_pb2, interaction_pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb2s
from crm.interactions.v1 import interaction_service_pb2 as pb2
from crm.interactions.v1.follow_up_pb2 import FollowUp
from crm.interactions.v1.interaction_pb2 import Interaction
from google.protobuf.duration_pb2 import Duration
from sqlalchemy import text

from chassis import errors
from tests.integration.interactions.house import NOON, later, person, stamp
from tests.integration.interactions.story_parts import story
from tests.integration.serving import refused

CALL, WEB = interaction_pb2.INTERACTION_KIND_CALL, interaction_pb2.INTERACTION_KIND_WEB
INBOUND = interaction_pb2.INTERACTION_DIRECTION_INBOUND
MEETING = follow_up_pb2.FOLLOW_UP_TYPE_MEETING
COMPLETED = follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED


async def log(house: Any, contact: str, who: Any = None, step: Any = None, **more: Any) -> Any:
    asked = pb2.CreateInteractionRequest(
        interaction=Interaction(contact_id=contact, **{"kind": CALL, **more}),
        next=step,
        request_id=str(uuid4()),
    )
    return await house.interactions(who or person()).CreateInteraction(asked)


async def count(house: Any, table: str) -> int:
    async with house.sessions.begin() as session:
        found: int = await session.scalar(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 (ours)
        return found


class TestCreate:
    async def test_what_was_not_said_is_filled_in(self, house: Any) -> None:
        me, contact = person(), house.contact()

        made = await log(house, contact.id, me, text=" hẹn lại ")

        assert (made.author_id, made.text, made.revision) == (me.subject, "hẹn lại", 1)
        assert made.direction == interaction_pb2.INTERACTION_DIRECTION_OUTBOUND
        assert made.result == interaction_pb2.INTERACTION_RESULT_REACHED
        assert made.start_time == made.create_time
        got = await house.interactions(me).GetInteraction(pb2.GetInteractionRequest(id=made.id))
        assert got == made
        async with house.sessions.begin() as session:
            query = text("SELECT subject FROM outbox WHERE class = 'facts'")
            subjects = list(await session.scalars(query))
        assert subjects == ["crm.interactions.v1.InteractionLogged"]

    async def test_it_is_a_line_of_the_story(self, house: Any) -> None:
        contact = house.contact()
        took = {"duration": Duration(seconds=95), "direction": INBOUND, "text": "hỏi giá"}
        made = await log(house, contact.id, kind=WEB, start_time=stamp(NOON), **took)

        (entry,) = (await story(house, contact.id)).entries

        assert (entry.kind, entry.resource_id, entry.time) == ("interaction", made.id, stamp(NOON))
        assert dict(entry.details) == {
            "kind": "web",
            "direction": "inbound",
            "result": "reached",
            "seconds": "95",
            "text": "hỏi giá",
        }
        assert not (await story(house, contact.id, person(notes="none"))).entries

    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        step = FollowUp(contact_ids=[str(uuid4())], end_time=stamp(NOON), time_zone="x")
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await log(
                house,
                str(uuid4()),
                step=step,
                kind=0,
                duration=Duration(seconds=-1),
                text="x" * 4_001,
            )

        assert set(refusal.fields()) == {
            "interaction.kind",
            "interaction.duration",
            "interaction.text",
            "interaction.contact_id",
            "next.title",
            "next.type",
            "next.start_time",
            "next.contact_ids",
            "next.time_zone",
        }

    async def test_a_time_to_come_is_refused_and_nothing_is_stored(self, house: Any) -> None:
        step = FollowUp(title="t", type=MEETING, start_time=later(60))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await log(house, house.contact().id, start_time=later(10), step=step)

        assert refusal.fields() == ["interaction.start_time"]
        assert (await count(house, "interactions"), await count(house, "follow_ups")) == (0, 0)

    async def test_a_day_and_a_second_is_no_duration(self, house: Any) -> None:
        for seconds in (86_401, 10**11):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await log(house, house.contact().id, duration=Duration(seconds=seconds))
            assert refusal.fields() == ["interaction.duration"]

    async def test_a_clock_somewhat_ahead_is_forgiven(self, house: Any) -> None:
        made = await log(house, house.contact().id, start_time=later(2))

        assert made.start_time == made.create_time

    async def test_a_contact_of_others_is_no_contact(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await log(house, house.contact(str(uuid4())).id, person("own"))

        assert refusal.fields() == ["interaction.contact_id"]

    async def test_it_needs_the_right_to_write_notes(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await log(house, house.contact().id, person(notes="none"))

    async def test_the_same_request_id_logs_and_plans_once(self, house: Any) -> None:
        asked = pb2.CreateInteractionRequest(
            interaction=Interaction(contact_id=house.contact().id, kind=CALL),
            next=FollowUp(title="t", type=MEETING, start_time=later(60)),
            request_id="r1",
        )
        stub = house.interactions(person())

        first, again = await stub.CreateInteraction(asked), await stub.CreateInteraction(asked)

        assert first == again
        assert (await count(house, "interactions"), await count(house, "follow_ups")) == (1, 1)


class TestNextStep:
    async def test_a_logged_call_plans_the_next_in_the_same_act(self, house: Any) -> None:
        me, contact = person(), house.contact()
        step = FollowUp(title="Gặp lại", type=MEETING, start_time=later(60))

        made = await log(house, contact.id, me, step=step)

        asked = follow_up_pb2s.GetFollowUpRequest(id=made.next_follow_up_id)
        planned = await house.follow_ups(me).GetFollowUp(asked)
        assert (planned.title, list(planned.contact_ids)) == ("Gặp lại", [contact.id])
        assert list(planned.assignee_ids) == [me.subject]

    async def test_planning_needs_the_right_to_write_follow_ups(self, house: Any) -> None:
        step = FollowUp(title="t", type=MEETING, start_time=later(60))
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await log(house, house.contact().id, person(follow_ups="none"), step=step)

        assert await count(house, "interactions") == 0

    async def test_a_completed_one_plans_the_next_once(self, house: Any) -> None:
        me, contact = person(), house.contact()
        made = await house.plan(contact.id, me)
        step = FollowUp(title="Gửi báo giá", type=MEETING, start_time=later(60))
        asked = follow_up_pb2s.CompleteFollowUpRequest(
            id=made.id, outcome="quan tâm", next=step, request_id="r1"
        )

        done = await house.follow_ups(me).CompleteFollowUp(asked)
        again = await house.follow_ups(me).CompleteFollowUp(asked)

        assert (done.status, again) == (COMPLETED, done)
        listed = await house.follow_ups(me).ListFollowUps(follow_up_pb2s.ListFollowUpsRequest())
        assert sorted(it.title for it in listed.follow_ups) == ["Gọi lại", "Gửi báo giá"]

    async def test_the_next_step_of_a_closed_one_is_refused(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        stub = house.follow_ups(person())
        done = follow_up_pb2s.CompleteFollowUpRequest(id=made.id, outcome="xong")
        await stub.CompleteFollowUp(done)

        done.next.CopyFrom(FollowUp(title="t", type=MEETING, start_time=later(60)))
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await stub.CompleteFollowUp(done)

        assert await count(house, "follow_ups") == 1

    async def test_a_bad_next_step_leaves_the_first_open(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        bad = FollowUp(title="t", type=MEETING, start_time=later(9), end_time=later(1))
        asked = follow_up_pb2s.CompleteFollowUpRequest(id=made.id, outcome="xong", next=bad)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.follow_ups(person()).CompleteFollowUp(asked)

        assert refusal.fields() == ["next.end_time"]
        kept = await house.follow_ups().GetFollowUp(follow_up_pb2s.GetFollowUpRequest(id=made.id))
        assert kept == made


class TestDelete:
    async def test_the_author_may_and_what_was_planned_stays(self, house: Any) -> None:
        me = person("own")
        contact = house.contact(me.subject)
        step = FollowUp(title="t", type=MEETING, start_time=later(60))
        made = await log(house, contact.id, me, step=step)

        await house.interactions(me).DeleteInteraction(pb2.DeleteInteractionRequest(id=made.id))

        assert (await count(house, "interactions"), await count(house, "follow_ups")) == (0, 1)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await house.interactions(me).GetInteraction(pb2.GetInteractionRequest(id=made.id))

    async def test_another_with_a_right_over_ones_own_may_not(self, house: Any) -> None:
        me, other = person("own"), person()
        contact = house.contact(me.subject)
        made = await log(house, contact.id, other)

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.interactions(me).DeleteInteraction(pb2.DeleteInteractionRequest(id=made.id))

    async def test_one_of_a_hidden_contact_is_missing(self, house: Any) -> None:
        made = await log(house, house.contact(str(uuid4())).id)

        for wanted in (made.id, "x"):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                asked = pb2.DeleteInteractionRequest(id=wanted)
                await house.interactions(person("own")).DeleteInteraction(asked)

    async def test_a_stale_etag_is_refused(self, house: Any) -> None:
        made = await log(house, house.contact().id, start_time=stamp(NOON - timedelta(days=1)))

        with refused(errors.Aborted, "ETAG_STALE"):
            asked = pb2.DeleteInteractionRequest(id=made.id, etag="9")
            await house.interactions().DeleteInteraction(asked)
