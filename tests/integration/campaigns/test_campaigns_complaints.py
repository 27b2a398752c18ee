"""A run that too many call unwanted pauses itself, and says so."""

import asyncio
from uuid import uuid4

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2
from crm.campaigns.v1 import run_service_pb2 as pb
from crm.notifier.v1 import events_pb2
from prometheus_client import REGISTRY

from chassis.events.consumer import Event, Poison, consume
from services.campaigns import consumers
from services.campaigns.config import Settings
from services.campaigns.domain.clock import utc_now
from tests.integration.campaigns.desk import Desk
from tests.integration.campaigns.house import House, member

SUBJECT = events_pb2.MessageComplained.DESCRIPTOR.full_name
STATES, WHY = campaign_pb2, run_pb2
PAUSED = "mekong_campaigns_runs_paused_by_complaints_total"


def complaint(run_id: str) -> bytes:
    """Somebody called a message of a run unwanted."""
    told = events_pb2.MessageComplained(run_id=run_id, message_id=str(uuid4()), what="abuse")
    return told.SerializeToString()


async def hear(house: House, data: bytes, settings: Settings | None = None) -> None:
    """Let campaigns hear of it."""
    event = Event(str(uuid4()), SUBJECT, data, {}, utc_now(), 0, "", 1)
    async with house.sessions.begin() as session:
        await consumers.complaints(settings or house.settings)[SUBJECT](session, event)


async def reached(house: House, people: int, *, others: int = 1) -> run_pb2.Run:
    """A run that is sending, and has reached so many, half of them for sure."""
    run = await house.planned([member(1)])
    await house.rows(
        "UPDATE run_counters SET planned = :others, accepted = :half, delivered = :rest"
        " WHERE run_id = :id RETURNING 1",
        id=run.id,
        others=others,
        half=people // 2,
        rest=people - people // 2,
    )
    await house.rows(
        "UPDATE runs SET planned = :all, audience = :all WHERE id = :id RETURNING 1",
        id=run.id,
        all=people + others,
    )
    return run


class TestComplaints:
    async def test_the_one_too_many_pauses_the_run_and_says_why(self, house: House) -> None:
        run = await reached(house, 1_000)
        before = REGISTRY.get_sample_value(PAUSED) or 0
        states = []

        for _ in range(4):
            await hear(house, complaint(run.id))
            states.append((await house.get(run)).state)

        found = await house.get(run)
        assert states == [STATES.RUN_STATE_SENDING] * 3 + [STATES.RUN_STATE_PAUSED]
        assert (found.pause_reason, found.complaints) == (WHY.RUN_PAUSE_REASON_COMPLAINTS, 4)
        assert found.epoch == 2
        assert (await house.events())[-1] == "RunPaused"
        assert REGISTRY.get_sample_value(PAUSED) == before + 1

    async def test_of_few_people_none_are_too_many(self, house: House) -> None:
        run = await reached(house, 999)

        for _ in range(20):
            await hear(house, complaint(run.id))

        found = await house.get(run)
        assert (found.state, found.complaints) == (STATES.RUN_STATE_SENDING, 20)
        assert found.pause_reason == WHY.RUN_PAUSE_REASON_UNSPECIFIED

    async def test_nobody_is_asked_where_the_setting_says_never(self, house: House) -> None:
        run = await reached(house, 1_000)
        never = house.settings.model_copy(update={"complaints_pause_percent": 0.0})

        for _ in range(10):
            await hear(house, complaint(run.id), never)

        assert (await house.get(run)).state == STATES.RUN_STATE_SENDING

    async def test_let_go_on_it_pauses_again_at_the_next(self, house: House) -> None:
        run = await reached(house, 1_000)
        for _ in range(4):
            await hear(house, complaint(run.id))

        resumed = await house.runs.ResumeRun(pb.ResumeRunRequest(id=run.id))
        await hear(house, complaint(run.id))

        assert resumed.pause_reason == WHY.RUN_PAUSE_REASON_UNSPECIFIED
        assert (await house.get(run)).state == STATES.RUN_STATE_PAUSED

    async def test_one_paused_by_hand_says_so_and_goes_on_counting(self, house: House) -> None:
        run = await reached(house, 1_000)
        await house.runs.PauseRun(pb.PauseRunRequest(id=run.id))

        for _ in range(5):
            await hear(house, complaint(run.id))

        found = await house.get(run)
        assert (found.pause_reason, found.complaints) == (WHY.RUN_PAUSE_REASON_HAND, 5)

    async def test_one_that_was_cancelled_stays_so(self, house: House) -> None:
        run = await reached(house, 1_000)
        await house.runs.CancelRun(pb.CancelRunRequest(id=run.id))

        for _ in range(5):
            await hear(house, complaint(run.id))

        found = await house.get(run)
        assert (found.state, found.complaints) == (STATES.RUN_STATE_CANCELLED, 5)

    async def test_of_a_run_that_is_not_known_nothing_happens(self, house: House) -> None:
        await hear(house, complaint(str(uuid4())))

    @pytest.mark.parametrize("data", [b"\xff", b"", b"\x0a\x05no id"])
    async def test_what_is_no_complaint_is_poison(self, house: House, data: bytes) -> None:
        with pytest.raises(Poison):
            await hear(house, data)

    async def test_one_told_twice_counts_once(self, house: House, desk: Desk) -> None:
        run = await reached(house, 1_000)
        consumer = consume(
            house.settings,
            desk.nats,
            house.sessions,
            stream=consumers.STREAM,
            durable=consumers.COMPLAINTS,
            handlers=consumers.complaints(house.settings),
        )
        task = asyncio.create_task(_run(consumer))

        for event_id in ("c1", "c1", "c2"):
            headers = {"ce-id": event_id}
            await desk.nats.js.publish(SUBJECT, complaint(run.id), headers=headers)

        await house.becomes(run, lambda it: it.complaints >= 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await house.get(run)).complaints == 2


async def _run(work: object) -> None:
    await work()  # type: ignore[operator]
