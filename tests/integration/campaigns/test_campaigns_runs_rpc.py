"""RunService, as clients call it."""

import asyncio
import itertools
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2
from crm.campaigns.v1 import run_service_pb2 as pb
from crm.notifier.v1 import message_pb2
from sqlalchemy import text

from chassis import errors
from services.campaigns.messages import work
from services.campaigns.usecases import handover, progress
from services.campaigns.usecases import runs as usecases
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import NOBODY, House, member
from tests.integration.serving import refused

STATES = campaign_pb2.RunState


async def handed_over(house: House, count: int) -> tuple[run_pb2.Run, list[bytes]]:
    """Plan a run and hand all of it over; returns it and its message ids."""
    run = await house.planned([member(n) for n in range(1, count + 1)])
    async with house.sessions.begin() as session:
        made = await handover.hand_over(session, UUID(run.id), backlog=100)
    rows = await house.rows("SELECT message_id FROM recipients ORDER BY contact_id")
    assert len(made) == 1
    return run, [row[0].bytes for row in rows]  # type: ignore[attr-defined]


async def tell(
    house: House,
    run: run_pb2.Run,
    message_ids: list[bytes],
    state: message_pb2.MessageState.ValueType,
    *,
    revision: int = 2,
    reason: str = "",
) -> int:
    """Apply a report; returns how many recipients moved."""
    event = desks.report(run, message_ids, state, revision=revision, reason=reason)
    async with house.sessions.begin() as session:
        return await progress.apply(session, [work.report(event.SerializeToString())])


class TestProgress:
    async def test_counts_follow_the_reports_and_sum_to_the_plan(self, house: House) -> None:
        run, ids = await handed_over(house, 5)

        await tell(house, run, ids[:3], desks.ACCEPTED)
        await tell(house, run, ids[3:4], desks.FAILED, reason="REFUSED")
        await tell(house, run, ids[:1], desks.DELIVERED, revision=3)
        await tell(house, run, ids[4:], desks.IN_DOUBT)

        counts = (await house.get(run)).counts
        assert (counts.accepted, counts.failed, counts.delivered, counts.in_doubt) == (2, 1, 1, 1)
        assert counts.handed_over == 0

    async def test_old_news_changes_nothing(self, house: House) -> None:
        run, ids = await handed_over(house, 1)

        moved = [
            await tell(house, run, ids, desks.DELIVERED, revision=5),
            await tell(house, run, ids, desks.ACCEPTED, revision=4),
            await tell(house, run, ids, desks.DELIVERED, revision=5),
        ]

        assert moved == [1, 0, 0]
        assert (await house.get(run)).counts.delivered == 1

    async def test_strangers_are_left_out(self, house: House) -> None:
        run, ids = await handed_over(house, 1)

        moved = await tell(house, run, [*ids, uuid4().bytes], desks.ACCEPTED)

        assert moved == 1

    async def test_the_newest_of_two_lines_about_a_message_counts(self, house: House) -> None:
        run, (one,) = await handed_over(house, 1)
        event = desks.report(run, [one], desks.ACCEPTED, revision=3)
        event.MergeFrom(desks.report(run, [one], desks.QUEUED, revision=2))

        async with house.sessions.begin() as session:
            await progress.apply(session, [work.report(event.SerializeToString())])

        assert (await house.get(run)).counts.accepted == 1

    async def test_a_deferred_message_keeps_the_run_open(self, house: House) -> None:
        run, ids = await handed_over(house, 1)
        await tell(house, run, ids, desks.DEFERRED, reason="HOURS")
        async with house.sessions.begin() as session:
            too_early = await usecases.finish(session, UUID(run.id), house.now())

        await tell(house, run, ids, desks.QUEUED, revision=3)
        await tell(house, run, ids, desks.ACCEPTED, revision=4)
        async with house.sessions.begin() as session:
            in_time = await usecases.finish(session, UUID(run.id), house.now())

        assert (too_early, in_time) == (False, True)

    async def test_receipts_count_after_the_end(self, house: House) -> None:
        run, ids = await handed_over(house, 1)
        await tell(house, run, ids, desks.ACCEPTED)
        async with house.sessions.begin() as session:
            await usecases.finish(session, UUID(run.id), house.now())

        await tell(house, run, ids, desks.DELIVERED, revision=3)

        found = await house.get(run)
        assert (found.state, found.counts.delivered) == (STATES.RUN_STATE_COMPLETED, 1)

    async def test_reports_at_once_about_the_same_messages_do_not_block_each_other(
        self, house: House
    ) -> None:
        run, ids = await handed_over(house, 50)

        await asyncio.gather(
            *(
                tell(house, run, ids if n % 2 else ids[::-1], desks.ACCEPTED, revision=n)
                for n in range(2, 10)
            )
        )

        assert (await house.get(run)).counts.accepted == 50

    async def test_in_any_order_and_twice_over_the_newest_wins(self, house: House) -> None:
        run, ids = await handed_over(house, 3)
        states = [desks.QUEUED, desks.ACCEPTED, desks.DEFERRED, desks.DELIVERED]

        for order in itertools.permutations(range(len(states))):
            async with house.sessions.begin() as session:
                await session.execute(text("UPDATE recipients SET revision = 0"))
            for place in (*order, *order[::-1]):
                await tell(house, run, ids, states[place], revision=place + 1)

            assert (await house.get(run)).counts.delivered == 3
            assert await house.rows("SELECT open FROM run_regions") == [(0,)]


class TestMoves:
    @pytest.mark.parametrize("method", ["PauseRun", "ResumeRun", "CancelRun"])
    async def test_an_ended_run_cannot_be_moved(self, house: House, method: str) -> None:
        run = await house.run_of([member(1)])
        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE runs SET state = 'COMPLETED', end_time = now()"))
        request = getattr(pb, f"{method}Request")(id=run.id)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await getattr(house.runs, method)(request)

        assert refusal.error.metadata["state"] == "COMPLETED"

    @pytest.mark.parametrize("method", ["PauseRun", "CancelRun"])
    async def test_asking_twice_is_asking_once(self, house: House, method: str) -> None:
        run = await house.run_of([member(1)])
        request = getattr(pb, f"{method}Request")(id=run.id)

        first = await getattr(house.runs, method)(request)
        again = await getattr(house.runs, method)(request)

        assert first == again
        assert first.epoch == 2

    async def test_a_run_paused_while_planning_is_resumed_to_planning(self, house: House) -> None:
        run = await house.run_of([member(1)])

        await house.runs.PauseRun(pb.PauseRunRequest(id=run.id))
        resumed = await house.runs.ResumeRun(pb.ResumeRunRequest(id=run.id))

        assert (resumed.state, resumed.epoch) == (STATES.RUN_STATE_PLANNING, 3)

    async def test_a_paused_run_can_be_cancelled(self, house: House) -> None:
        run = await house.planned([member(1)])

        await house.runs.PauseRun(pb.PauseRunRequest(id=run.id))
        cancelled = await house.runs.CancelRun(pb.CancelRunRequest(id=run.id))

        assert (cancelled.state, cancelled.epoch) == (STATES.RUN_STATE_CANCELLED, 3)

    async def test_every_move_is_audited(self, house: House) -> None:
        run = await house.run_of([member(1)])
        await house.runs.PauseRun(pb.PauseRunRequest(id=run.id))

        rows = await house.rows(
            "SELECT count(*) FROM outbox WHERE class = 'audit' AND key = :key",
            key=f"run/{run.id}",
        )
        assert rows == [(2,)]

    async def test_an_unknown_run_is_missing(self, house: House) -> None:
        for call in (
            house.runs.GetRun(pb.GetRunRequest(id=str(uuid4()))),
            house.runs.PauseRun(pb.PauseRunRequest(id=str(uuid4()))),
            house.runs.ListRecipients(pb.ListRecipientsRequest(run_id=str(uuid4()))),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await call

    async def test_an_id_that_is_none_is_named(self, house: House) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.runs.GetRun(pb.GetRunRequest(id="1"))

        assert refusal.fields() == ["id"]


class TestWatch:
    async def test_it_tells_of_every_change_until_the_end(self, house: House) -> None:
        run, ids = await handed_over(house, 2)
        stream = house.runs.WatchRun(pb.WatchRunRequest(id=run.id))
        changes = aiter(stream)
        seen: list[run_pb2.Run] = [await anext(changes)]

        await tell(house, run, ids, desks.ACCEPTED)
        seen.append(await anext(changes))
        async with house.sessions.begin() as session:
            await usecases.finish(session, UUID(run.id), house.now())
        seen += [each async for each in changes]

        assert [each.counts.accepted for each in seen] == [0, 2, 2]
        assert seen[-1].state == STATES.RUN_STATE_COMPLETED

    async def test_an_unknown_run_is_missing(self, house: House) -> None:
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            async for _ in house.runs.WatchRun(pb.WatchRunRequest(id=str(uuid4()))):
                pass


class TestLists:
    async def test_runs_are_listed_newest_first(self, house: House) -> None:
        runs = [(await house.run_of([member(1)])).id for _ in range(3)]

        first = await house.runs.ListRuns(pb.ListRunsRequest(page_size=2))
        rest = await house.runs.ListRuns(
            pb.ListRunsRequest(page_size=2, page_token=first.next_page_token)
        )

        assert [each.id for each in (*first.runs, *rest.runs)] == runs[::-1]

    async def test_runs_of_a_campaign_are_told_from_others(self, house: House) -> None:
        run, _ = await house.run_of([member(1)]), await house.run_of([member(1)])

        found = await house.runs.ListRuns(pb.ListRunsRequest(campaign_id=run.campaign_id))

        assert [each.id for each in found.runs] == [run.id]

    async def test_recipients_are_paged_and_filtered(self, house: House) -> None:
        run, ids = await handed_over(house, 5)
        await tell(house, run, ids[:3], desks.FAILED, reason="REFUSED")
        await tell(house, run, ids[3:4], desks.FAILED, reason="OTHER")

        request = pb.ListRecipientsRequest(
            run_id=run.id,
            states=[run_pb2.RECIPIENT_STATE_FAILED],
            reason="REFUSED",
            page_size=2,
        )
        first = await house.runs.ListRecipients(request)
        request.page_token = first.next_page_token
        rest = await house.runs.ListRecipients(request)

        found = [*first.recipients, *rest.recipients]
        assert [UUID(each.message_id).bytes for each in found] == ids[:3]
        assert {each.reason for each in found} == {"REFUSED"}
        assert found[0].campaign_name == "Khai trương"
        assert found[0].address == "Person1@example.vn"

    async def test_the_excluded_are_shown_with_their_reason(self, house: House) -> None:
        run = await house.planned([member(1, gone=True)])

        found = await house.runs.ListRecipients(pb.ListRecipientsRequest(run_id=run.id))

        (person,) = found.recipients
        assert (person.state, person.reason, person.message_id) == (
            run_pb2.RECIPIENT_STATE_EXCLUDED,
            "CONTACT_GONE",
            "",
        )

    async def test_what_a_contact_got_is_listed_newest_first(self, house: House) -> None:
        someone, somebody_else = member(1), member(2)
        runs = [(await house.planned([someone, somebody_else])).id for _ in range(3)]

        request = pb.ListContactRecipientsRequest(
            contact_id=str(UUID(bytes=someone.contact_id)), page_size=2
        )
        first = await house.runs.ListContactRecipients(request)
        request.page_token = first.next_page_token
        rest = await house.runs.ListContactRecipients(request)

        assert [each.run_id for each in (*first.recipients, *rest.recipients)] == runs[::-1]

    async def test_a_token_of_another_run_is_refused(self, house: House) -> None:
        run, _ = await handed_over(house, 2)
        other = await house.planned([member(1)])
        first = await house.runs.ListRecipients(
            pb.ListRecipientsRequest(run_id=run.id, page_size=1)
        )

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await house.runs.ListRecipients(
                pb.ListRecipientsRequest(run_id=other.id, page_token=first.next_page_token)
            )


class TestRights:
    async def test_who_has_none_is_refused_everything(self, house: House) -> None:
        nobody = house.call(NOBODY)

        for call in (
            nobody.runs.GetRun(pb.GetRunRequest()),
            nobody.runs.ListRuns(pb.ListRunsRequest()),
            nobody.runs.PauseRun(pb.PauseRunRequest()),
            nobody.runs.ResumeRun(pb.ResumeRunRequest()),
            nobody.runs.CancelRun(pb.CancelRunRequest()),
            nobody.runs.ListRecipients(pb.ListRecipientsRequest()),
            nobody.runs.ListContactRecipients(pb.ListContactRecipientsRequest()),
        ):
            with refused(errors.PermissionDenied, "RIGHT_MISSING"):
                await call
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            async for _ in nobody.runs.WatchRun(pb.WatchRunRequest()):
                pass
