"""What proves a consent may quote an address: it is hidden with phones and e-mails."""

from dataclasses import replace

import pytest
from crm.leads.v1 import consent_service_pb2 as pb

from tests.integration.leads.conftest import ALICE, Leads, user
from tests.integration.leads.consent_parts import give, ledger


class TestEvidence:
    @pytest.mark.parametrize(
        ("hidden", "shown"), [("emails", ""), ("phones", ""), ("birthday", "from dao@example.vn")]
    )
    async def test_it_is_left_out_for_who_may_not_read_addresses(
        self, leads: Leads, hidden: str, shown: str
    ) -> None:
        dao = await leads.contact(display_name="Đào", email="dao@example.vn")
        await give(leads, dao.id, evidence="from dao@example.vn")
        seeing = user(ALICE, contacts="all")
        reader = leads.as_(replace(seeing, hidden=frozenset({f"contacts.{hidden}"})))

        found = await reader.consents.ListConsentEntries(
            pb.ListConsentEntriesRequest(contact_id=dao.id)
        )

        assert [(it.method, it.evidence) for it in found.entries] == [("web form", shown)]
        assert [it.evidence for it in await ledger(leads, dao.id)] == ["from dao@example.vn"]
