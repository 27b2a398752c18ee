"""RunService, as clients call it."""

import asyncio
import itertools
from uuid import UUID, uuid4

import pytest
from crm.campaigns.v1 import run_service_pb2 as pb
from sqlalchemy import text

from chassis import errors
from services.campaigns.messages import work
from services.campaigns.usecases import progress
from services.campaigns.usecases import runs as usecases
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import NOBODY, House, member
from tests.integration.campaigns.run_parts import STATES, handed_over, tell
from tests.integration.serving import refused


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

    @pytest.mark.parametrize(
        ("method", "state"),
        [("PauseRun", STATES.RUN_STATE_PAUSED), ("CancelRun", STATES.RUN_STATE_CANCELLED)],
    )
    async def test_the_notifier_knows_before_it_is_answered(
        self, house: House, method: str, state: int
    ) -> None:
        run = await house.run_of([member(1)])

        answer = await getattr(house.runs, method)(getattr(pb, f"{method}Request")(id=run.id))

        assert [(it.id, it.state, it.epoch) for it in house.senders.stopped] == [
            (run.id, state, answer.epoch)
        ]

    async def test_a_notifier_that_does_not_hear_holds_up_no_pause(self, house: House) -> None:
        run = await house.run_of([member(1)])
        house.senders.is_away = True

        paused = await house.runs.PauseRun(pb.PauseRunRequest(id=run.id))

        assert paused.state == STATES.RUN_STATE_PAUSED
        rows = await house.rows(
            "SELECT count(*) FROM outbox WHERE subject = 'crm.campaigns.v1.RunPaused'"
        )
        assert rows == [(1,)]

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
