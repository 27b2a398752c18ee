"""A customer with a past, and what they see and change of themselves."""

from crm.leads.v1 import contact_pb2, transaction_pb2
from crm.leads.v1 import contact_service_pb2 as contacts_pb2
from crm.leads.v1 import transaction_service_pb2 as transactions_pb2

from tests.integration.leads.conftest import ALICE, Leads
from tests.integration.leads.consent_parts import stamp
from tests.integration.leads.contact_parts import a_person

OF_COLLEAGUES = ("dòng 1", ALICE)


async def an(leads: Leads) -> contact_pb2.Contact:
    request = contacts_pb2.CreateContactRequest(contact=a_person())
    made: contact_pb2.Contact = await leads.contacts.CreateContact(request)
    return made


async def buys(leads: Leads, contact: contact_pb2.Contact, number: str) -> None:
    sold = transaction_pb2.Transaction(
        system="pos",
        external_id=number,
        type=transaction_pb2.TRANSACTION_TYPE_ORDER,
        contact_id=contact.id,
        amount=250_000,
        time=stamp(leads.clock()),
        lines=[transaction_pb2.TransactionLine(product="Trà", quantity=2, amount=250_000)],
    )
    await leads.transactions.IngestTransactions(
        transactions_pb2.IngestTransactionsRequest(transactions=[sold])
    )
