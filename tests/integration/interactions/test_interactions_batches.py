"""Calls for many: one follow-up for each contact, made by a worker, each once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import follow_up_batch_pb2, follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1 import follow_up_batch_service_pb2 as pb2

from chassis import errors
from services.interactions.storage import batches
from services.interactions.usecases import batches as usecases
from services.interactions.workers import batching
from tests.integration.interactions.delivery_parts import Sending
from tests.integration.interactions.house import SERVICE, later, person
from tests.integration.serving import refused

CALL = follow_up_pb2.FOLLOW_UP_TYPE_CALL
RUNNING = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_RUNNING
COMPLETED = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_COMPLETED
CANCELLED = follow_up_batch_pb2.FOLLOW_UP_BATCH_STATE_CANCELLED
LEASE = timedelta(minutes=1)


async def make(parts: Sending, *contacts: str, who: Any = SERVICE, **more: Any) -> Any:
    given = {"title": "Gọi chăm sóc", "type": CALL, "start_time": later(60), **more}
    batch = follow_up_batch_pb2.FollowUpBatch(contact_ids=contacts, **given)
    request = pb2.CreateFollowUpBatchRequest(follow_up_batch=batch)
    return await parts.batches(who).CreateFollowUpBatch(request)


async def get(parts: Sending, made: Any) -> Any:
    return await parts.batches().GetFollowUpBatch(pb2.GetFollowUpBatchRequest(id=made.id))


async def made_by(parts: Sending, made: Any) -> dict[str, list[str]]:
    """Assignees of each contact's follow-up."""
    request = follow_up_service_pb2.ListFollowUpsRequest(batch_id=made.id)
    listed = (await parts.follow_ups().ListFollowUps(request)).follow_ups
    assert len({it.contact_ids[0] for it in listed}) == len(listed)
    return {it.contact_ids[0]: list(it.assignee_ids) for it in listed}


def told(batch: Any) -> tuple[Any, int, int, int]:
    return batch.state, batch.contact_count, batch.made_count, batch.left_out_count


class TestList:
    async def test_each_is_for_the_owner_of_its_contact_or_for_those_named(
        self, parts: Sending
    ) -> None:
        first, second, named = (str(uuid4()) for _ in range(3))
        an, ba = parts.contact(owner_ids=[first, second]), parts.contact(owner_ids=[second])
        alone, gone = parts.contact(), parts.contact()
        await parts.plan(parts.contact())  # of no batch

        made = await make(parts, an, ba, alone, gone, assign_to_owner=True, assignee_ids=[named])
        assert told(made) == (RUNNING, 4, 0, 0)
        await parts.sql("UPDATE contacts SET deleted = true WHERE id = :id", id=UUID(gone))
        assert await parts.maker().round()

        assert told(await get(parts, made)) == (COMPLETED, 4, 3, 1)
        assert await made_by(parts, made) == {an: [first], ba: [second], alone: [named]}
        waiting = await parts.sql("SELECT id FROM contacts WHERE next_follow_up_id IS NOT NULL")
        assert {it.id for it in waiting} >= {UUID(an), UUID(ba), UUID(alone)}
        assert not await parts.maker().round()

    async def test_a_cancelled_one_makes_no_more(self, parts: Sending) -> None:
        made = await make(parts, parts.contact())

        await parts.batches().CancelFollowUpBatch(pb2.CancelFollowUpBatchRequest(id=made.id))

        assert not await parts.maker().round()
        assert told(await get(parts, made)) == (CANCELLED, 1, 0, 0)


class TestSegment:
    async def test_who_is_cut_off_goes_on_over_the_same_people_each_once(
        self, parts: Sending
    ) -> None:
        parts.audiences.segment = people = sorted(parts.contact() for _ in range(5))
        parts.audiences.batch, parts.audiences.breaks_after = 2, 1
        made = await make(parts, segment_id=str(uuid4()), assignee_ids=[str(uuid4())])
        await parts.maker(retry_seconds=0.001).round()
        assert told(await get(parts, made)) == (RUNNING, 5, 2, 0)
        parts.audiences.segment, parts.audiences.breaks_after = [parts.contact()], 0
        await parts.sql("UPDATE follow_up_batches SET try_time = now()")

        both = await asyncio.gather(parts.maker().round(), parts.maker().round())

        assert sorted(both) == [False, True]
        assert told(await get(parts, made)) == (COMPLETED, 5, 5, 0)
        assert sorted(await made_by(parts, made)) == people
        assert parts.audiences.frozen == {}

    async def test_a_stalled_one_makes_nothing_after_another_took_over(
        self, parts: Sending
    ) -> None:
        contact = parts.contact()
        made = await make(parts, contact)
        async with parts.sessions.begin() as session:
            stalled = await batches.claim(session, LEASE)
        await parts.sql("UPDATE follow_up_batches SET try_time = now()")
        assert await parts.maker().round()

        assert stalled is not None
        async with parts.sessions.begin() as session:
            assert not await usecases.make(session, stalled, [UUID(contact)], 1, LEASE)

        assert list(await made_by(parts, made)) == [contact]

    async def test_a_kill_before_the_commit_loses_and_doubles_nothing(
        self, parts: Sending, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        contacts = sorted(parts.contact() for _ in range(3))
        monkeypatch.setattr(batching, "PAGE", 2)
        made = await make(parts, *contacts)
        whole = usecases.make

        async def killed(*given: Any) -> bool:
            await whole(*given)
            if given[3] == 3:
                raise asyncio.CancelledError
            return True

        with monkeypatch.context() as patch:
            patch.setattr(usecases, "make", killed)
            with pytest.raises(asyncio.CancelledError):
                await parts.maker().round()
        assert told(await get(parts, made)) == (RUNNING, 3, 2, 0)
        await parts.sql("UPDATE follow_up_batches SET try_time = now()")

        await parts.maker().round()

        assert told(await get(parts, made)) == (COMPLETED, 3, 3, 0)
        assert sorted(await made_by(parts, made)) == contacts


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"title": ""}, "title"),
            ({"type": 0}, "type"),
            ({"contact_ids": []}, "contact_ids"),
            ({"contact_ids": ["x"]}, "contact_ids[0]"),
            ({"contact_ids": [str(uuid4())]}, "contact_ids[0]"),
            ({"segment_id": str(uuid4())}, "segment_id"),
            ({"end_time": later(0)}, "end_time"),
            ({"assignee_ids": ["x"]}, "assignee_ids[0]"),
        ],
    )
    async def test_bad_fields_are_named_and_nothing_is_made(
        self, parts: Sending, change: dict[str, Any], field: str
    ) -> None:
        given = {"contact_ids": [parts.contact()], **change}

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await make(parts, *given.pop("contact_ids"), **given)

        assert f"follow_up_batch.{field}" in refusal.fields()
        assert await parts.sql("SELECT FROM follow_up_batches") == []

    async def test_others_neither_see_nor_cancel_it(self, parts: Sending) -> None:
        made = await make(parts, parts.contact())
        other = parts.batches(person("own"))

        for call in (
            other.GetFollowUpBatch(pb2.GetFollowUpBatchRequest(id=made.id)),
            other.CancelFollowUpBatch(pb2.CancelFollowUpBatchRequest(id=made.id)),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call
        listed = await other.ListFollowUpBatches(pb2.ListFollowUpBatchesRequest())
        assert list(listed.follow_up_batches) == []
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await make(parts, who=person("own"), segment_id=str(uuid4()))

    async def test_none_becomes_a_second_one_of_a_contact(self, parts: Sending) -> None:
        first, second = sorted(parts.contact() for _ in range(2))
        made = await make(parts, first, second)
        await parts.maker().round()
        listed = await parts.follow_ups().ListFollowUps(
            follow_up_service_pb2.ListFollowUpsRequest(batch_id=made.id)
        )
        one = next(it for it in listed.follow_ups if it.contact_ids == [first])

        def to(contact: str) -> Any:
            changed = follow_up_pb2.FollowUp(id=one.id, contact_ids=[contact])
            request = follow_up_service_pb2.UpdateFollowUpRequest(follow_up=changed)
            return parts.follow_ups().UpdateFollowUp(request)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await to(second)

        assert refusal.fields() == ["follow_up.contact_ids"]
        other = parts.contact()
        assert (await to(other)).contact_ids == [other]
