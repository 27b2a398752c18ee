"""Who has no name is shown by an address, and hidden as addresses are."""

from dataclasses import replace

import pytest
from crm.leads.v1 import contact_pb2, contact_service_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.context import Principal
from tests.integration.leads.conftest import ALICE, Leads, user
from tests.integration.leads.segment_parts import (
    ABSENT,
    CONTAINS,
    EQUALS,
    PRESENT,
    STARTS_WITH,
    field,
    group,
    preview,
    who,
)

PHONE, EMAIL = "+84912345678", "dao@example.vn"
SEEING = user(ALICE, contacts="all", segments="all")
pytestmark = pytest.mark.parametrize("hidden", ["phones", "emails"])


@pytest.fixture
async def nameless(leads: Leads) -> list[contact_pb2.Contact]:
    """Two without a name, beside somebody with both addresses and one."""
    await leads.contact(display_name="Đào", phone="0987 654 321", email="x@example.vn")
    return [
        await leads.contact(display_name="", phone=PHONE),
        await leads.contact(display_name="", email=EMAIL),
    ]


@pytest.fixture
def blind(hidden: str) -> Principal:
    return replace(SEEING, hidden=frozenset({f"contacts.{hidden}"}))


class TestTheirName:
    async def test_is_in_no_answer(
        self, leads: Leads, nameless: list[contact_pb2.Contact], blind: Principal
    ) -> None:
        reader = leads.as_(blind).contacts
        ids = [it.id for it in nameless]

        got = [await reader.GetContact(contact_service_pb2.GetContactRequest(id=it)) for it in ids]
        listed = await reader.ListContacts(contact_service_pb2.ListContactsRequest())
        sampled = await preview(leads.as_(blind), group())
        exported = [
            line
            async for part in reader.ExportContacts(contact_service_pb2.ExportContactsRequest())
            for line in part.contacts
        ]

        assert [it.display_name for it in nameless] == [PHONE, EMAIL]
        assert [it.display_name for it in got] == ["", ""]
        for some in (listed.contacts, sampled.sample, exported):
            assert sorted(it.display_name for it in some) == ["", "", "Đào"]

    async def test_stays_when_who_does_not_see_it_changes_something(
        self, leads: Leads, nameless: list[contact_pb2.Contact], blind: Principal
    ) -> None:
        shown = contact_pb2.Contact(id=nameless[0].id, job_title="Kế toán", display_name="")
        request = contact_service_pb2.UpdateContactRequest(
            contact=shown, update_mask=FieldMask(paths=["job_title", "display_name"])
        )

        answer = await leads.as_(blind).contacts.UpdateContact(request)

        assert (answer.job_title, answer.display_name) == ("Kế toán", "")
        assert await leads.names(query="345 678") == [PHONE]


class TestASearch:
    @pytest.mark.parametrize("query", ["0912345678", "+84912", "dao@", "example"])
    async def test_finds_nobody_by_it(
        self, leads: Leads, nameless: list[contact_pb2.Contact], blind: Principal, query: str
    ) -> None:
        assert await leads.names(query=query)
        assert await leads.as_(blind).names(query=query) == []


class TestACondition:
    async def test_on_names_finds_nobody_by_an_address(
        self, leads: Leads, nameless: list[contact_pb2.Contact], blind: Principal
    ) -> None:
        asking = leads.as_(blind)

        for compared, value in (
            (STARTS_WITH, "+84912"),
            (CONTAINS, "345678"),
            (EQUALS, EMAIL),
            (CONTAINS, "dao@"),
        ):
            assert await who(asking, field("display_name", compared, value)) == set()
        assert await who(asking, field("display_name", PRESENT)) == {"Đào"}
        assert (await preview(asking, group(field("display_name", ABSENT)))).count == 2
        assert await who(asking, field("display_name", CONTAINS, "dao")) == {"Đào"}


class TestTheOrderByName:
    async def test_tells_nothing_of_addresses(self, leads: Leads, blind: Principal) -> None:
        numbers = ["+84912345679", "+84912345670", "+84912345675"]
        ids = [(await leads.contact(display_name="", phone=it)).id for it in numbers]
        an = await leads.contact(display_name="An")
        request = contact_service_pb2.ListContactsRequest(
            order=contact_service_pb2.CONTACT_ORDER_NAME
        )

        listed = await leads.as_(blind).contacts.ListContacts(request)

        assert [it.id for it in listed.contacts] == [*ids, an.id]
