"""The worker that plans for series: each occurrence once, whatever happens to it."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import AfterOrderRule, InvoiceDueRule
from crm.leads.v1 import events_pb2, transaction_pb2
from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.interactions import workers
from services.interactions.usecases import expansion
from tests.integration.interactions.house import stamp
from tests.integration.interactions.series_parts import (
    AHEAD,
    ENDED,
    at,
    make,
    move,
    planned,
    rule,
    times,
)

_FROM_THE_START = (
    "UPDATE series SET cursor_local = start_local, cursor_passed = 0, due_time = now()"
)
_A_DAY_BACK = """
    UPDATE series SET cursor_local = cursor_local - interval '1 day',
        cursor_passed = cursor_passed - 1, due_time = now()
"""
_WITHOUT_THE_LAST = """
    DELETE FROM follow_ups
    WHERE recurrence_time = (SELECT max(recurrence_time) FROM follow_ups)
"""
ORDER = transaction_pb2.TRANSACTION_TYPE_ORDER
INVOICE = transaction_pb2.TRANSACTION_TYPE_INVOICE


async def sql(house: Any, statement: str) -> None:
    async with house.sessions.begin() as session:
        await session.execute(text(statement))


async def work(house: Any) -> None:
    while await workers.expand_batch(house.sessions):
        pass


async def as_if_made_days_ago(house: Any, days: int) -> None:
    """Takes back everything planned, as if every replica had been away since then."""
    await sql(house, "DELETE FROM follow_ups")
    query = text(
        "UPDATE series SET cursor_local = start_local - :ago, cursor_passed = 0,"
        " start_local = start_local - :ago, since = since - :ago, due_time = now()"
    )
    async with house.sessions.begin() as session:
        await session.execute(query, {"ago": timedelta(days=days)})


async def killed_before_the_commit(house: Any) -> None:
    async with house.sessions.begin() as session:
        await expansion.expand_due(session, 500)
        raise asyncio.CancelledError


class TestWorker:
    async def test_what_was_missed_is_caught_up_once(self, house: Any) -> None:
        made = await make(house)
        await as_if_made_days_ago(house, 10)

        await work(house)
        once = await times(house, made.id)
        await sql(house, "UPDATE series SET due_time = now()")
        await work(house)

        assert once[:11] == [at(day) for day in range(-10, 1)]
        assert await times(house, made.id) == once
        assert len(set(once)) == len(once)
        opened = [it.status == follow_up_pb2.FOLLOW_UP_STATUS_OPEN for it in await planned(house)]
        assert opened == [time <= datetime.now(UTC) for time in once]

    async def test_replicas_share_the_work(self, house: Any) -> None:
        for _ in range(6):
            await make(house)
        before = await times(house)
        await as_if_made_days_ago(house, 0)

        await asyncio.gather(*(work(house) for _ in range(4)))

        assert await times(house) == before

    async def test_a_kill_in_the_middle_neither_doubles_nor_loses(self, house: Any) -> None:
        await make(house)
        before = await times(house)
        await as_if_made_days_ago(house, 0)

        with pytest.raises(asyncio.CancelledError):
            await killed_before_the_commit(house)
        after_the_kill = await times(house)
        await work(house)

        assert after_the_kill == []
        assert await times(house) == before

    async def test_the_horizon_moves_with_time(self, house: Any) -> None:
        made = await make(house)
        before = await times(house, made.id)
        assert await workers.expand_batch(house.sessions) == 0
        await sql(house, _WITHOUT_THE_LAST)
        await sql(house, _A_DAY_BACK)

        await work(house)

        assert await times(house, made.id) == before

    async def test_much_is_planned_in_slices(self, house: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr(expansion, "ROWS", 10)
        contacts = [house.contact().id for _ in range(4)]

        made = await make(house, contact_ids=contacts)
        at_once = len(await times(house, made.id))
        await work(house)

        listed = await times(house, made.id)
        assert at_once == 8
        assert len(listed) == 4 * len(set(listed)) > 200

    async def test_one_that_was_deleted_is_not_planned_again(self, house: Any) -> None:
        made = await make(house, calendar=rule("FREQ=DAILY;COUNT=3"))
        first, *_ = await planned(house, made.id)
        await house.follow_ups().DeleteFollowUp(
            follow_up_service_pb2.DeleteFollowUpRequest(id=first.id)
        )
        await sql(house, _FROM_THE_START)

        await work(house)

        assert await times(house, made.id) == [at(1), at(2)]

    async def test_a_contact_that_is_deleted_leaves_every_series(self, house: Any) -> None:
        gone, stays = house.contact().id, house.contact().id
        both = await make(house, contact_ids=[gone, stays], calendar=rule("FREQ=DAILY;COUNT=2"))
        alone = await make(house, contact_ids=[gone])

        await house.tell(events_pb2.ContactDeleted(contact_id=gone, revision=9))
        await sql(house, _FROM_THE_START)
        await work(house)

        assert [it.contact_ids[0] for it in await planned(house)] == [stays, stays]
        left = await house.series().GetSeries(pb2.GetSeriesRequest(id=both.id))
        assert list(left.contact_ids) == [stays]
        over = await house.series().GetSeries(pb2.GetSeriesRequest(id=alone.id))
        assert over.state == ENDED


class TestAfterAnOrder:
    async def order(self, house: Any, contact: str, time: datetime, **more: Any) -> Any:
        said = {"type": ORDER, "id": str(uuid7()), "system": "pos", **more}
        told = transaction_pb2.Transaction(contact_id=contact, time=stamp(time), **said)
        await house.tell(events_pb2.TransactionsIngested(transactions=[told]))
        await work(house)
        return told

    async def make(self, house: Any, contact: str, days: int = 5) -> Any:
        after = AfterOrderRule(days=days, time_of_day="09:00")
        return await make(house, contact_ids=[contact], after_order=after)

    async def test_it_is_planned_days_after_the_last_order(self, house: Any) -> None:
        contact = house.contact().id
        made = await self.make(house, contact)

        await self.order(house, contact, at(-3))
        await self.order(house, contact, at(-30))
        await self.order(house, house.contact().id, at(-1))

        assert await times(house, made.id) == [at(2)]

    async def test_orders_from_before_it_was_made_count(self, house: Any) -> None:
        contact = house.contact().id
        await self.order(house, contact, at(-3))

        made = await self.make(house, contact)

        assert await times(house, made.id) == [at(2)]

    async def test_a_newer_order_takes_back_what_an_older_one_planned(self, house: Any) -> None:
        contact = house.contact().id
        made = await self.make(house, contact)
        await self.order(house, contact, at(-4))

        newer = await self.order(house, contact, at(-3))
        moved_on = await times(house, made.id)
        await self.order(house, contact, at(-3), id=newer.id, status="cancelled")

        assert moved_on == [at(2)]
        assert await times(house, made.id) == [at(1)]

    async def test_a_touched_one_stays(self, house: Any) -> None:
        contact = house.contact().id
        made = await self.make(house, contact)
        await self.order(house, contact, at(-4))
        [only] = await planned(house, made.id)
        await move(house, only, timedelta(hours=1))

        await self.order(house, contact, at(-3))

        assert await times(house, made.id) == [at(1), at(2)]

    async def test_what_is_far_waits_for_the_horizon(self, house: Any) -> None:
        contact = house.contact().id
        made = await self.make(house, contact, days=200)

        await self.order(house, contact, at(-3))

        assert await times(house, made.id) == []
        async with house.sessions.begin() as session:
            due = await session.scalar(text("SELECT due_time FROM series"))
        assert due == at(197) - timedelta(days=60)


class TestAnInvoiceIsDue:
    async def bill(self, house: Any, contact: str, day: int, **more: Any) -> Any:
        """Tells an invoice that is due so many days after `AHEAD`, and has the workers look."""
        due = (AHEAD + timedelta(days=day)).date().isoformat()
        said = {"type": INVOICE, "id": str(uuid7()), "due_date": due, "time": stamp(at(-9)), **more}
        told = transaction_pb2.Transaction(contact_id=contact, **said)
        await house.tell(events_pb2.TransactionsIngested(transactions=[told]))
        await work(house)
        return told

    async def make(self, house: Any, contact: str, days: int) -> Any:
        due = InvoiceDueRule(days=days, time_of_day="09:00")
        return await make(house, contact_ids=[contact], invoice_due=due)

    @pytest.mark.parametrize("days", [-2, 0, 3])
    async def test_each_unpaid_one_is_followed_up_so_many_days_from_its_day(
        self, house: Any, days: int
    ) -> None:
        contact = house.contact().id
        await self.bill(house, contact, 3)
        made = await self.make(house, contact, days)

        await self.bill(house, contact, 10)
        await self.bill(house, contact, 10)
        await self.bill(house, contact, 20, type=ORDER)
        await self.bill(house, contact, 21, due_date="")
        await self.bill(house, house.contact().id, 22)

        assert made.invoice_due.days == days
        assert await times(house, made.id) == [at(3 + days), at(10 + days)]

    @pytest.mark.parametrize("change", [{"paid_time": stamp(at(-3))}, {"status": "cancelled"}])
    async def test_one_that_was_paid_or_cancelled_meanwhile_is_not(
        self, house: Any, change: dict[str, Any]
    ) -> None:
        contact = house.contact().id
        made = await self.make(house, contact, 1)
        told = await self.bill(house, contact, 5)
        await self.bill(house, contact, 8)

        await self.bill(house, contact, 5, id=told.id, **change)

        assert await times(house, made.id) == [at(9)]
