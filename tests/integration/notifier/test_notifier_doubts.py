"""Messages in doubt: the list with its evidence, and what an operator says of one."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import doubt_pb2, message_pb2
from crm.notifier.v1 import doubt_service_pb2 as pb
from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceStub

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Key
from services.notifier.storage import receipts
from services.notifier.storage.receipts import Receipt
from tests.integration.notifier.doubt_parts import (
    ABANDONED,
    ACCEPTED,
    FAILED,
    MARKETER,
    OPERATOR,
    READER,
    audited,
    ids,
    in_doubt,
    one,
    reported,
    resending,
    settling,
    until,
)
from tests.integration.notifier.notifier_parts import DAY, House, people
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceAsyncStub


class TestTheList:
    async def test_it_shows_the_evidence_oldest_doubt_first(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        young = await in_doubt(house, ["young@example.vn"], reason="WORKER_LOST")
        old = await in_doubt(house, ["old@example.vn"], hours=5)
        await house.take(["sent@example.vn"])

        found = await operator.ListDoubts(pb.ListDoubtsRequest())

        assert [it.message.run_id for it in found.doubts] == [str(old), str(young)]
        first, second = found.doubts
        (attempt,) = first.message.attempts
        assert (attempt.number, attempt.provider, attempt.worker) == (1, "smtp", "w1")
        assert (attempt.answer, attempt.outcome) == ("closed", message_pb2.MESSAGE_STATE_IN_DOUBT)
        assert attempt.HasField("start_time")
        assert (first.message.reason, first.written) == ("ANSWER_LOST", True)
        assert (second.message.reason, second.written) == ("WORKER_LOST", False)
        assert first.teller == doubt_pb2.DOUBT_TELLER_NOBODY
        assert first.policy == ABANDONED
        day = first.policy_time.ToDatetime() - first.doubt_time.ToDatetime()
        assert day == timedelta(hours=24)
        assert first.campaign_id == str(uuid.UUID(int=9))
        assert found.total == 2

    async def test_it_is_filtered_and_paged(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        wanted = await in_doubt(house, list(people(5)), hours=2, purpose=Purpose.MARKETING)
        await in_doubt(house, ["other@example.vn"], provider="backup", hours=2)
        await in_doubt(house, ["+84901234567"], channel=Channel.SMS, provider="smpp")
        by_run = pb.ListDoubtsRequest(run_id=str(wanted), page_size=3)

        first = await operator.ListDoubts(by_run)
        by_run.page_token = first.next_page_token
        rest = await operator.ListDoubts(by_run)

        everybody = [it.message.address for it in [*first.doubts, *rest.doubts]]
        assert sorted(everybody) == sorted(people(5))
        assert (len(first.doubts), first.total, rest.next_page_token) == (3, 5, "")
        for given, count in (
            ({"provider": "backup"}, 1),
            ({"channel": message_pb2.CHANNEL_SMS}, 1),
            ({"purpose": message_pb2.PURPOSE_MARKETING}, 5),
            ({"doubt_until": until(-3600)}, 6),
            ({"doubt_from": until(-3600)}, 1),
        ):
            found = await operator.ListDoubts(pb.ListDoubtsRequest(**given))  # type: ignore[arg-type]
            assert (len(found.doubts), found.total) == (count, count), given

    async def test_receipts_that_did_not_settle_it_are_shown(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        run = await in_doubt(
            house, ["+84901234567"], channel=Channel.SMS, provider="smpp", reason="ANSWER_LOST"
        )
        (id,) = await ids(house, run)
        async with house.sessions.begin() as session:
            key = Key(DAY, uuid.UUID(id))
            part = receipts.Part(key, number=1, part=1, parts=2, provider="smpp", reference="r1")
            await receipts.add_parts(session, [part])
            said = Receipt("smpp", "r1", State.DELIVERED, "stat:DELIVRD")
            await receipts.add(session, [said])
            await receipts.add(session, [Receipt("smpp", "r2", State.DELIVERED, "other")])
            await receipts.apply(session, 10)

        found = await operator.GetDoubt(pb.GetDoubtRequest(message_id=id))

        (receipt,) = found.receipts
        assert (receipt.reference, receipt.detail) == ("r1", "stat:DELIVRD")
        assert receipt.state == message_pb2.MESSAGE_STATE_DELIVERED
        assert found.teller == doubt_pb2.DOUBT_TELLER_RECEIPT

    async def test_what_is_not_in_doubt_is_not_found(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        (id,) = await ids(house, await house.take(["a@example.vn"]))

        with refused(NotFound, "RESOURCE_MISSING"):
            await operator.GetDoubt(pb.GetDoubtRequest(message_id=id))
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await operator.GetDoubt(pb.GetDoubtRequest(message_id="x"))
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await operator.ListDoubts(pb.ListDoubtsRequest(run_id="x"))
        assert refusal.fields() == ["run_id"]


class TestSettling:
    @pytest.mark.parametrize(
        ("act", "state"),
        [(ACCEPTED, State.ACCEPTED), (FAILED, State.FAILED), (ABANDONED, State.ABANDONED)],
    )
    async def test_it_moves_the_message_and_says_who_and_why(
        self, house: House, operator: "DoubtServiceAsyncStub", act: Any, state: State
    ) -> None:
        id = await one(house)

        deed = await operator.SettleDoubt(settling(id, act))

        (row,) = await house.sql("SELECT state, reason, doubt_since, revision FROM messages")
        assert (row.state, row.reason, row.doubt_since) == (state, "SETTLED_BY_HAND", None)
        (told,) = await reported(house)
        assert (told.state, told.revision) == (state, row.revision)
        assert (deed.actor, deed.reason, deed.count) == (OPERATOR.subject, "asked the provider", 1)
        (kept,) = (await operator.ListDoubtDeeds(pb.ListDoubtDeedsRequest())).deeds
        assert kept == deed
        (entry,) = await audited(house)
        assert entry["action"] == f"doubt.{state.name.lower()}"
        assert entry["subject_id"] == id
        assert dict(entry["actor"])["subject"] == OPERATOR.subject
        assert dict(entry["after"])["reason"] == "asked the provider"

    async def test_the_same_request_is_done_once(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        id = await one(house)
        request = settling(id, request_id="r1")

        first, second = [await operator.SettleDoubt(request) for _ in range(2)]

        assert first == second
        assert len(await house.sql("SELECT 1 FROM doubt_deeds")) == 1
        with refused(AlreadyExists, "REQUEST_ID_REUSED"):
            await operator.SettleDoubt(settling(id, FAILED, request_id="r1"))

    async def test_what_is_wrong_is_named(self, operator: "DoubtServiceAsyncStub") -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await operator.SettleDoubt(settling("x", doubt_pb2.DOUBT_ACT_SENT_AGAIN, reason="  "))

        assert sorted(refusal.fields()) == ["act", "message_id", "reason"]
        with refused(NotFound, "RESOURCE_MISSING"):
            await operator.SettleDoubt(settling(str(uuid.uuid4())))

    async def test_one_that_is_in_doubt_no_longer_is_left_alone(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        id = await one(house)
        await operator.SettleDoubt(settling(id))

        with refused(FailedPrecondition, "STATE_FORBIDS") as refusal:
            await operator.SettleDoubt(settling(id, ABANDONED))

        assert refusal.error.metadata["state"] == "ACCEPTED"
        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await operator.ResendDoubt(resending(id, force=True))

    async def test_one_that_changed_since_it_was_read_is_left_alone(
        self, house: House, operator: "DoubtServiceAsyncStub"
    ) -> None:
        id = await one(house)
        read = await operator.GetDoubt(pb.GetDoubtRequest(message_id=id))
        await house.sql("UPDATE messages SET revision = revision + 1")

        for call in (
            operator.SettleDoubt(settling(id, etag=read.etag)),
            operator.ResendDoubt(resending(id, etag=read.etag, force=True)),
        ):
            with refused(Aborted, "ETAG_STALE"):
                await call

        assert [it.state for it in await house.sql("SELECT state FROM messages")] == [7]

    async def test_it_needs_a_right_of_its_own(self, house: House, served: Served) -> None:
        id = await one(house)
        reader = DoubtServiceStub(served.as_(READER))
        marketer = DoubtServiceStub(served.as_(MARKETER))

        assert (await reader.ListDoubts(pb.ListDoubtsRequest())).total == 1
        for call in (
            reader.SettleDoubt(settling(id)),
            reader.ResendDoubt(resending(id, force=True)),
            reader.SettleDoubts(pb.SettleDoubtsRequest()),
            reader.ResendDoubts(pb.ResendDoubtsRequest()),
            marketer.ListDoubts(pb.ListDoubtsRequest()),
            marketer.GetDoubt(pb.GetDoubtRequest(message_id=id)),
            marketer.ListDoubtDeeds(pb.ListDoubtDeedsRequest()),
        ):
            with refused(PermissionDenied, "RIGHT_MISSING"):
                await call
