"""Messages in doubt: the list with its evidence, every act on it, and policy."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import doubt_pb2, events_pb2, message_pb2
from crm.notifier.v1 import doubt_service_pb2 as pb
from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceStub
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.context import Principal
from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from services.notifier import rpc
from services.notifier.domain.states import Channel, Next, Purpose, State
from services.notifier.domain.work import Key
from services.notifier.storage import attempts, doubts, receipts
from services.notifier.storage.receipts import Receipt
from services.notifier.usecases import doubts as usecases
from services.notifier.workers.sweeps import Sweeper
from tests.integration.conftest import Serve
from tests.integration.notifier.notifier_parts import DAY, House, MailServer, people
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceAsyncStub

OPERATOR = Principal(str(uuid.uuid4()), "user", rights={"doubts": {"read": "all", "write": "all"}})
READER = Principal(str(uuid.uuid4()), "user", rights={"doubts": {"read": "all"}})
MARKETER = Principal(str(uuid.uuid4()), "user", rights={"messages": {"read": "all"}})
ACCEPTED, FAILED = doubt_pb2.DOUBT_ACT_ACCEPTED, doubt_pb2.DOUBT_ACT_FAILED
ABANDONED = doubt_pb2.DOUBT_ACT_ABANDONED


@pytest.fixture
async def served(house: House, serve: Serve) -> Served:
    """The notifier's server."""
    return await serve(
        house.settings, "notifier", rpc.servicers(house.settings, house.sessions, [])
    )


@pytest.fixture
def operator(served: Served) -> "DoubtServiceAsyncStub":
    """DoubtService, called by somebody who may settle doubts."""
    return DoubtServiceStub(served.as_(OPERATOR))


async def in_doubt(
    house: House,
    addresses: list[str],
    *,
    provider: str = "smtp",
    reason: str = "ANSWER_LOST",
    hours: float = 0,
    **told: Any,
) -> uuid.UUID:
    """A run all of whose messages are in doubt since so many hours."""
    run = await house.take(addresses, **told)
    await house.sql(
        "UPDATE messages SET state = 7, reason = :reason, attempts = 1, provider = :provider,"
        " worker = 'w1', attempt_started_at = now(), attempt_ended_at = now(),"
        " attempt_outcome = 7, answer = 'closed', revision = 3,"
        " doubt_since = now() - make_interval(secs => :seconds) WHERE run_id = :run",
        run=run,
        reason=reason,
        provider=provider,
        seconds=hours * 3600,
    )
    await house.sql("UPDATE cursors SET claimed_to = 1000000 WHERE run_id = :run", run=run)
    return run


async def ids(house: House, run: uuid.UUID) -> list[str]:
    """Ids of a run's messages, in its order."""
    rows = await house.sql(
        "SELECT message_id FROM messages WHERE run_id = :run ORDER BY seq", run=run
    )
    return [str(it.message_id) for it in rows]


async def one(house: House, **told: Any) -> str:
    """A message in doubt."""
    return (await ids(house, await in_doubt(house, ["dao@example.vn"], **told)))[0]


async def audited(house: House) -> list[dict[str, Any]]:
    """The audit entries so far."""
    rows = await house.sql("SELECT payload FROM outbox WHERE class = 'audit' ORDER BY id")
    return [dict(Struct.FromString(bytes(it.payload))) for it in rows]


async def reported(house: House) -> list[events_pb2.ProgressGroup]:
    """What campaigns was told, a message at a time."""
    rows = await house.sql(
        "SELECT payload FROM outbox WHERE subject LIKE '%MessagesProgressed' ORDER BY id"
    )
    return [
        group
        for it in rows
        for group in events_pb2.MessagesProgressed.FromString(bytes(it.payload)).groups
        for _ in range(0, len(group.message_ids), 16)
    ]


def settling(message_id: str, act: Any = ACCEPTED, **given: Any) -> pb.SettleDoubtRequest:
    """A request that may be granted."""
    return pb.SettleDoubtRequest(
        **{"message_id": message_id, "act": act, "reason": "asked the provider", **given}
    )


def resending(message_id: str, **given: Any) -> pb.ResendDoubtRequest:
    """A request that may be granted."""
    return pb.ResendDoubtRequest(
        **{
            "message_id": message_id,
            "reason": "she waits for it",
            "accept_duplicate": True,
            **given,
        }
    )


def until(seconds: float = 60) -> Timestamp:
    """A time so many seconds from now."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return stamp


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

        async def give_up(id: str) -> bool:
            try:
                await operator.SettleDoubt(settling(id, ABANDONED))
            except Exception:
                with refused(FailedPrecondition, "STATE_FORBIDS"):
                    await operator.SettleDoubt(settling(id, ABANDONED))
                return False
            return True

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
