"""A run's plan: who gets a message, who does not and why, whoever is killed meanwhile."""

import asyncio
from datetime import timedelta
from functools import partial
from uuid import UUID, uuid4

import grpc
import pytest
from crm.campaigns.v1 import campaign_pb2, run_service_pb2, template_pb2
from crm.notifier.v1 import work_pb2
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from services.campaigns.domain import keys
from services.campaigns.domain.kinds import Channel
from tests.integration.campaigns.house import House, member, until


class TestPlan:
    async def test_it_divides_the_audience_into_planned_and_excluded(self, house: House) -> None:
        everybody = [
            member(1),
            member(2, address="", address_key=""),
            member(3, address="not an address", address_key="not an address"),
            member(4, consented=False),
            member(5, gone=True),
            member(6, address="PERSON1@example.vn", address_key="person1@example.vn"),
            member(7, region="sg"),
        ]

        run = await house.get(await house.planned(everybody))

        assert run.state == campaign_pb2.RUN_STATE_SENDING
        assert (run.audience, run.planned, run.counts.waiting) == (7, 2, 2)
        reason = campaign_pb2.ExclusionReason
        assert {reason.Name(each.reason)[17:]: each.count for each in run.excluded} == {
            "NO_ADDRESS": 1,
            "INVALID_ADDRESS": 1,
            "NO_CONSENT": 1,
            "CONTACT_GONE": 1,
            "SHARED_ADDRESS": 1,
        }
        assert run.HasField("plan_time")
        assert (await house.events())[-1] == "RunPlanned"
        assert house.people.released == [UUID(run.id)]

    async def test_every_row_keeps_what_the_person_was(self, house: House) -> None:
        await house.planned([member(1, values=["Đào 🌸"]), member(2, gone=True)])

        rows = await house.rows(
            "SELECT ordinal, state, reason, address, region, message_id IS NULL "
            "FROM recipients ORDER BY ordinal"
        )
        assert rows == [
            (1, "PLANNED", "", "Person1@example.vn", "vn", False),
            (2, "EXCLUDED", "CONTACT_GONE", "Person2@example.vn", "vn", True),
        ]
        (chunk,) = await packed(house)
        assert chunk.addresses == b"Person1@example.vn"
        assert chunk.address_keys == b"person1@example.vn"
        assert (chunk.time_zones, chunk.locales) == (b"Asia/Ho_Chi_Minh", b"vi")
        assert list(chunk.values) == ["Đào 🌸".encode()]

    async def test_a_message_id_is_made_of_the_runs_key_and_the_address(self, house: House) -> None:
        await house.planned([member(1)])

        ((found, key),) = await house.rows(
            "SELECT message_id, key FROM recipients JOIN runs ON runs.id = run_id"
        )
        assert found == keys.message_id(key, Channel.EMAIL, "person1@example.vn")  # type: ignore[arg-type]

    async def test_an_address_shared_across_batches_gets_one_message(self, house: House) -> None:
        house.people.batch = 10
        people = [member(n) for n in range(1, 26)]
        twins = [member(n + 25, address_key=f"person{n}@example.vn") for n in range(1, 26)]

        run = await house.get(await house.planned([*people, *twins]))

        assert (run.audience, run.planned) == (50, 25)
        assert [each.count for each in run.excluded] == [25]
        assert run.excluded[0].reason == campaign_pb2.EXCLUSION_REASON_SHARED_ADDRESS

    async def test_transactional_messages_need_no_consent(self, house: House) -> None:
        purpose = template_pb2.PURPOSE_TRANSACTIONAL

        run = await house.planned([member(1, consented=False)], purpose=purpose)

        assert (await house.get(run)).planned == 1

    async def test_phones_are_planned_for_sms(self, house: House) -> None:
        template = await house.template(
            channel=template_pb2.CHANNEL_SMS, subject="", html="", text="Chào {{ display_name }}"
        )
        number = "+84912345678"

        run = await house.planned(
            [
                member(1, address=number, address_key=number),
                member(2, address="0912345678", address_key="0912345678"),
            ],
            channel=template_pb2.CHANNEL_SMS,
            template_id=template.id,
        )

        assert (await house.get(run)).planned == 1

    async def test_values_are_cut_to_what_templates_were_admitted_with(self, house: House) -> None:
        await house.planned([member(1, values=["x" * 5_000])])

        (chunk,) = await packed(house)
        assert list(chunk.values) == [b"x" * 200]

    async def test_the_database_itself_refuses_a_second_message_to_an_address(
        self, house: House
    ) -> None:
        await house.planned([member(1), member(2)])

        with pytest.raises(IntegrityError):
            async with house.sessions.begin() as session:
                # An address of a run has one message id, whoever has the address.
                await session.execute(
                    text(
                        "UPDATE recipients SET message_id = (SELECT min(message_id::text)::uuid "
                        "FROM recipients)"
                    )
                )


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


class TestPartitions:
    async def test_a_run_writes_into_the_partition_of_its_date(self, house: House) -> None:
        run = await house.planned([member(1)])

        ((name,),) = await house.rows("SELECT tableoid::regclass::text FROM recipients")
        assert name == f"recipients_{run.run_date.replace('-', '')}"

    async def test_request_ids_do_not_share_runs(self, house: House) -> None:
        campaign = await house.campaign()
        house.people.members = [member(1)]
        request_id = str(uuid4())

        first = await house.start(campaign.id, request_id)
        again = await house.start(campaign.id, request_id)

        assert first == again
        assert await house.rows("SELECT count(*) FROM runs") == [(1,)]


async def packed(house: House) -> list[work_pb2.Chunk]:
    """Return what the chunks of the plan carry."""
    rows = await house.rows("SELECT payload FROM chunks ORDER BY region, to_ordinal")
    return [work_pb2.Chunk.FromString(data) for (data,) in rows]  # type: ignore[arg-type]


async def has_planned(house: House, count: int) -> bool:
    """Whether the plan has come so far."""
    return await house.rows("SELECT planned FROM runs") == [(count,)]


async def until_lapsed(house: House) -> None:
    """Let the planner's lease lapse."""
    async with house.sessions.begin() as session:
        await session.execute(text("UPDATE runs SET lease_until = now() - interval '1 s'"))
