"""What customers take with them: all that is theirs, and nothing internal."""

import json

from crm.leads.v1 import contact_pb2, source_pb2, source_service_pb2
from crm.leads.v1 import contact_service_pb2 as contacts_pb2
from crm.leads.v1 import portal_service_pb2 as pb

from tests.integration.leads.conftest import Leads
from tests.integration.leads.consent_parts import give
from tests.integration.leads.contact_parts import a_person
from tests.integration.leads.portal_parts import OF_COLLEAGUES, an, buys


async def exported(leads: Leads, contact: contact_pb2.Contact) -> bytes:
    stream = leads.customer(contact).portal.ExportMyData(pb.ExportMyDataRequest())
    return b"".join([it.lines async for it in stream])


class TestExport:
    async def test_all_of_it_comes_as_lines_and_nothing_of_anybody_else(self, leads: Leads) -> None:
        person = await an(leads)
        other = await leads.contact(display_name="Người khác", email="khac@a.example")
        await give(leads, person.id)
        await give(leads, other.id)
        await buys(leads, person, "HD-1")
        await buys(leads, other, "OTHER-1")
        entries = await leads.audit_count()

        taken = await exported(leads, person)

        lines = [json.loads(it) for it in taken.splitlines()]
        assert [it["what"] for it in lines] == ["profile", "details", "consent", "transaction"]
        assert lines[0]["emails"] == ["Minh.Khai@example.com"]
        assert (lines[2]["action"], lines[3]["number"]) == ("given", "HD-1")
        text = taken.decode()
        assert [it for it in ("Người khác", "khac@", "OTHER-1", *OF_COLLEAGUES) if it in text] == []
        assert await leads.audit_count() == entries + 1

    async def test_what_is_kept_besides_the_profile_is_in_it(self, leads: Leads) -> None:
        source = await leads.sources.CreateSource(
            source_service_pb2.CreateSourceRequest(source=source_pb2.Source(name="Hội chợ"))
        )
        given = a_person()
        given.source_id = source.id
        request = contacts_pb2.CreateContactRequest(contact=given)
        person = await leads.contacts.CreateContact(request)

        lines = [json.loads(it) for it in (await exported(leads, person)).splitlines()]

        (details,) = (it for it in lines if it["what"] == "details")
        assert (details["source"], details["company"]) == ("Hội chợ", person.company)
        assert (details["job_title"], details["tags"]) == (person.job_title, list(person.tags))
        assert details["create_time"]

    async def test_more_than_a_page_comes_whole(self, leads: Leads) -> None:
        person = await an(leads)
        for place in range(201):
            leads.clock.pass_(seconds=1)
            await give(leads, person.id, evidence=f"form {place}")

        lines = (await exported(leads, person)).splitlines()

        assert len(lines) == 203
