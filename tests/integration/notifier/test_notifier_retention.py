"""Messages of old days are let go of by the day; nothing of them is ever sent again."""

import uuid
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import message_service_pb2 as pb
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub
from prometheus_client import REGISTRY
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from chassis.context import Principal
from chassis.errors import FailedPrecondition
from services.notifier import rpc
from services.notifier.consumers import Bulk
from services.notifier.domain.states import Channel, State
from services.notifier.storage import dossiers, lookups, partitions, receipts
from services.notifier.storage.receipts import Receipt
from services.notifier.workers.retention import Retention
from services.notifier.workers.sweeps import Sweeper
from tests.integration.conftest import Serve
from tests.integration.notifier.broker_parts import work
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
    MailServer,
    make_settings,
    people,
)
from tests.integration.serving import refused

if TYPE_CHECKING:
    from crm.notifier.v1.message_service_pb2_grpc import MessageServiceAsyncStub

OLD = date(2020, 1, 2)
PEOPLE = list(people(4))


def retention(house: House, days: int = 40) -> Retention:
    """A worker that keeps so many days."""
    return Retention(house.settings.model_copy(update={"messages_keep_days": days}), house.sessions)


async def over(house: House, *, state: State = State.ACCEPTED) -> uuid.UUID:
    """A run of long ago; one of its people bounced, the others came to `state`."""
    run = await house.take(PEOPLE, run_date=OLD)
    await house.sql(
        "UPDATE messages SET state = CASE seq WHEN 1 THEN 10 ELSE :state END,"
        " reason = CASE seq WHEN 1 THEN 'NOT_DELIVERED' ELSE '' END, revision = 3"
        " WHERE run_id = :run",
        run=run,
        state=int(state),
    )
    await house.sql(
        "UPDATE runs SET busy = false, updated_at = '2020-01-03' WHERE run_id = :run", run=run
    )
    await house.sql("UPDATE cursors SET claimed_to = 4 WHERE run_id = :run", run=run)
    return run


async def tables(house: House) -> set[str]:
    """Which of the old day's tables there are."""
    found = await house.sql("SELECT relname FROM pg_class WHERE relname LIKE '%s_20200102'")
    return {it.relname for it in found}


async def until_gone(house: House, worker: Retention) -> None:
    """Lets go of all days that are due; those before may be of other tests."""
    while await worker.round():
        pass
    gone = await house.sql("SELECT 1 FROM gone_days WHERE run_date = :day", day=OLD)
    assert gone, "the day has to be gone"


def counted(counter: str, /, **labels: str) -> float:
    """A counter's value."""
    return REGISTRY.get_sample_value(f"mekong_notifier_{counter}_total", labels) or 0.0


class TestOldDays:
    async def test_they_are_dropped_and_figures_and_short_rows_stay(self, house: House) -> None:
        run = await over(house)
        today = await house.take(["moi@example.vn", PEOPLE[1]], run_date=datetime.now(UTC).date())

        await until_gone(house, retention(house))

        assert await tables(house) == set()
        assert await house.counts(run) == {State.ACCEPTED: 3, State.BOUNCED: 1}
        assert await house.counts(today) == {State.QUEUED: 2}
        totals = await house.sql(
            "SELECT state, reason, messages FROM run_totals WHERE run_id = :run ORDER BY state",
            run=run,
        )
        assert totals == [(8, "", 3), (10, "NOT_DELIVERED", 1)]
        async with house.sessions.begin() as session:
            sent = await dossiers.page(session, PEOPLE[1], dossiers.FIRST, 10)
            assert [(it.run_id, it.state) for it in sent] == [
                (today, State.QUEUED),
                (run, State.ACCEPTED),
            ]
            bounced = await lookups.get(session, uuid.uuid5(run, PEOPLE[0]))
            assert bounced is not None
            assert (bounced.state, bounced.reason) == (State.BOUNCED, "NOT_DELIVERED")
            # A reply STOP still finds whose message it answers.
            owner = await lookups.last_advertiser(session, Channel.EMAIL, PEOPLE[2])
            assert owner == ADVERTISER
        (kept,) = await house.sql("SELECT to_jsonb(p) AS row FROM past_messages p LIMIT 1")
        assert not {"values", "content_hash", "answer", "address"} & set(kept.row)

    async def test_a_list_of_a_run_of_such_a_day_is_refused_and_not_empty(
        self, house: House, serve: Serve
    ) -> None:
        run = await over(house)
        await until_gone(house, retention(house))
        served = await serve(
            house.settings, "notifier", rpc.servicers(house.settings, house.sessions, [])
        )
        reader = Principal(str(uuid.uuid4()), "user", rights={"messages": {"read": "all"}})
        stub: MessageServiceAsyncStub = MessageServiceStub(served.as_(reader))

        with refused(FailedPrecondition, "ROWS_GONE"):
            await stub.ListMessages(pb.ListMessagesRequest(run_id=str(run)))
        counted = await stub.CountMessages(pb.CountMessagesRequest(run_id=str(run)))
        assert sum(it.count for it in counted.counts) == 4

    async def test_the_day_let_go_is_audited(self, house: House) -> None:
        await over(house)

        await until_gone(house, retention(house))

        entries = await house.sql(
            "SELECT 1 FROM outbox WHERE subject = 'audit.notifier'"
            " AND position(convert_to('messages.let_go', 'UTF8') IN payload) > 0"
            " AND position(convert_to('2020-01-02', 'UTF8') IN payload) > 0"
        )
        assert len(entries) == 1

    async def test_without_a_number_of_days_nothing_goes(self, house: House) -> None:
        await over(house)

        assert not await retention(house, 0).round()

        assert "messages_20200102" in await tables(house)

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE messages SET state = 1 WHERE seq = 2",
            "UPDATE messages SET state = 2 WHERE seq = 2",
            "UPDATE messages SET state = 3 WHERE seq = 2",
            "UPDATE messages SET state = 7, doubt_since = now() WHERE seq = 2",
            "UPDATE runs SET busy = true",
            "UPDATE runs SET state = 'PAUSED'",
            "UPDATE runs SET updated_at = now()",
            "INSERT INTO ready SELECT message_id, run_date, run_id, channel, now() FROM messages",
            "INSERT INTO claims (run_date, worker, lease_until) VALUES ('2020-01-02', 'w', now())",
            "INSERT INTO claims (ids, dates, worker, lease_until)"
            " SELECT array_agg(message_id), array_agg(run_date), 'w', now() FROM messages",
            "INSERT INTO message_keys SELECT 's', 'r', '', message_id, run_date, run_date"
            " FROM messages LIMIT 1",
        ],
    )
    async def test_a_day_of_which_anything_is_unsettled_stays(
        self, house: House, change: str
    ) -> None:
        await over(house)
        await house.sql(change)
        worker = retention(house)

        while await worker.round():
            pass
        assert not await worker.detach(OLD)

        assert "messages_20200102" in await tables(house)
        assert await house.sql("SELECT 1 FROM gone_days WHERE run_date = :day", day=OLD) == []

    async def test_nobody_waits_long_for_a_table_that_is_read(self, house: House) -> None:
        await over(house)
        async with house.sessions.begin() as session:
            await lookups.counts(session, uuid.uuid4())  # holds the table until the end

            assert not await retention(house).detach(OLD)

        assert "messages_20200102" in await tables(house)
        await until_gone(house, retention(house))


class TestStopsInBetween:
    async def test_stopped_before_the_day_was_taken_out_it_is_done_again(
        self, house: House
    ) -> None:
        run = await over(house)
        await retention(house).keep_short(OLD)
        # A receipt came in between.
        await house.sql("UPDATE messages SET state = 9, revision = 4 WHERE seq = 2")

        await until_gone(house, retention(house))

        assert await house.counts(run) == {
            State.ACCEPTED: 2,
            State.DELIVERED: 1,
            State.BOUNCED: 1,
        }
        states = await house.sql("SELECT state FROM past_messages ORDER BY seq")
        assert [it.state for it in states] == [10, 9, 8, 8]

    async def test_stopped_before_the_drop_it_is_finished_even_if_switched_off(
        self, house: House
    ) -> None:
        run = await over(house)
        await retention(house).keep_short(OLD)
        await house.sql("DELETE FROM past_messages WHERE seq = 3")
        await house.sql("DELETE FROM run_totals")
        assert await retention(house).detach(OLD)
        assert "gone_messages_20200102" in await tables(house)

        assert await retention(house, 0).round()

        assert await tables(house) == set()
        assert await house.counts(run) == {State.ACCEPTED: 3, State.BOUNCED: 1}
        assert len(await house.sql("SELECT 1 FROM past_messages")) == 4


class TestNothingIsSentTwice:
    @pytest.mark.parametrize("dropped", [True, False])
    async def test_a_chunk_of_a_gone_day_that_comes_again_sends_nobody_anything(
        self, house: House, mail: MailServer, dropped: bool
    ) -> None:
        engine = house.engine(mail.wire())
        run = uuid.uuid4()
        event: Any = SimpleNamespace(data=work(run, PEOPLE, run_date=OLD.isoformat()))
        taker = Bulk(
            house.settings,
            house.sessions,
            None,  # type: ignore[arg-type]
            engine.nudge,
            [engine.take],
        )
        await taker.take(event)
        await house.until(run, {State.ACCEPTED: 4})
        await house.eventually("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM claims)")
        await house.sql("UPDATE runs SET updated_at = '2020-01-03'")
        await Sweeper(house.settings, house.sessions).rest_runs()
        if dropped:
            await until_gone(house, retention(house))
        else:
            await retention(house).keep_short(OLD)
            assert await retention(house).detach(OLD)
        before = counted("chunks_of_gone_days")

        for _ in range(3):
            await taker.take(event)

        await house.until(await self._another(house), {State.ACCEPTED: 1})
        assert sorted(mail.taken) == sorted([*PEOPLE, "sau@example.vn"])
        assert counted("chunks_of_gone_days") == before + 3
        assert await house.sql("SELECT 1 FROM messages WHERE run_id = :run", run=run) == []
        assert await house.counts(run) == {State.ACCEPTED: 4}
        async with house.sessions.begin() as session:
            ids = [uuid.uuid5(run, it) for it in PEOPLE]
            # campaigns, who asks what arrived, is not told that it never did
            assert sorted(await lookups.known(session, run, ids)) == sorted(ids)
        assert await retention(house, 0).round() is not dropped
        assert await tables(house) == set()

    async def _another(self, house: House) -> uuid.UUID:
        """A run of today: once it is sent, what came before it would have been, too."""
        return await house.take(["sau@example.vn"], run_date=datetime.now(UTC).date())

    async def test_who_found_the_day_in_place_and_stores_too_late_is_refused_by_the_table(
        self, house: House
    ) -> None:
        await over(house)
        await until_gone(house, retention(house))

        with pytest.raises(DBAPIError, match="no partition"):
            await house.sql(
                "INSERT INTO messages (run_date, message_id, channel, purpose, advertiser_id,"
                " address, address_key) VALUES (:day, :id, 2, 3, :id, 'a', 'a')",
                day=OLD,
                id=uuid.uuid4(),
            )
        with pytest.raises(partitions.DayGone):
            await house.take(PEOPLE, run_date=OLD)

    def test_fewer_days_than_a_request_may_be_asked_again_are_refused(self) -> None:
        assert make_settings("postgresql://", messages_keep_days=35).messages_keep_days == 35
        with pytest.raises(ValidationError, match="at least 35"):
            make_settings("postgresql://", messages_keep_days=34)


class TestTheRest:
    async def test_receipts_that_come_too_late_are_counted_and_no_error(self, house: House) -> None:
        run = await over(house)
        await until_gone(house, retention(house))
        id = uuid.uuid5(run, PEOPLE[1])
        async with house.sessions.begin() as session:
            await receipts.add(
                session,
                [
                    Receipt("smpp", "a1", State.DELIVERED, "", id),
                    Receipt("smpp", "b2", State.DELIVERED, ""),
                    Receipt("smpp", "c3", State.DELIVERED, ""),
                ],
            )
            assert await receipts.apply(session, 10) == []
        await house.sql(
            "UPDATE receipts SET received_at = now() - interval '2 days' WHERE reference <> 'c3'"
        )
        gone = counted("receipts_unmatched", what="gone")
        unknown = counted("receipts_unmatched", what="unknown")

        await retention(house).work()

        assert counted("receipts_unmatched", what="gone") == gone + 1
        assert counted("receipts_unmatched", what="unknown") == unknown + 1
        waiting = await house.sql("SELECT reference FROM receipts WHERE applied_at IS NULL")
        assert waiting == [("c3",)]

    async def test_days_to_come_are_made_ahead(self, house: House) -> None:
        await retention(house, 0).work()

        today = datetime.now(UTC).date()
        async with house.sessions.begin() as session:
            for ahead in range(4):
                assert not await partitions.missing(session, today + timedelta(days=ahead))
