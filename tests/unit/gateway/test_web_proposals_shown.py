"""Pages of proposals for who may not see all of one: its link, its address."""

from typing import Any

import pytest
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2
from crm.leads.v1 import source_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.web_parts import ID, sent, shown

LINK, WORDS = "https://crm.example/p/abc", "The customer&#39;s link"


@pytest.fixture
def stored(peers: Any) -> proposal_pb2.Proposal:
    """The proposal that is there."""
    made = proposal_pb2.Proposal(
        id=ID, title="Báo giá", currency="VND", valid_until="2027-01-31", etag="3"
    )
    peers.answers.update(
        GetProposal=made,
        UpdateProposal=made,
        ListProposalEvents=proposal_service_pb2.ListProposalEventsResponse(),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(),
        ListProposalTemplates=proposal_service_pb2.ListProposalTemplatesResponse(
            templates=[proposal_pb2.ProposalTemplate(id=ID, name="Mẫu")]
        ),
    )
    return made


class TestTheLink:
    def test_whoever_gets_it_is_shown_it(
        self, signed_in: FlaskClient, stored: proposal_pb2.Proposal
    ) -> None:
        stored.link = LINK

        page = shown(signed_in, f"/proposals/{ID}?lang=en")

        assert f'href="{LINK}"' in page
        assert WORDS in page

    def test_whoever_does_not_is_shown_no_place_for_it(
        self, signed_in: FlaskClient, stored: proposal_pb2.Proposal
    ) -> None:
        assert WORDS not in shown(signed_in, f"/proposals/{ID}?lang=en")


class TestTheAddress:
    @pytest.mark.parametrize(
        ("typed", "is_changed"), [("", False), ("an@example.vn", True)], ids=["empty", "typed"]
    )
    def test_one_that_is_hidden_stays_unless_another_is_typed(
        self,
        signed_in: FlaskClient,
        peers: Any,
        stored: proposal_pb2.Proposal,
        typed: str,
        is_changed: bool,
    ) -> None:
        peers.answers["ExchangeSession"].hidden_fields.append("contacts.emails")

        sent(signed_in, f"/proposals/{ID}/edit", title="Báo giá", etag="3", address=typed)

        (asked,) = (it.request for it in peers.named("UpdateProposal"))
        assert ("address" in asked.update_mask.paths) is is_changed
        assert asked.proposal.address == typed

    def test_one_that_is_seen_can_be_emptied(
        self, signed_in: FlaskClient, peers: Any, stored: proposal_pb2.Proposal
    ) -> None:
        sent(signed_in, f"/proposals/{ID}/edit", title="Báo giá", etag="3", address="")

        (asked,) = (it.request for it in peers.named("UpdateProposal"))
        assert "address" in asked.update_mask.paths

    @pytest.mark.parametrize(
        ("lang", "said"), [("en", "left empty, it stays as it is"), ("vi", "để trống thì giữ")]
    )
    def test_the_form_says_that_it_is_hidden(
        self,
        signed_in: FlaskClient,
        peers: Any,
        stored: proposal_pb2.Proposal,
        lang: str,
        said: str,
    ) -> None:
        peers.answers["ExchangeSession"].hidden_fields.append("contacts.emails")

        assert said in shown(signed_in, f"/proposals/{ID}/edit?lang={lang}")
