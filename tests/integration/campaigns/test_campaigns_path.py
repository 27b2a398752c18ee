"""From the start of a campaign to its last message, over real PostgreSQL and NATS."""

import asyncio

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2, run_service_pb2
from crm.notifier.v1 import message_pb2
from prometheus_client import REGISTRY
from sqlalchemy import text

from services.campaigns.workers.gauges import Gauges
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.desk import Desk, ids
from tests.integration.campaigns.house import House, member
from tests.integration.campaigns.run_parts import COMPLETED, pause
from tests.integration.campaigns.senders import ADVERTISER, IDENTITY

SENDING = campaign_pb2.RUN_STATE_SENDING
CANCELLED = campaign_pb2.RUN_STATE_CANCELLED


def resume(run: run_pb2.Run) -> run_service_pb2.ResumeRunRequest:
    return run_service_pb2.ResumeRunRequest(id=run.id)


def cancel(run: run_pb2.Run) -> run_service_pb2.CancelRunRequest:
    return run_service_pb2.CancelRunRequest(id=run.id)


@pytest.mark.usefixtures("at_work")
class TestTheWholePath:
    async def test_a_run_is_planned_handed_over_reported_and_completed(
        self, house: House, desk: Desk
    ) -> None:
        people = [member(n) for n in range(1, 701)]
        run = await house.run_of([*people, member(701, consented=False)])

        sent: list[bytes] = []
        while len(sent) < 700:
            chunk = await desk.take()
            assert chunk is not None
            sent += ids(chunk)
            await desk.report(run, ids(chunk), desks.ACCEPTED)
        done = await house.becomes(run, lambda it: it.state == COMPLETED)

        assert len(set(sent)) == 700
        assert (done.audience, done.planned, done.counts.accepted) == (701, 700, 700)
        assert done.HasField("end_time")
        assert [it for it in await house.events() if it.startswith("Run")] == [
            "RunStarted",
            "RunPlanned",
            "RunCompleted",
        ]
        assert await house.rows("SELECT id FROM chunks") == []

    async def test_a_chunk_says_all_that_a_notifier_needs(self, house: House, desk: Desk) -> None:
        people = [member(1, time_zone="Asia/Tokyo", locale="en", values=["Đào"])]
        run = await house.run_of(people, max_per_second=7)

        chunk = await desk.take()

        assert chunk is not None
        assert chunk.run_id.hex() == run.id.replace("-", "")
        assert chunk.campaign_id.hex() == run.campaign_id.replace("-", "")
        assert (chunk.run_date, chunk.epoch, chunk.max_per_second) == (run.run_date, 1, 7)
        assert chunk.channel == message_pb2.CHANNEL_EMAIL
        assert chunk.purpose == message_pb2.PURPOSE_CARE
        assert chunk.advertiser_id.hex() == ADVERTISER.replace("-", "")
        assert chunk.sender_identity_id.hex() == IDENTITY.replace("-", "")
        assert len(chunk.content_hash) == 64
        assert list(chunk.variables) == ["display_name"]
        assert chunk.contact_ids == people[0].contact_id
        assert (chunk.addresses, chunk.address_keys) == (
            b"Person1@example.vn",
            b"person1@example.vn",
        )
        assert (chunk.time_zones, chunk.locales) == (b"Asia/Tokyo", b"en")
        assert list(chunk.values) == ["Đào".encode()]
        assert chunk.message_ids[6] >> 4 == 8

    async def test_people_go_to_the_notifier_of_their_region(
        self, house: House, desk: Desk
    ) -> None:
        await house.run_of([member(1, region="sg"), member(2, region="nowhere"), member(3)])

        there, here = await desk.take("sg"), await desk.take("vn")

        assert there is not None
        assert desks.texts(there.addresses) == ["Person1@example.vn"]
        assert here is not None
        assert desks.texts(here.addresses) == ["Person2@example.vn", "Person3@example.vn"]

    async def test_a_run_without_anybody_to_write_to_is_complete(self, house: House) -> None:
        run = await house.run_of([member(1, consented=False)])

        done = await house.becomes(run, lambda it: it.state == COMPLETED)

        assert (done.audience, done.planned) == (1, 0)


@pytest.mark.usefixtures("at_work")
class TestReports:
    async def test_those_that_wait_together_all_count_whatever_is_among_them(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.run_of([member(n) for n in range(1, 41)])
        chunk = await desk.take()
        assert chunk is not None

        await asyncio.gather(
            *(desk.report(run, [each], desks.ACCEPTED) for each in ids(chunk)),
            desk.publish(b"no report"),
            *(desk.report(run, [each], desks.QUEUED, revision=1) for each in ids(chunk)),
            *(desk.report(run, [each], desks.DELIVERED, revision=3) for each in ids(chunk)[:5]),
        )
        done = await house.becomes(run, lambda it: it.counts.delivered == 5)
        done = await house.becomes(run, lambda it: it.state == COMPLETED)

        assert (done.counts.accepted, done.counts.delivered) == (35, 5)
        assert await house.rows("SELECT open FROM run_regions") == [(0,)]


@pytest.mark.usefixtures("at_work")
class TestBacklog:
    async def test_a_notifier_gets_no_more_chunks_than_it_can_stop(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.run_of([member(n) for n in range(1, 1_601)])

        first, second = await desk.take(), await desk.take()
        third_too_early = await desk.take(within=0.5)
        assert first is not None
        await desk.report(run, ids(first), desks.ACCEPTED)
        third = await desk.take()

        assert second is not None
        assert third_too_early is None
        assert third is not None

    async def test_a_chunk_of_which_one_message_is_open_counts(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.run_of([member(n) for n in range(1, 1_601)])

        first, _ = await desk.take(), await desk.take()
        assert first is not None
        await desk.report(run, ids(first)[1:], desks.ACCEPTED)
        await house.becomes(run, lambda it: it.counts.accepted == 499)

        assert await desk.take(within=0.5) is None


@pytest.mark.usefixtures("at_work")
class TestPause:
    async def test_nothing_is_handed_over_until_it_is_resumed(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.run_of([member(n) for n in range(1, 1_601)])
        first = await desk.take()
        assert first is not None

        paused = await house.runs.PauseRun(pause(run))
        await desk.take(within=0.5)
        await desk.report(run, ids(first), desks.ACCEPTED)
        await house.becomes(run, lambda it: it.counts.accepted == 500)
        while_paused = await desk.take(within=0.5)
        resumed = await house.runs.ResumeRun(resume(run))
        after = await desk.take()

        assert (paused.state, paused.epoch) == (campaign_pb2.RUN_STATE_PAUSED, 2)
        assert while_paused is None
        assert (resumed.state, resumed.epoch) == (SENDING, 3)
        assert after is not None
        assert after.epoch == 3
        assert (await house.events())[-2:] == ["RunPaused", "RunResumed"]

    async def test_every_person_is_handed_over_once_however_often_it_is_paused(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.run_of([member(n) for n in range(1, 2_001)])

        sent: list[bytes] = []
        while len(sent) < 2_000:
            chunk = await desk.take()
            assert chunk is not None
            sent += ids(chunk)
            await house.runs.PauseRun(pause(run))
            await desk.report(run, ids(chunk), desks.ACCEPTED)
            await house.runs.ResumeRun(resume(run))
        await house.becomes(run, lambda it: it.state == COMPLETED)

        assert len(sent) == len(set(sent)) == 2_000


@pytest.mark.usefixtures("at_work")
class TestCancel:
    async def test_those_not_handed_over_end_here_and_the_others_by_report(
        self, house: House, desk: Desk
    ) -> None:
        run = await house.run_of([member(n) for n in range(1, 1_601)])
        first, second = await desk.take(), await desk.take()
        assert first is not None
        assert second is not None

        await house.runs.CancelRun(cancel(run))
        swept = await house.becomes(run, lambda it: it.counts.waiting == 0)
        await desk.report(run, ids(first), desks.ACCEPTED)
        await desk.report(run, ids(second), desks.CANCELLED)
        ended = await house.becomes(run, lambda it: it.HasField("end_time"))

        assert (swept.counts.cancelled, swept.counts.handed_over) == (600, 1_000)
        assert not swept.HasField("end_time")
        assert (ended.state, ended.counts.cancelled, ended.counts.accepted) == (
            CANCELLED,
            1_100,
            500,
        )

    async def test_it_tells_the_notifiers_at_once(self, house: House, desk: Desk) -> None:
        run = await house.run_of([member(1)])
        await desk.take()

        answer = await house.runs.CancelRun(cancel(run))

        assert (answer.state, answer.epoch) == (CANCELLED, 2)
        rows = await house.rows("SELECT subject, class FROM outbox ORDER BY id DESC LIMIT 2")
        assert ("crm.campaigns.v1.RunCancelled", "control") in rows


@pytest.mark.usefixtures("at_work")
class TestExpiry:
    async def test_a_run_ends_when_its_time_has_passed(self, house: House, desk: Desk) -> None:
        run = await house.run_of([member(n) for n in range(1, 1_601)])
        first, second = await desk.take(), await desk.take()
        assert first is not None
        assert second is not None

        async with house.sessions.begin() as session:
            await session.execute(text("UPDATE runs SET not_after = now() - interval '1 s'"))
        swept = await house.becomes(run, lambda it: it.counts.expired == 600)
        for chunk in (first, second):
            await desk.report(run, ids(chunk), desks.SKIPPED)
        ended = await house.becomes(run, lambda it: it.HasField("end_time"))

        assert (swept.state, swept.epoch) == (campaign_pb2.RUN_STATE_EXPIRED, 2)
        assert (ended.counts.expired, ended.counts.skipped) == (600, 1_000)
        assert "RunCancelled" in await house.events()


class TestGauges:
    async def test_runs_that_have_not_ended_are_counted_by_state(
        self, house: House, desk: Desk
    ) -> None:
        await house.planned([member(1)])

        await Gauges(house.sessions).measure()

        def value(name: str, state: str) -> float | None:
            return REGISTRY.get_sample_value(f"mekong_campaigns_{name}", {"state": state})

        assert (value("runs", "sending"), value("runs", "planning")) == (1, 0)
        assert (value("oldest_run_age_seconds", "sending") or 0) > 0
