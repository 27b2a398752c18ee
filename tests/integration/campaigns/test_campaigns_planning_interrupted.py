"""A plan that is interrupted goes on over the same people."""

import asyncio
from datetime import timedelta
from functools import partial

import grpc
import pytest
from crm.campaigns.v1 import campaign_pb2, run_service_pb2
from sqlalchemy import text

from tests.integration.campaigns.house import House, member, until
from tests.integration.campaigns.run_parts import packed


class TestInterruption:
    async def test_a_planner_that_was_killed_is_followed_by_another(self, house: House) -> None:
        house.people.batch = 10
        run = await house.run_of([member(n) for n in range(1, 51)])
        await self.kill_at(house, 30)

        await until_lapsed(house)
        went_on = await house.planner("p2").round()

        found = await house.get(run)
        assert went_on
        assert (found.audience, found.planned) == (50, 50)
        assert found.state == campaign_pb2.RUN_STATE_SENDING
        assert await house.rows("SELECT count(*) FROM recipients") == [(50,)]

    async def test_whoever_follows_leaves_out_addresses_the_first_has_planned(
        self, house: House
    ) -> None:
        house.people.batch = 10
        people = [member(n) for n in range(1, 31)]
        twins = [member(n + 30, address_key=f"person{n}@example.vn") for n in range(1, 21)]
        run = await house.run_of([*people, *twins])
        await self.kill_at(house, 30)

        await until_lapsed(house)
        await house.planner("p2").round()

        found = await house.get(run)
        assert (found.audience, found.planned) == (50, 30)
        assert [(it.reason, it.count) for it in found.excluded] == [
            (campaign_pb2.EXCLUSION_REASON_SHARED_ADDRESS, 20)
        ]
        assert sum([len(each.message_ids) // 16 for each in await packed(house)]) == 30

    async def test_nobody_plans_a_run_that_another_plans(self, house: House) -> None:
        house.people.batch = 10
        await house.run_of([member(n) for n in range(1, 51)])
        await self.kill_at(house, 30)

        assert not await house.planner("p2").round()

    async def test_a_planner_whose_lease_was_taken_writes_nothing_more(self, house: House) -> None:
        house.people.batch = 10
        run = await house.run_of([member(n) for n in range(1, 51)])

        stalled, go_on = asyncio.Event(), asyncio.Event()

        async def stall(start: int) -> None:
            if start == 20:
                stalled.set()
                await go_on.wait()

        house.people.before_batch = stall
        first = asyncio.create_task(house.planner("p1").round())
        await asyncio.wait_for(stalled.wait(), 10)
        house.people.before_batch = None
        await until(partial(has_planned, house, 20))
        await until_lapsed(house)
        await house.planner("p2").round()
        go_on.set()
        await asyncio.wait_for(first, 10)

        assert (await house.get(run)).planned == 50
        assert await house.rows("SELECT fence, planner FROM runs") == [(2, "p2")]

    async def test_leads_being_away_leaves_the_run_to_be_planned_later(self, house: House) -> None:
        run = await house.run_of([member(1)])
        house.people.is_away = True
        await house.planner().round()
        waiting = await house.get(run)

        house.people.is_away = False
        await until_lapsed(house)
        await house.planner().round()

        assert waiting.state == campaign_pb2.RUN_STATE_PLANNING
        assert (await house.get(run)).state == campaign_pb2.RUN_STATE_SENDING

    async def test_a_peer_that_fails_gives_the_run_to_whoever_plans_next(
        self, house: House
    ) -> None:
        await house.run_of([member(1)])

        async def fail(start: int) -> None:
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.INTERNAL, grpc.aio.Metadata(), grpc.aio.Metadata(), details="broken"
            )

        house.people.before_batch = fail
        planned = await house.planner(lease_seconds=600.0).round()

        assert planned
        ((left,),) = await house.rows("SELECT lease_until - now() FROM runs")
        assert left < timedelta(seconds=60)  # type: ignore[operator]

    async def test_a_planner_that_breaks_gives_its_lease_back(self, house: House) -> None:
        await house.run_of([member(1)])

        async def fail(start: int) -> None:
            raise ZeroDivisionError

        house.people.before_batch = fail
        with pytest.raises(ZeroDivisionError):
            await house.planner(lease_seconds=600.0).round()

        ((left,),) = await house.rows("SELECT lease_until - now() FROM runs")
        assert left < timedelta(seconds=60)  # type: ignore[operator]

    async def test_a_stream_that_ends_early_freezes_nothing(self, house: House) -> None:
        everybody = [member(n) for n in range(1, 21)]
        run = await house.run_of(everybody)

        async def lose(start: int) -> None:
            house.people.members = everybody[:10]

        house.people.before_batch = lose
        house.people.batch = 10
        await house.planner().round()
        cut = await house.get(run)
        house.people.before_batch, house.people.members = None, everybody
        await until_lapsed(house)
        await house.planner().round()

        assert (cut.state, cut.audience) == (campaign_pb2.RUN_STATE_PLANNING, 10)
        assert (await house.get(run)).planned == 20

    async def test_a_pause_stops_planning_and_a_resume_goes_on(self, house: House) -> None:
        house.people.batch = 10
        run = await house.run_of([member(n) for n in range(1, 51)])

        async def pause(start: int) -> None:
            if start == 20:
                await house.runs.PauseRun(run_service_pb2.PauseRunRequest(id=run.id))

        house.people.before_batch = pause
        await house.planner().round()
        paused = await house.get(run)
        house.people.before_batch = None
        resumed = await house.runs.ResumeRun(run_service_pb2.ResumeRunRequest(id=run.id))
        await until_lapsed(house)
        await house.planner().round()

        assert paused.state == campaign_pb2.RUN_STATE_PAUSED
        assert paused.planned < 50
        assert resumed.state == campaign_pb2.RUN_STATE_PLANNING
        assert (await house.get(run)).planned == 50

    async def kill_at(self, house: House, ordinal: int) -> None:
        """Kill a planner at a batch, without letting it give its lease back."""
        reached = asyncio.Event()

        async def hang(start: int) -> None:
            if start == ordinal:
                reached.set()
                await asyncio.Event().wait()

        house.people.before_batch = hang
        doomed = asyncio.create_task(house.planner("p1").round())
        await asyncio.wait_for(reached.wait(), 10)
        doomed.cancel()
        await asyncio.gather(doomed, return_exceptions=True)
        house.people.before_batch = None


async def has_planned(house: House, count: int) -> bool:
    """Whether the plan has come so far."""
    return await house.rows("SELECT planned FROM runs") == [(count,)]


async def until_lapsed(house: House) -> None:
    """Let the planner's lease lapse."""
    async with house.sessions.begin() as session:
        await session.execute(text("UPDATE runs SET lease_until = now() - interval '1 s'"))
