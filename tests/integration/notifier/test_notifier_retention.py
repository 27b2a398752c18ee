"""Messages of old days are let go of by the day; nothing of them is ever sent again."""

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from crm.notifier.v1 import message_service_pb2 as pb
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub

from chassis.context import Principal
from chassis.errors import FailedPrecondition
from services.notifier import rpc
from services.notifier.domain.states import Channel, State
from services.notifier.storage import dossiers, lookups
from tests.integration.conftest import Serve
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
)
from tests.integration.serving import refused

if TYPE_CHECKING:
    from crm.notifier.v1.message_service_pb2_grpc import MessageServiceAsyncStub
from tests.integration.notifier.retention_parts import (
    OLD,
    PEOPLE,
    over,
    retention,
    tables,
    until_gone,
)


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
