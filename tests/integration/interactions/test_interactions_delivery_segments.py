"""Messages of follow-ups to segments, before they go."""

from uuid import uuid4

from crm.interactions.v1 import follow_up_pb2

from tests.integration.interactions.delivery_parts import Sending, cancel, counts
from tests.integration.interactions.house import later

COMPLETED = follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED


class TestSegment:
    async def test_everybody_in_it_at_its_time_gets_it(self, parts: Sending) -> None:
        parts.audiences.segment = [parts.contact(f"s{n}") for n in range(5)]
        planned = await parts.plan(segment_id=str(uuid4()))
        assert (planned.contact_count, counts(planned)) == (0, {})

        assert await parts.resolver().round()
        await parts.courier().round()

        done = await parts.get(planned)
        assert (done.contact_count, counts(done)) == (5, {"handed_over": 5})
        assert sorted(done.contact_ids) == sorted(parts.audiences.segment)
        assert not await parts.resolver().round()
        assert parts.audiences.frozen == {}

    async def test_who_was_cut_off_goes_on_over_the_same_people(self, parts: Sending) -> None:
        parts.audiences.segment = [parts.contact(f"s{n}") for n in range(5)]
        parts.audiences.batch, parts.audiences.breaks_after = 2, 1
        planned = await parts.plan(segment_id=str(uuid4()))
        await parts.resolver(retry_seconds=0.001).round()
        first = await parts.get(planned)
        assert (first.contact_count, counts(first)) == (2, {"waiting": 2})
        before = list(parts.audiences.segment)
        parts.audiences.segment = [parts.contact("khac")]
        parts.audiences.breaks_after = 0
        await parts.sql("SELECT pg_sleep(0.01)")

        await parts.resolver().round()

        done = await parts.get(planned)
        assert (done.contact_count, counts(done)) == (5, {"waiting": 5})
        assert sorted(done.contact_ids) == sorted(before)

    async def test_it_is_not_completed_before_all_are_there(self, parts: Sending) -> None:
        parts.audiences.segment = [parts.contact(f"s{n}") for n in range(4)]
        parts.audiences.batch, parts.audiences.breaks_after = 2, 1
        planned = await parts.plan(segment_id=str(uuid4()))
        await parts.resolver().round()
        parts.leads.contacts.clear()

        await parts.courier().round()

        half = await parts.get(planned)
        assert (half.status, counts(half)) == (follow_up_pb2.FOLLOW_UP_STATUS_OPEN, {"skipped": 2})

    async def test_an_empty_one_is_completed(self, parts: Sending) -> None:
        planned = await parts.plan(segment_id=str(uuid4()))

        await parts.resolver().round()

        done = await parts.get(planned)
        assert (done.status, done.contact_count) == (COMPLETED, 0)

    async def test_a_cancelled_one_is_resolved_no_more(self, parts: Sending) -> None:
        parts.audiences.segment = [parts.contact("an")]
        planned = await parts.plan(segment_id=str(uuid4()), start_time=later(-1))
        await cancel(parts, planned)

        assert not await parts.resolver().round()
        assert await parts.deliveries(planned) == {}
