"""Transactions from tills: idempotent by external id; a first sale makes a customer."""

import itertools
from datetime import datetime
from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, events_pb2, transaction_pb2
from crm.leads.v1 import contact_service_pb2 as contact_service
from crm.leads.v1 import transaction_service_pb2 as pb

from chassis.db.outbox import Class
from chassis.errors import NotFound, PermissionDenied, ResourceExhausted
from tests.integration.leads.conftest import ALICE, NOBODY, Leads, user
from tests.integration.serving import refused

INVOICE = transaction_pb2.TRANSACTION_TYPE_INVOICE
ORDER = transaction_pb2.TRANSACTION_TYPE_ORDER

_numbers = itertools.count(1)


def order(contact_id: str, time: datetime, **fields: Any) -> transaction_pb2.Transaction:
    values: dict[str, Any] = {
        "system": "pos",
        "external_id": f"HD{next(_numbers)}",
        "type": transaction_pb2.TRANSACTION_TYPE_ORDER,
        "amount": 150_000,
        **fields,
    }
    made = transaction_pb2.Transaction(contact_id=contact_id, **values)
    made.time.FromDatetime(time)
    return made


async def ingest(
    leads: Leads, *transactions: transaction_pb2.Transaction
) -> pb.IngestTransactionsResponse:
    request = pb.IngestTransactionsRequest(transactions=transactions)
    answer: pb.IngestTransactionsResponse = await leads.transactions.IngestTransactions(request)
    sent = answer.created + answer.updated + answer.unchanged + len(answer.rejected)
    assert sent == len(transactions)
    return answer


async def sale(leads: Leads, contact_id: str, **fields: Any) -> pb.IngestTransactionsResponse:
    fields.setdefault("time", leads.clock())
    return await ingest(leads, order(contact_id, **fields))


async def listed(leads: Leads, contact_id: str, **fields: Any) -> pb.ListTransactionsResponse:
    request = pb.ListTransactionsRequest(contact_id=contact_id, **fields)
    found: pb.ListTransactionsResponse = await leads.transactions.ListTransactions(request)
    return found


async def read(leads: Leads, contact_id: str) -> contact_pb2.Contact:
    request = contact_service.GetContactRequest(id=contact_id)
    found: contact_pb2.Contact = await leads.contacts.GetContact(request)
    return found


class TestIngesting:
    async def test_what_was_told_comes_back(self, leads: Leads) -> None:
        person, other = await leads.contact(), await leads.contact()
        lines = [
            transaction_pb2.TransactionLine(product="SP1", category="áo", quantity=2, amount=100),
            transaction_pb2.TransactionLine(product="SP2", quantity=1, amount=-50),
        ]
        told = order(person.id, leads.clock(), shop="Q1", status="paid", lines=lines)

        answer = await ingest(leads, told, order(other.id, leads.clock()))

        assert answer.created == 2
        (stored,) = (await listed(leads, person.id)).transactions
        told.id, told.currency = stored.id, "VND"
        assert stored == told
        (event,) = await leads.told(Class.FACTS, events_pb2.TransactionsIngested)
        assert len(event.transactions) == 2

    async def test_an_invoice_says_until_when_it_is_to_be_paid_and_when_it_was(
        self, leads: Leads
    ) -> None:
        person = await leads.contact()
        told = order(person.id, leads.clock(), type=INVOICE, due_date="2026-03-31")
        await ingest(leads, told)
        told.paid_time.FromDatetime(leads.clock())

        assert (await ingest(leads, told)).updated == 1

        (stored,) = (await listed(leads, person.id)).transactions
        assert (stored.due_date, stored.paid_time) == ("2026-03-31", told.paid_time)
        first, then = await leads.told(Class.FACTS, events_pb2.TransactionsIngested)
        assert not first.transactions[0].HasField("paid_time")
        assert then.transactions[0] == stored

    @pytest.mark.parametrize(
        ("fields", "field"),
        [
            ({"due_date": "2026-02-30"}, "due_date"),
            ({"due_date": "31/03/2026"}, "due_date"),
            ({"due_date": "1926-03-31"}, "due_date"),
            ({"due_date": "2026-03-31", "type": ORDER}, "due_date"),
            ({"paid_time": {"seconds": 2**40}}, "paid_time"),
            ({"paid_time": {"seconds": 4_000_000_000}}, "paid_time"),
            ({"paid_time": {"seconds": 1}, "type": ORDER}, "paid_time"),
        ],
    )
    async def test_days_of_payment_that_cannot_be_are_refused(
        self, leads: Leads, fields: dict[str, Any], field: str
    ) -> None:
        person = await leads.contact()
        told = order(person.id, leads.clock(), **{"type": INVOICE, **fields})

        answer = await ingest(leads, told)

        assert [it.field for it in answer.rejected] == [field]

    async def test_the_same_again_is_unchanged(self, leads: Leads) -> None:
        person = await leads.contact()
        told = order(person.id, leads.clock())

        counts = [await ingest(leads, told) for _ in range(3)]

        assert [(it.created, it.unchanged) for it in counts] == [(1, 0), (0, 1), (0, 1)]
        assert len((await listed(leads, person.id)).transactions) == 1

    async def test_the_same_id_changed_updates_what_is_stored(self, leads: Leads) -> None:
        person = await leads.contact()
        line = transaction_pb2.TransactionLine(product="SP1", quantity=1, amount=1)
        told = order(person.id, leads.clock(), lines=[line, line])
        await ingest(leads, told)
        told.amount = 7
        del told.lines[1]

        assert (await ingest(leads, told)).updated == 1
        (stored,) = (await listed(leads, person.id)).transactions
        assert (stored.amount, len(stored.lines)) == (7, 1)

    async def test_one_told_twice_in_a_batch_ends_as_told_last(self, leads: Leads) -> None:
        person = await leads.contact()
        first = order(person.id, leads.clock(), amount=1)
        second = transaction_pb2.Transaction()
        second.CopyFrom(first)
        second.amount = 2

        answer = await ingest(leads, first, second, second)

        assert (answer.created, answer.updated, answer.unchanged) == (1, 1, 1)
        assert (await listed(leads, person.id)).transactions[0].amount == 2

    async def test_it_is_found_by_the_contact_s_id_in_that_system(self, leads: Leads) -> None:
        ours = [contact_pb2.ExternalId(system="POS", id="77")]
        person = await leads.contact(external_ids=ours)
        await leads.contact(external_ids=[contact_pb2.ExternalId(system="shopee", id="77")])

        await ingest(leads, order("", leads.clock(), system="pos", contact_external_id="77"))

        assert len((await listed(leads, person.id)).transactions) == 1

    async def test_each_bad_one_is_named_and_the_good_ones_stored(self, leads: Leads) -> None:
        person, now = await leads.contact(), leads.clock()
        no_time = order(person.id, now)
        no_time.ClearField("time")
        bad_time = order(person.id, now)
        bad_time.time.seconds = 10**15
        bad_line = transaction_pb2.TransactionLine(product="", quantity=1)

        answer = await ingest(
            leads,
            order(person.id, now),
            order(person.id, now, amount=-1),
            order(person.id, now, type=0),
            order(person.id, now, external_id=""),
            order(person.id, now, currency="đồng"),
            order(NOBODY, now),
            order("x", now),
            order("", now),
            order("", now, contact_external_id="unknown"),
            no_time,
            bad_time,
            order(person.id, now, lines=[bad_line]),
            order(person.id, now),
        )

        assert answer.created == 2
        assert [(it.index, it.field) for it in answer.rejected] == [
            (1, "amount"),
            (2, "type"),
            (3, "external_id"),
            (4, "currency"),
            (5, "contact_id"),
            (6, "contact_id"),
            (7, "contact_id"),
            (8, "contact_external_id"),
            (9, "time"),
            (10, "time"),
            (11, "lines[0].product"),
        ]
        assert all(it.reason for it in answer.rejected)

    async def test_more_than_a_thousand_are_refused(self, leads: Leads) -> None:
        with refused(ResourceExhausted, "TOO_LARGE"):
            await ingest(leads, *[order(NOBODY, leads.clock())] * 1001)

    async def test_without_the_right_nothing_is_taken(self, leads: Leads) -> None:
        theirs = await leads.contact()

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await sale(leads.as_(user(ALICE, segments="all")), theirs.id)
        answer = await sale(leads.as_(user(ALICE, contacts="own")), theirs.id)
        assert [it.field for it in answer.rejected] == ["contact_id"]


class TestTheFirstSale:
    async def test_it_makes_a_customer_once(self, leads: Leads) -> None:
        lead, other = await leads.contact(), await leads.contact()

        first = await ingest(leads, *(order(lead.id, leads.clock()) for _ in range(2)))
        second = await sale(leads, lead.id)

        assert list(first.converted_contact_ids) == [lead.id]
        assert not second.converted_contact_ids
        customer = await read(leads, lead.id)
        assert (customer.kind, customer.status, customer.revision) == (2, 4, 2)
        assert (await read(leads, other.id)).kind == contact_pb2.CONTACT_KIND_LEAD
        told = await leads.told(Class.FACTS, events_pb2.ContactConverted)
        assert [(it.contact.id, it.by) for it in told] == [(lead.id, "sale")]
        request = contact_service.ListStageChangesRequest(contact_id=lead.id)
        (change,) = (await leads.contacts.ListStageChanges(request)).changes
        assert change.actor == "first_sale"

    @pytest.mark.parametrize(
        "fields", [{"type": 3}, {"type": 4}, {"status": "cancelled"}, {"status": "đã hủy"}]
    )
    async def test_what_is_no_sale_makes_none(self, leads: Leads, fields: dict[str, Any]) -> None:
        lead = await leads.contact()

        assert not (await sale(leads, lead.id, **fields)).converted_contact_ids
        assert (await read(leads, lead.id)).kind == contact_pb2.CONTACT_KIND_LEAD

    async def test_an_order_that_was_cancelled_and_is_not_any_more_makes_one(
        self, leads: Leads
    ) -> None:
        lead = await leads.contact()
        told = order(lead.id, leads.clock(), status="cancelled")
        await ingest(leads, told)
        told.status = "paid"

        assert (await ingest(leads, told)).converted_contact_ids == [lead.id]

    async def test_a_lost_lead_who_buys_is_a_customer(self, leads: Leads) -> None:
        lead = await leads.contact()
        request = contact_service.ChangeStatusRequest(
            id=lead.id, status=contact_pb2.LEAD_STATUS_LOST, lost_reason="giá"
        )
        await leads.contacts.ChangeStatus(request)

        assert (await sale(leads, lead.id)).converted_contact_ids == [lead.id]


class TestListing:
    async def test_newest_first_by_pages(self, leads: Leads) -> None:
        person = await leads.contact()
        for _ in range(3):
            leads.clock.pass_(days=1)
            await sale(leads, person.id)

        first = await listed(leads, person.id, page_size=2)
        second = await listed(leads, person.id, page_size=2, page_token=first.next_page_token)

        times = [it.time.seconds for it in (*first.transactions, *second.transactions)]
        assert times == sorted(times, reverse=True)
        assert (len(times), second.next_page_token) == (3, "")

    async def test_those_of_an_unseen_contact_are_missing(self, leads: Leads) -> None:
        theirs = await leads.contact()

        with refused(NotFound, "RESOURCE_MISSING"):
            await listed(leads.as_(user(ALICE, contacts="own")), theirs.id)
