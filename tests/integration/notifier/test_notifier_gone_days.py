"""Days of messages that are gone: nothing is sent twice, and what is left of them."""

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError

from services.notifier.consumers import Bulk
from services.notifier.domain.states import State
from services.notifier.storage import lookups, partitions, receipts
from services.notifier.storage.receipts import Receipt
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.broker_parts import work
from tests.integration.notifier.notifier_parts import (
    House,
    MailServer,
    make_settings,
)

if TYPE_CHECKING:
    pass
from tests.integration.notifier.retention_parts import (
    OLD,
    PEOPLE,
    counted,
    over,
    retention,
    tables,
    until_gone,
)


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
