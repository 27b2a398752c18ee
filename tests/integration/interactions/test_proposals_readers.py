"""What of a person is in proposals, as far as who looks may read contacts."""

from dataclasses import replace
from uuid import uuid4

import pytest
from crm.interactions.v1 import proposal_service_pb2 as pb2
from crm.leads.v1 import contact_pb2

from chassis import errors
from chassis.context import Principal
from tests.integration.interactions.house import person
from tests.integration.interactions.proposal_parts import Desk
from tests.integration.serving import refused

pytestmark = pytest.mark.timeout(300)

HIDEABLE = frozenset({"contacts.phones", "contacts.emails"})
PHONE = "+84912345678"


async def preview(desk: Desk, who: Principal, contact: contact_pb2.Contact) -> str:
    request = pb2.PreviewProposalRequest(proposal=desk.given(contact_id=contact.id))
    return (await desk.proposals(who).PreviewProposal(request)).html


@pytest.fixture
async def contact(desk: Desk) -> contact_pb2.Contact:
    """Somebody with a phone, and a template that prints it."""
    desk.template = await desk.write("Mẫu", "{{ display_name }}: {{ email }} {{ phone }}.")
    made = desk.contact()
    made.phones.append(contact_pb2.Phone(number=PHONE, valid=True))
    return made


class TestAPreview:
    async def test_it_prints_what_is_known(self, desk: Desk, contact: contact_pb2.Contact) -> None:
        assert f"Đào: dao@example.vn {PHONE}." in await preview(desk, person("all"), contact)

    async def test_what_a_role_hides_is_not_in_it(
        self, desk: Desk, contact: contact_pb2.Contact
    ) -> None:
        blind = replace(person("all"), hidden=HIDEABLE)
        desk.tokens.known[blind.subject] = replace(blind, actor="interactions")

        shown = await preview(desk, blind, contact)

        assert "Nguyễn Thị Đào: " in shown
        assert PHONE not in shown
        assert "dao@example.vn" not in shown


class TestADraft:
    """Printed by somebody who may read proposals, and few contacts or none."""

    async def test_it_is_printed_for_who_may_read_the_contact(
        self, desk: Desk, contact: contact_pb2.Contact
    ) -> None:
        made = await desk.draft(contact_id=contact.id)

        pdf = await desk.proposals(person("all")).GetProposalPdf(
            pb2.GetProposalPdfRequest(id=made.id)
        )

        assert pdf.data[:5] == b"%PDF-"

    async def test_not_beyond_a_programs_token_whatever_the_program_may(
        self, desk: Desk, contact: contact_pb2.Contact
    ) -> None:
        made = await desk.draft(contact_id=contact.id)
        rights = {"proposals": {"read": "all"}, "contacts": {"read": "own"}}
        narrowed = Principal(str(uuid4()), "client", rights=rights)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await desk.proposals(narrowed).GetProposalPdf(pb2.GetProposalPdfRequest(id=made.id))

        assert refusal.fields() == ["proposal.contact_id"]

    async def test_not_for_a_token_that_reads_no_contacts(
        self, desk: Desk, contact: contact_pb2.Contact
    ) -> None:
        made = await desk.draft(contact_id=contact.id)
        narrowed = Principal(str(uuid4()), "client", rights={"proposals": {"read": "all"}})

        with refused(errors.PermissionDenied, "RIGHT_MISSING") as refusal:
            await desk.proposals(narrowed).GetProposalPdf(pb2.GetProposalPdfRequest(id=made.id))

        assert refusal.error.metadata["resource"] == "contacts"


class TestAnAddress:
    @pytest.mark.parametrize(("reach", "unknown"), [("all", False), ("own", True)])
    async def test_it_is_known_as_far_as_a_programs_token_reaches(
        self, desk: Desk, contact: contact_pb2.Contact, reach: str, unknown: bool
    ) -> None:
        made = await desk.draft(address="dao@example.vn")
        rights = {"proposals": {"read": "all", "write": "all"}, "contacts": {"read": reach}}
        program = Principal(str(uuid4()), "client", rights=rights)

        assert (await desk.send(made, program)).address_unknown is unknown
