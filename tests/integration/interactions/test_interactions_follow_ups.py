"""Follow-ups: planning, seeing, changing, closing, and the hour that opens them."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import follow_up_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.interactions.v1.follow_up_pb2 import FollowUp
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from chassis import errors
from services.interactions import workers
from tests.integration.interactions.house import NOON, later, person, stamp
from tests.integration.serving import refused

SCHEDULED, OPEN = follow_up_pb2.FOLLOW_UP_STATUS_SCHEDULED, follow_up_pb2.FOLLOW_UP_STATUS_OPEN
CALL, SMS = follow_up_pb2.FOLLOW_UP_TYPE_CALL, follow_up_pb2.FOLLOW_UP_TYPE_SMS
COMPLETED = follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED
CANCELLED = follow_up_pb2.FOLLOW_UP_STATUS_CANCELLED


async def subjects(house: Any) -> list[str]:
    async with house.sessions.begin() as session:
        query = text("SELECT subject FROM outbox WHERE class = 'facts' ORDER BY id")
        found = (await session.execute(query)).scalars()
        return [subject.rpartition(".")[2] for subject in found]


async def get(house: Any, follow_up_id: str) -> Any:
    return await house.follow_ups().GetFollowUp(pb2.GetFollowUpRequest(id=follow_up_id))


async def update(house: Any, change: FollowUp, *paths: str, who: Any = None) -> Any:
    request = pb2.UpdateFollowUpRequest(follow_up=change, update_mask=FieldMask(paths=paths))
    return await house.follow_ups(who or person()).UpdateFollowUp(request)


class TestCreate:
    async def test_what_was_not_said_is_filled_in(self, house: Any) -> None:
        me = person(team=str(uuid4()))

        made = await house.plan(house.contact().id, me, start_time=later(60))

        assert (made.status, made.revision, made.etag) == (SCHEDULED, 1, "1")
        assert list(made.assignee_ids) == [me.subject]
        assert (made.creator_id, made.team_id) == (me.subject, me.team_id)
        assert made.end_time.seconds - made.start_time.seconds == 30 * 60
        assert made.time_zone == "Asia/Ho_Chi_Minh"
        assert await get(house, made.id) == made
        assert await subjects(house) == ["FollowUpCreated"]

    async def test_one_whose_time_has_come_is_open_at_once(self, house: Any) -> None:
        made = await house.plan(house.contact().id, start_time=later(-1))

        assert made.status == OPEN

    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.plan(
                str(uuid4()),
                title=" ",
                type=0,
                end_time=stamp(NOON - timedelta(minutes=1)),
                time_zone="Mars/Olympus",
                assignee_ids=["nobody"],
                team_id="x",
                description="d" * 4001,
            )

        assert set(refusal.fields()) == {
            "follow_up.title",
            "follow_up.type",
            "follow_up.end_time",
            "follow_up.time_zone",
            "follow_up.assignee_ids[0]",
            "follow_up.team_id",
            "follow_up.description",
            "follow_up.contact_ids[0]",
        }

    async def test_one_contact_and_a_start_are_needed(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            request = pb2.CreateFollowUpRequest(follow_up=FollowUp(title="t", type=CALL))
            await house.follow_ups().CreateFollowUp(request)

        assert set(refusal.fields()) == {"follow_up.contact_ids", "follow_up.start_time"}

    async def test_a_contact_of_others_is_no_contact(self, house: Any) -> None:
        mine, others = person("own"), house.contact(str(uuid4()))

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.plan(others.id, mine)

        assert refusal.fields() == ["follow_up.contact_ids[0]"]
        assert house.leads.asked_for == [mine.subject]
        assert (await house.plan(house.contact(mine.subject).id, mine)).id

    async def test_a_contact_nobody_told_of_needs_leads(self, house: Any) -> None:
        house.leads.away = True

        with refused(errors.Unavailable, "PEER_UNAVAILABLE"):
            await house.plan(house.contact().id)

    async def test_the_same_request_id_plans_once(self, house: Any) -> None:
        planned = FollowUp(
            title="t", type=SMS, contact_ids=[house.contact().id], start_time=stamp(NOON)
        )
        request = pb2.CreateFollowUpRequest(follow_up=planned, request_id="r1")

        stub = house.follow_ups()
        answers = await asyncio.gather(*(stub.CreateFollowUp(request) for _ in range(4)))

        assert len({answer.id for answer in answers}) == 1

    async def test_it_needs_the_right(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.plan(house.contact().id, person(follow_ups="none"))


class TestUpdate:
    async def test_a_moved_one_keeps_its_length_and_waits_again(self, house: Any) -> None:
        made = await house.plan(house.contact().id, start_time=later(-60), end_time=later(-15))
        length = made.end_time.seconds - made.start_time.seconds

        moved = await update(house, FollowUp(id=made.id, start_time=later(60)), "start_time")

        assert (made.status, moved.status, moved.revision) == (OPEN, SCHEDULED, 2)
        assert moved.end_time.seconds - moved.start_time.seconds == length
        assert moved.title == made.title
        assert await subjects(house) == ["FollowUpCreated", "FollowUpUpdated"]

    async def test_an_end_before_the_start_is_refused(self, house: Any) -> None:
        made = await house.plan(house.contact().id)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            change = FollowUp(id=made.id, end_time=stamp(NOON - timedelta(hours=1)))
            await update(house, change, "end_time")

        assert refusal.fields() == ["follow_up.end_time"]

    async def test_a_stale_etag_is_aborted(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        await update(house, FollowUp(id=made.id, title="one"), "title")

        with refused(errors.Aborted, "ETAG_STALE") as refusal:
            await update(house, FollowUp(id=made.id, etag="1", title="two"), "title")

        assert refusal.error.metadata == {"resource": "follow_up", "id": made.id, "etag": "2"}

    async def test_a_status_cannot_be_set_by_hand(self, house: Any) -> None:
        made = await house.plan(house.contact().id)

        with refused(errors.InvalidArgument, "UPDATE_MASK_INVALID"):
            await update(house, FollowUp(id=made.id, status=COMPLETED), "status")

    async def test_an_unknown_one_is_missing(self, house: Any) -> None:
        for unknown in (str(uuid4()), "x"):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await update(house, FollowUp(id=unknown, title="t"), "title")


class TestClose:
    async def test_completing_keeps_the_outcome_and_closes_for_good(self, house: Any) -> None:
        made = await house.plan(house.contact().id)
        request = pb2.CompleteFollowUpRequest(id=made.id, outcome="Sẽ mua", etag="1")

        done = await house.follow_ups().CompleteFollowUp(request)

        assert (done.status, done.outcome, done.revision) == (COMPLETED, "Sẽ mua", 2)
        assert done.HasField("close_time")
        assert await house.follow_ups().CompleteFollowUp(request) == done
        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await house.follow_ups().CancelFollowUp(pb2.CancelFollowUpRequest(id=made.id))
        assert refusal.error.metadata["state"] == "completed"
        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await update(house, FollowUp(id=made.id, title="t"), "title")

    async def test_an_outcome_is_required(self, house: Any) -> None:
        made = await house.plan(house.contact().id)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.follow_ups().CompleteFollowUp(pb2.CompleteFollowUpRequest(id=made.id))

        assert refusal.fields() == ["outcome"]

    async def test_a_cancelled_one_never_opens(self, house: Any) -> None:
        made = await house.plan(house.contact().id, start_time=later(60))
        request = pb2.CancelFollowUpRequest(id=made.id, reason="đổi ý")

        gone = await house.follow_ups().CancelFollowUp(request)
        await past(house)

        assert (gone.status, gone.outcome) == (CANCELLED, "đổi ý")
        assert await workers.open_batch(house.sessions) == 0


class TestDelete:
    async def test_it_is_gone_and_told_with_a_greater_revision(self, house: Any) -> None:
        made = await house.plan(house.contact().id)

        await house.follow_ups().DeleteFollowUp(pb2.DeleteFollowUpRequest(id=made.id, etag="1"))

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await get(house, made.id)
        async with house.sessions.begin() as session:
            query = text("SELECT revision FROM outbox WHERE subject LIKE '%FollowUpDeleted'")
            assert await session.scalar(query) == 2


async def past(house: Any) -> None:
    """Makes the time of everything planned come."""
    async with house.sessions.begin() as session:
        statement = "UPDATE follow_ups SET start_time = now() - interval '1 second'"
        await session.execute(text(statement))


class TestOpening:
    async def test_each_due_one_is_opened_once_by_workers_that_share(self, house: Any) -> None:
        contact = house.contact().id
        made = [await house.plan(contact, start_time=later(60)) for _ in range(5)]
        await past(house)
        waiting = await house.plan(contact, start_time=later(60))

        opened = await asyncio.gather(*(workers.open_batch(house.sessions) for _ in range(3)))

        assert sum(opened) == 5
        assert {(await get(house, each.id)).revision for each in made} == {2}
        assert (await get(house, waiting.id)).status == SCHEDULED
        assert (await subjects(house)).count("FollowUpUpdated") == 5
