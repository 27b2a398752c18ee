"""Who reaches some of the contacts learns nothing of the others, and changes nothing of theirs."""

from dataclasses import replace

import pytest
from crm.leads.v1 import contact_pb2, contact_service_pb2, transaction_pb2
from crm.leads.v1 import transaction_service_pb2 as transactions_pb

from chassis.errors import InvalidArgument
from tests.integration.leads.conftest import ALICE, BOB, CARE, NOBODY, SALES, Leads, user
from tests.integration.serving import refused

THEIRS = "is a transaction of another contact"


@pytest.fixture
async def mine(leads: Leads) -> contact_pb2.Contact:
    """A contact of Alice, who reaches hers alone."""
    return await leads.contact(owner_ids=[ALICE], team_id=SALES)


@pytest.fixture
async def theirs(leads: Leads) -> contact_pb2.Contact:
    """A contact of somebody of another team."""
    return await leads.contact(owner_ids=[BOB], team_id=CARE)


def sale(leads: Leads, contact_id: str, its_id: str, amount: int) -> transaction_pb2.Transaction:
    made = transaction_pb2.Transaction(
        contact_id=contact_id,
        system="pos",
        external_id=its_id,
        type=transaction_pb2.TRANSACTION_TYPE_ORDER,
        amount=amount,
    )
    made.time.FromDatetime(leads.clock())
    return made


async def told(
    leads: Leads, *sales: transaction_pb2.Transaction
) -> transactions_pb.IngestTransactionsResponse:
    request = transactions_pb.IngestTransactionsRequest(transactions=sales)
    answer: transactions_pb.IngestTransactionsResponse = (
        await leads.transactions.IngestTransactions(request)
    )
    return answer


async def bought(leads: Leads, contact_id: str) -> list[tuple[str, int]]:
    request = transactions_pb.ListTransactionsRequest(contact_id=contact_id)
    found = await leads.transactions.ListTransactions(request)
    return [(it.external_id, it.amount) for it in found.transactions]


class TestASale:
    @pytest.mark.parametrize("level", ["own", "team"])
    async def test_of_somebody_out_of_reach_is_neither_taken_over_nor_changed(
        self, leads: Leads, mine: contact_pb2.Contact, theirs: contact_pb2.Contact, level: str
    ) -> None:
        await told(leads, sale(leads, theirs.id, "HD-1", 100), sale(leads, mine.id, "HD-2", 200))
        alice = leads.as_(user(ALICE, SALES, contacts=level))

        answer = await told(
            alice,
            sale(leads, mine.id, "HD-3", 300),
            sale(leads, mine.id, "HD-1", 1),
            sale(leads, mine.id, "HD-2", 250),
            sale(leads, mine.id, "HD-1", 2),
        )

        assert (answer.created, answer.updated, answer.unchanged) == (1, 1, 0)
        refusals = [(it.index, it.field, it.reason) for it in answer.rejected]
        assert refusals == [(1, "external_id", THEIRS), (3, "external_id", THEIRS)]
        assert await bought(leads, theirs.id) == [("HD-1", 100)]
        assert sorted(await bought(leads, mine.id)) == [("HD-2", 250), ("HD-3", 300)]

    async def test_moves_to_another_contact_within_reach(
        self, leads: Leads, mine: contact_pb2.Contact, theirs: contact_pb2.Contact
    ) -> None:
        await told(leads, sale(leads, theirs.id, "HD-1", 100))
        everybody = leads.as_(user(ALICE, contacts="all"))

        answer = await told(everybody, sale(leads, mine.id, "HD-1", 100))

        assert (answer.updated, len(answer.rejected)) == (1, 0)
        assert await bought(leads, mine.id) == [("HD-1", 100)]


class TestAReferrer:
    async def test_out_of_reach_is_nobody(
        self, leads: Leads, mine: contact_pb2.Contact, theirs: contact_pb2.Contact
    ) -> None:
        alice = leads.as_(user(ALICE, SALES, contacts="own"))
        said = {}

        for referrer in (theirs.id, NOBODY):
            contact = contact_pb2.Contact(id=mine.id, referred_by_contact_id=referrer)
            with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
                await alice.contacts.UpdateContact(
                    contact_service_pb2.UpdateContactRequest(contact=contact)
                )
            said[referrer] = [(it.field, it.description) for it in refusal.error.violations]

        assert said[theirs.id] == said[NOBODY]
        assert said[NOBODY] == [("contact.referred_by_contact_id", "is no contact")]

    async def test_within_reach_may_be_named_by_who_only_writes(
        self, leads: Leads, mine: contact_pb2.Contact
    ) -> None:
        writer = replace(user(ALICE, SALES), rights={"contacts": {"write": "own"}})

        made = await leads.as_(writer).contact(referred_by_contact_id=mine.id)

        assert made.referred_by_contact_id == mine.id
