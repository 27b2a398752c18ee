"""A run that campaigns stops by a call, before its event arrives."""

import uuid

import pytest
from crm.campaigns.v1 import campaign_pb2, run_pb2
from crm.notifier.v1 import run_service_pb2 as pb
from crm.notifier.v1.run_service_pb2_grpc import RunControlServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument, PermissionDenied
from services.notifier.domain.states import State
from tests.integration.notifier.broker_parts import Broker, run_state, work
from tests.integration.notifier.callers import NOBODY, SERVICE
from tests.integration.notifier.notifier_parts import House, MailServer, people
from tests.integration.serving import Served, refused

PAUSED = campaign_pb2.RUN_STATE_PAUSED


async def stop(served: Served, run: run_pb2.Run, state: int = PAUSED) -> bool:
    """Tell of a pause or an end; returns whether it was news."""
    stub = RunControlServiceStub(served.as_(SERVICE))
    told = run_pb2.Run()
    told.CopyFrom(run)
    told.state = campaign_pb2.RunState.ValueType(state)
    return (await stub.StopRun(pb.StopRunRequest(run=told))).news


class TestStopRun:
    async def test_nothing_of_a_paused_run_is_sent(
        self, house: House, served: Served, broker: Broker, mail: MailServer
    ) -> None:
        run = uuid.uuid4()
        assert await stop(served, run_state(run))

        await broker.chunk(work(run, list(people(3))))
        house.engine(mail.wire())

        await house.until(run, {State.QUEUED: 3})
        # What other tests said in CONTROL is heard by whoever comes after them.
        found = await house.sql("SELECT state FROM runs WHERE run_id = :run", run=run)
        assert found == [("PAUSED",)]

    async def test_its_event_and_a_repetition_are_no_news(
        self, house: House, served: Served
    ) -> None:
        run = run_state(uuid.uuid4())

        assert [await stop(served, run) for _ in range(2)] == [True, False]

    async def test_an_older_one_changes_nothing(self, house: House, served: Served) -> None:
        run = run_state(uuid.uuid4())
        await stop(served, run, campaign_pb2.RUN_STATE_CANCELLED)
        run.epoch -= 1

        assert not await stop(served, run)
        assert await house.sql("SELECT state FROM runs") == [("CANCELLED",)]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"state": campaign_pb2.RUN_STATE_SENDING},
            {"state": campaign_pb2.RUN_STATE_UNSPECIFIED},
            {"id": "1"},
            {"run_date": "today"},
            {"not_after": Timestamp(seconds=2**40)},
        ],
        ids=lambda it: next(iter(it)),
    )
    async def test_what_is_no_stopped_run_is_refused(
        self, house: House, served: Served, wrong: dict[str, object]
    ) -> None:
        told = run_state(uuid.uuid4())
        told.state = PAUSED
        told.MergeFrom(run_pb2.Run(**wrong))  # type: ignore[arg-type]
        if wrong.get("state") == campaign_pb2.RUN_STATE_UNSPECIFIED:
            told.ClearField("state")

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await RunControlServiceStub(served.as_(SERVICE)).StopRun(pb.StopRunRequest(run=told))

        assert refusal.fields() == ["run"]
        assert await house.sql("SELECT 1 FROM runs") == []

    async def test_it_is_for_the_house_alone(self, served: Served) -> None:
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await RunControlServiceStub(served.as_(NOBODY)).StopRun(pb.StopRunRequest())
