"""Contacts taken away as a file, and read back by an import."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from crm.leads.v1 import contact_line_pb2, contact_pb2, contact_service_pb2_grpc
from crm.leads.v1 import contact_service_pb2 as pb
from pydantic import SecretStr

from chassis.config import ServiceSettings
from services.gateway import files
from services.gateway.api import convert
from services.leads.rpc import contacts as rpc
from tests.integration import emptied
from tests.integration.conftest import Serve
from tests.integration.leads.conftest import SERVICE, Leads
from tests.integration.leads.contact_parts import a_person, exported
from tests.integration.leads.import_parts import Imports, counts, imports
from tests.integration.pools import Pools

Line = contact_line_pb2.ContactLine


def file(lines: list[Line]) -> bytes:
    """The file that the gateway makes of them for programs."""
    headings = [it.name for it in Line.DESCRIPTOR.fields]
    rows = [["" if it is None else str(it) for it in convert.to_json(x).values()] for x in lines]
    content: bytes = files.table(rows, headings, "contacts.csv").get_data()
    return content


class TestReadingItBack:
    @pytest.fixture
    def settings(
        self, leads_settings: ServiceSettings, make_database: Callable[[], str]
    ) -> ServiceSettings:
        """Settings with the empty database that the file is imported into."""
        url = emptied.migrate(make_database(), "services.leads")
        return leads_settings.model_copy(update={"database_url": SecretStr(url)})

    @pytest.fixture
    async def calls(
        self, serve: Serve, settings: ServiceSettings, pools: Pools
    ) -> AsyncIterator[Imports]:
        async with pools.open(settings, "leads") as sessions:
            yield await imports(serve, settings, sessions)

    @pytest.fixture
    async def elsewhere(self, serve: Serve, leads: Leads, calls: Imports, settings: Any) -> Leads:
        """Contacts of that database."""
        servicer = rpc.ContactServicer(calls.sessions, settings.seal_key, "vn", leads.clock)
        adder = contact_service_pb2_grpc.add_ContactServiceServicer_to_server
        return Leads(
            await serve(settings, "leads", [(adder, servicer)]),
            calls.sessions,
            leads.clock,
            SERVICE,
        )

    async def test_an_import_of_the_file_has_the_same_people(
        self, leads: Leads, calls: Imports, elsewhere: Leads
    ) -> None:
        await leads.contacts.CreateContact(pb.CreateContactRequest(contact=a_person()))
        phones = [contact_pb2.Phone(number=f"091234567{it}") for it in range(5)]
        emails = [contact_pb2.Email(address=f"{it}@x.vn") for it in ("a", "b", "-c", "d", "=e")]
        await leads.contact(display_name="=1+1", phones=phones, emails=emails, company="@SUM(A1)")
        await leads.contact(family_name="Lê", given_name="An", display_name="", phone="0987000111")
        born = contact_pb2.PartialDate(year=1990, month=1, day=2)
        await leads.contact(display_name='Anh "Bình", Hà', birthday=born, description="-\n=1")
        lines = await exported(leads)

        imported = await calls.run(file(lines))

        again = {it.reference_code: it for it in await exported(elsewhere)}
        assert counts(imported) == (4, 4, 0, 0, 0)
        for line in lines:
            found = again[line.reference_code]
            assert {it: getattr(found, it) for it in READ} == {it: getattr(line, it) for it in READ}


READ = (
    *("reference_code", "salutation", "family_name", "given_name", "display_name", "phone"),
    *("phone_2", "phone_3", "email", "email_2", "email_3", "company", "job_title", "gender"),
    *("birthday", "street", "ward", "province", "postal_code", "source", "tags", "description"),
)
"""What an import reads; status, stage, owners and times are those of the house it is done in."""
