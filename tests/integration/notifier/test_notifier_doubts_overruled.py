"""Messages in doubt: who overrules whom, and what policy does."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from crm.notifier.v1 import doubt_pb2
from crm.notifier.v1 import doubt_service_pb2 as pb

from chassis.errors import FailedPrecondition
from chassis.rpc import status
from services.notifier.domain.states import Channel, Next, Purpose, State
from services.notifier.domain.work import Key
from services.notifier.storage import attempts, doubts, receipts
from services.notifier.storage.receipts import Receipt
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.doubt_parts import (
    ABANDONED,
    ACCEPTED,
    FAILED,
    ids,
    in_doubt,
    one,
    settling,
)
from tests.integration.notifier.notifier_parts import DAY, House, people
from tests.integration.serving import refused

if TYPE_CHECKING:
    from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceAsyncStub


class TestWhatOverrules:
    @pytest.mark.parametrize("act", [ACCEPTED, FAILED, ABANDONED])
    async def test_a_late_receipt(
        self, house: House, operator: "DoubtServiceAsyncStub", act: Any
    ) -> None:
        run = await in_doubt(house, ["+84901234567"], channel=Channel.SMS, provider="smpp")
        (id,) = await ids(house, run)
        await operator.SettleDoubt(settling(id, act))

        async with house.sessions.begin() as session:
            ours = Receipt("smpp", "late", State.DELIVERED, "", uuid.UUID(id))
            await receipts.add(session, [ours])
            await receipts.apply(session, 10)

        assert await house.counts(run) == {State.DELIVERED: 1}

    @pytest.mark.parametrize("act", [ACCEPTED, FAILED, ABANDONED])
    async def test_a_late_outcome_of_the_attempt_but_never_to_be_sent_again(
        self, house: House, operator: "DoubtServiceAsyncStub", act: Any
    ) -> None:
        id = await one(house)
        await operator.SettleDoubt(settling(id, act))
        before = (await house.sql("SELECT state FROM messages"))[0].state

        moved = []
        for state in (State.QUEUED, State.DEFERRED, State.IN_DOUBT, State.BOUNCED):
            async with house.sessions.begin() as session:
                outcome = attempts.Outcome(Key(DAY, uuid.UUID(id)), None, 1, Next(state))
                moved.append(len(await attempts.settle(session, [outcome])))
            if state is State.IN_DOUBT:
                assert (await house.sql("SELECT state FROM messages"))[0].state == before

        assert moved == [0, 0, 0, 1]

    async def test_a_receipt_that_comes_while_an_operator_gives_up(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        run = await in_doubt(
            house, [f"+849012345{n:02}" for n in range(20)], channel=Channel.SMS, provider="smpp"
        )
        each = await ids(house, run)

        async def receive(id: str) -> None:
            async with house.sessions.begin() as session:
                said = Receipt("smpp", f"r-{id}", State.DELIVERED, "", uuid.UUID(id))
                await receipts.add(session, [said])
                await receipts.apply(session, 10)

        async def give_up(id: str) -> None:
            try:
                await operator.SettleDoubt(settling(id, ABANDONED))
            except grpc.aio.AioRpcError as failure:
                error = status.error(failure)
                assert isinstance(error, FailedPrecondition)
                assert error.reason == "STATE_FORBIDS"

        await asyncio.gather(*(receive(it) for it in each), *(give_up(it) for it in each))

        # Whoever came first: what is known to have arrived is never said to be given up.
        async with house.sessions.begin() as session:
            await receipts.apply(session, 100)
        assert await house.counts(run) == {State.DELIVERED: 20}

    async def test_a_receipt_first_leaves_nothing_to_settle(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        run = await in_doubt(house, ["+84901234567"], channel=Channel.SMS, provider="smpp")
        (id,) = await ids(house, run)
        async with house.sessions.begin() as held:
            said = Receipt("smpp", "r", State.DELIVERED, "", uuid.UUID(id))
            await receipts.add(held, [said])
            await receipts.apply(held, 10)
            waiting = asyncio.ensure_future(operator.SettleDoubt(settling(id, ABANDONED)))
            await house.eventually("SELECT 1 FROM pg_locks WHERE NOT granted")

        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await waiting
        assert await house.counts(run) == {State.DELIVERED: 1}


class TestPolicy:
    async def test_what_it_does_is_counted_and_shown(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        await in_doubt(house, list(people(3)), hours=25, purpose=Purpose.MARKETING)
        codes = await in_doubt(house, ["code@example.vn"], hours=1, purpose=Purpose.TRANSACTIONAL)
        await in_doubt(house, ["young@example.vn"], hours=23)
        foreseen = await operator.ListDoubts(pb.ListDoubtsRequest(run_id=str(codes)))

        await Sweeper(house.settings, house.sessions)._slowly()

        deeds = (await operator.ListDoubtDeeds(pb.ListDoubtDeedsRequest())).deeds
        assert [(it.actor, it.act, it.count) for it in deeds] == [
            ("policy", ABANDONED, 3),
            ("policy", doubt_pb2.DOUBT_ACT_SENT_AGAIN, 1),
        ]
        assert foreseen.doubts[0].policy == doubt_pb2.DOUBT_ACT_SENT_AGAIN
        assert (await operator.ListDoubts(pb.ListDoubtsRequest())).total == 1

    async def test_transactional_that_cannot_go_any_more_is_given_up(self, house: House) -> None:
        over = await in_doubt(
            house,
            ["late@example.vn"],
            hours=25,
            purpose=Purpose.TRANSACTIONAL,
            not_after=datetime.now(UTC) - timedelta(hours=1),
        )
        often = await in_doubt(house, ["often@example.vn"], hours=25, purpose=Purpose.TRANSACTIONAL)
        await house.sql("UPDATE messages SET attempts = 4 WHERE run_id = :run", run=often)
        await house.sql(
            "INSERT INTO attempts (run_date, message_id, number, provider, worker, started_at,"
            " outcome) SELECT run_date, message_id, n, 'smtp', 'w', now(), 7"
            " FROM messages, generate_series(1, 3) n WHERE run_id = :run",
            run=often,
        )

        await Sweeper(house.settings, house.sessions)._slowly()

        assert await house.counts(over) == {State.ABANDONED: 1}
        assert await house.counts(often) == {State.ABANDONED: 1}

    async def test_it_may_be_to_give_transactional_up_too(self, house: House) -> None:
        run = await in_doubt(house, ["a@example.vn"], hours=25, purpose=Purpose.TRANSACTIONAL)
        settings = house.settings.model_copy(update={"in_doubt_transactional": "abandon"})

        await Sweeper(settings, house.sessions)._slowly()

        assert await house.counts(run) == {State.ABANDONED: 1}

    async def test_a_list_of_very_many_is_counted_up_to_a_bound(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doubts, "COUNTED", 4)
        await in_doubt(house, list(people(6)))

        async with house.sessions.begin() as session:
            assert await doubts.total(session, doubts.Filter()) == 4
