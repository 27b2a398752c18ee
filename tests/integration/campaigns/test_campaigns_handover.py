"""Hand-over: who is with a notifier, as the region's cursor tells and not their rows."""

from datetime import UTC, timedelta
from uuid import UUID

import pytest
from crm.campaigns.v1 import run_pb2
from crm.campaigns.v1 import run_service_pb2 as pb
from crm.notifier.v1 import work_pb2
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from chassis.db import failures
from services.campaigns.messages import work
from services.campaigns.storage import chunks, plans
from services.campaigns.usecases import handover, progress
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House, member


async def hand_over(house: House, run: run_pb2.Run, backlog: int) -> list[handover.Chunk]:
    """Make the next chunks of a run."""
    async with house.sessions.begin() as session:
        return await handover.hand_over(session, UUID(run.id), backlog=backlog)


async def listed(
    house: House, run: run_pb2.Run, state: run_pb2.RecipientState.ValueType
) -> list[run_pb2.Recipient]:
    """Return all recipients of a run in a state."""
    request = pb.ListRecipientsRequest(run_id=run.id, states=[state], page_size=300)
    found: list[run_pb2.Recipient] = []
    while True:
        page = await house.runs.ListRecipients(request)
        found += page.recipients
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def people(chunk: handover.Chunk) -> list[bytes]:
    """Return the message ids of a chunk."""
    return desks.ids(work_pb2.Chunk.FromString(chunk.payload))


class TestHandOver:
    async def test_whom_it_passed_is_handed_over_and_the_others_wait(self, house: House) -> None:
        run = await house.planned([member(n, region="sg") for n in range(1, 1_202)])

        await hand_over(house, run, backlog=1)

        counts = (await house.get(run)).counts
        waiting = await listed(house, run, run_pb2.RECIPIENT_STATE_PLANNED)
        given = await listed(house, run, run_pb2.RECIPIENT_STATE_HANDED_OVER)
        assert (counts.waiting, counts.handed_over) == (701, 500)
        assert (len(waiting), len(given)) == (701, 500)
        assert {each.state for each in given} == {run_pb2.RECIPIENT_STATE_HANDED_OVER}
        assert not {each.contact_id for each in waiting} & {each.contact_id for each in given}
        ((made,),) = await house.rows("SELECT hand_time FROM chunks WHERE epoch > 0")
        assert {each.update_time.ToDatetime(UTC) for each in given} == {made}

    async def test_every_region_gets_its_own_and_each_person_once(self, house: House) -> None:
        regions = ["vn" if n % 7 else "sg" for n in range(1, 1_801)]
        run = await house.planned([member(n, region=at) for n, at in enumerate(regions, 1)])

        made = [each for _ in range(3) for each in await hand_over(house, run, backlog=100)]

        there: dict[str, list[bytes]] = {"vn": [], "sg": []}
        for chunk in made:
            there[chunk.region] += people(chunk)
        assert [len(set(each)) for each in there.values()] == [1_543, 257]
        assert [len(each) for each in there.values()] == [1_543, 257]
        assert (await house.get(run)).counts.handed_over == 1_800
        assert await house.rows("SELECT DISTINCT handed_to FROM run_regions") == [(1_800,)]

    async def test_a_chunk_stays_below_512_kib(self, house: House) -> None:
        values = ["ạ" * 200] * 12
        run = await house.planned([member(n, values=values) for n in range(1, 201)])

        made = await hand_over(house, run, backlog=100)

        assert [len(each.payload) <= work.MAX_BYTES for each in made] == [True] * 3
        assert sum(len(people(each)) for each in made) == 200

    async def test_somebody_told_of_before_a_restore_is_not_handed_over_again(
        self, house: House
    ) -> None:
        run = await house.planned([member(n) for n in range(1, 4)])
        ((first,),) = await house.rows("SELECT message_id FROM recipients WHERE ordinal = 1")
        report = desks.report(run, [first.bytes], desks.ACCEPTED)  # type: ignore[attr-defined]
        async with house.sessions.begin() as session:
            await progress.apply(session, [work.report(report.SerializeToString())])

        (chunk,) = await hand_over(house, run, backlog=1)

        counts = (await house.get(run)).counts
        assert (counts.accepted, counts.handed_over, counts.waiting) == (1, 2, 0)
        assert len(people(chunk)) == 2
        assert first.bytes not in people(chunk)  # type: ignore[attr-defined]
        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE chunks SET due_at = now()"))
            _, (silent,) = await chunks.claim_due(session, 5, timedelta(seconds=30))
            again = await handover.again(session, silent)
        assert again is not None
        assert people(again) == people(chunk)

        # Whoever is told of between the look at what is due and the publishing.
        report = desks.report(run, people(chunk), desks.ACCEPTED)
        async with house.sessions.begin() as session:
            await progress.apply(session, [work.report(report.SerializeToString())])
            assert await handover.again(session, silent) is None

    async def test_no_index_names_a_column_that_changes(self, house: House) -> None:
        indexes = await house.rows(
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'recipients' ORDER BY indexname"
        )

        assert len(indexes) == 3
        for column in ("state", "reason", "revision", "update_time", "before"):
            assert not [it for (it,) in indexes if column in str(it)]


class TestStatementsByIndex:
    async def test_a_database_that_goes_away_is_told_from_a_bug(self, house: House) -> None:
        with pytest.raises(DBAPIError) as gone:
            async with house.sessions.begin() as session:
                await plans.by_index(session, "SELECT pg_terminate_backend(pg_backend_pid())", {})

        assert failures.is_away(gone.value)
        assert await house.rows("SELECT 1") == [(1,)]

    async def test_a_refusal_keeps_its_kind(self, house: House) -> None:
        await house.planned([member(1)])

        with pytest.raises(IntegrityError) as refused:
            async with house.sessions.begin() as session:
                await plans.by_index(session, "UPDATE recipients SET region = NULL", {})

        assert not failures.is_away(refused.value)

    async def test_its_settings_end_with_the_transaction(self, house: House) -> None:
        async with house.sessions.begin() as session:
            inside = await plans.by_index(session, "SHOW enable_seqscan", {})

        assert inside == [("off",)]
        assert await house.rows("SHOW enable_seqscan") == [("on",)]
