"""Messages in doubt: sent once more, and many of them at once."""

from typing import TYPE_CHECKING

import pytest
from crm.notifier.v1 import doubt_pb2
from crm.notifier.v1 import doubt_service_pb2 as pb

from chassis.errors import FailedPrecondition, InvalidArgument
from services.notifier.domain.states import Purpose, State
from services.notifier.usecases import doubts as usecases
from tests.integration.notifier.doubt_parts import (
    ABANDONED,
    FAILED,
    audited,
    ids,
    in_doubt,
    one,
    reported,
    resending,
    until,
)
from tests.integration.notifier.notifier_parts import House, MailServer, people
from tests.integration.serving import refused

if TYPE_CHECKING:
    from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceAsyncStub


class TestSendingAgain:
    async def test_it_is_a_new_attempt(
        self, house: House, mail: MailServer, operator: "DoubtServiceAsyncStub"
    ) -> None:
        run = await in_doubt(house, ["code@example.vn"], purpose=Purpose.TRANSACTIONAL)
        (id,) = await ids(house, run)

        deed = await operator.ResendDoubt(resending(id))
        house.engine(mail.wire())
        await house.until(run, {State.ACCEPTED: 1})

        assert mail.taken == ["code@example.vn"]
        assert deed.act == doubt_pb2.DOUBT_ACT_SENT_AGAIN
        assert [it.attempts for it in await house.sql("SELECT attempts FROM messages")] == [2]
        (entry,) = [it for it in await audited(house) if it["subject_id"] == id]
        assert entry["action"] == "doubt.sent_again"

    async def test_only_who_accepts_that_it_may_arrive_twice_may_ask(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        id = await one(house, purpose=Purpose.TRANSACTIONAL)

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await operator.ResendDoubt(resending(id, accept_duplicate=False))
        assert refusal.fields() == ["accept_duplicate"]
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await operator.ResendDoubts(
                pb.ResendDoubtsRequest(
                    filter=doubt_pb2.DoubtFilter(provider="smtp", doubt_until=until()),
                    reason="x",
                )
            )
        assert refusal.fields() == ["accept_duplicate"]

    async def test_marketing_goes_again_only_when_it_is_forced(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        run = await in_doubt(house, ["a@example.vn"], purpose=Purpose.MARKETING)
        (id,) = await ids(house, run)

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await operator.ResendDoubt(resending(id))
        assert refusal.fields() == ["force"]
        await operator.ResendDoubt(resending(id, force=True))

        assert await house.counts(run) == {State.QUEUED: 1}
        assert len(await house.sql("SELECT 1 FROM ready WHERE due_at <= now()")) == 1
        assert [it.busy for it in await house.sql("SELECT busy FROM runs")] == [True]

    @pytest.mark.parametrize(
        "over",
        [
            "UPDATE messages SET not_after = now() - interval '1 s'",
            "UPDATE runs SET not_after = now() - interval '1 s'",
            "UPDATE runs SET state = 'CANCELLED'",
        ],
    )
    async def test_what_is_over_is_not_sent_again(
        self, house: House, operator: "DoubtServiceAsyncStub", over: str
    ) -> None:
        run = await in_doubt(house, ["a@example.vn"], purpose=Purpose.TRANSACTIONAL)
        (id,) = await ids(house, run)
        await house.sql(over)

        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await operator.ResendDoubt(resending(id))
        done = await operator.ResendDoubts(
            pb.ResendDoubtsRequest(
                filter=doubt_pb2.DoubtFilter(run_id=str(run), doubt_until=until()),
                reason="x",
                accept_duplicate=True,
            )
        )

        assert (done.count, await house.counts(run)) == (0, {State.IN_DOUBT: 1})


class TestManyAtOnce:
    async def test_a_run_is_settled_and_nothing_else(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        run = await in_doubt(house, list(people(30)))
        other = await in_doubt(house, list(people(3, "khac")))
        asked = doubt_pb2.DoubtFilter(run_id=str(run), doubt_until=until())

        done = await operator.SettleDoubts(
            pb.SettleDoubtsRequest(filter=asked, act=FAILED, reason="never left")
        )

        assert (done.count, done.more) == (30, False)
        assert await house.counts(run) == {State.FAILED: 30}
        assert await house.counts(other) == {State.IN_DOUBT: 3}
        assert len(await reported(house)) == 30
        (deed,) = (await operator.ListDoubtDeeds(pb.ListDoubtDeedsRequest())).deeds
        assert (deed.count, deed.filter, deed.message_id) == (30, asked, "")
        assert len(await house.sql("SELECT 1 FROM doubt_marks")) == 30

    async def test_more_than_a_transaction_holds_take_several_calls(
        self, house: House, operator: "DoubtServiceAsyncStub", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usecases, "MOST", 4)
        await in_doubt(house, list(people(10)), provider="lost")
        asked = doubt_pb2.DoubtFilter(provider="lost", doubt_until=until())
        request = pb.SettleDoubtsRequest(filter=asked, act=ABANDONED, reason="gone")

        done = [await operator.SettleDoubts(request) for _ in range(3)]

        assert [(it.count, it.more) for it in done] == [(4, True), (4, True), (2, False)]

    async def test_the_same_request_moves_no_more(
        self, house: House, operator: "DoubtServiceAsyncStub", monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(usecases, "MOST", 4)
        run = await in_doubt(house, list(people(10)))
        asked = doubt_pb2.DoubtFilter(run_id=str(run), doubt_until=until())
        request = pb.SettleDoubtsRequest(filter=asked, act=FAILED, reason="x", request_id="once")

        first, second = [await operator.SettleDoubts(request) for _ in range(2)]

        assert first == second
        assert await house.counts(run) == {State.FAILED: 4, State.IN_DOUBT: 6}

    async def test_a_time_span_is_kept_to(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        old = await in_doubt(house, ["old@example.vn"], hours=9)
        within = await in_doubt(house, ["within@example.vn"], hours=5)
        young = await in_doubt(house, ["young@example.vn"], hours=1)

        done = await operator.SettleDoubts(
            pb.SettleDoubtsRequest(
                filter=doubt_pb2.DoubtFilter(
                    doubt_from=until(-7 * 3600), doubt_until=until(-3 * 3600)
                ),
                act=ABANDONED,
                reason="outage of the morning",
            )
        )

        assert done.count == 1
        assert await house.counts(within) == {State.ABANDONED: 1}
        for run in (old, young):
            assert await house.counts(run) == {State.IN_DOUBT: 1}

    async def test_only_transactional_goes_again_unless_forced(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        care = await in_doubt(house, list(people(3)))
        codes = await in_doubt(house, list(people(2, "code")), purpose=Purpose.TRANSACTIONAL)
        asked = doubt_pb2.DoubtFilter(provider="smtp", doubt_until=until())
        request = pb.ResendDoubtsRequest(filter=asked, reason="x", accept_duplicate=True)

        gentle = await operator.ResendDoubts(request)
        request.force = True
        forced = await operator.ResendDoubts(request)

        assert (gentle.count, forced.count) == (2, 3)
        assert await house.counts(codes) == {State.QUEUED: 2}
        assert await house.counts(care) == {State.QUEUED: 3}

    async def test_a_filter_that_names_nothing_is_refused(
        self, operator: "DoubtServiceAsyncStub"
    ) -> None:
        for asked, fields in (
            (doubt_pb2.DoubtFilter(), ["filter.doubt_until", "filter"]),
            (doubt_pb2.DoubtFilter(provider="smtp"), ["filter.doubt_until"]),
            (doubt_pb2.DoubtFilter(doubt_until=until()), ["filter"]),
            (doubt_pb2.DoubtFilter(run_id="x", doubt_until=until()), ["filter.run_id"]),
        ):
            with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
                await operator.SettleDoubts(
                    pb.SettleDoubtsRequest(filter=asked, act=FAILED, reason="x")
                )
            assert refusal.fields() == fields
