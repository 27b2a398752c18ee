"""The pages of proposals: numbers as people write them, what is kept when something is refused."""

import re
from typing import Any

import pytest
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2
from crm.leads.v1 import contact_pb2, source_pb2, source_service_pb2
from crm.notifier.v1 import message_pb2, suppression_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from services.gateway.web import proposal_lines
from tests.unit.gateway.web_parts import ID, shown

STATE = proposal_pb2.ProposalState
ROW = {
    "line_description": "Máy lọc <b>",
    "line_quantity": "1.5",
    "line_unit": "cái",
    "line_unit_price": "1,250,000",
    "line_discount": "10%",
    "line_vat_rate": "8",
}
PLAN = {"title": "Báo giá", "template_id": ID, "currency": "VND", "valid_until": "2099-01-01"}


def proposal(state: str = "DRAFT", **changes: Any) -> proposal_pb2.Proposal:
    given = {
        "id": ID,
        "title": "Báo giá <b>",
        "state": STATE.Value(f"PROPOSAL_STATE_{state}"),
        "address": "moi@example.vn",
        "template_id": ID,
        "currency": "VND",
        "valid_until": "2099-01-01",
        "etag": "4",
        "lines": [
            proposal_pb2.ProposalLine(
                description="Máy",
                quantity="1.5",
                unit_price=1_250_000,
                discount_percent="12.5",
                vat_rate=proposal_pb2.VAT_RATE_8,
            )
        ],
        **changes,
    }
    return proposal_pb2.Proposal(**given)


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may do everything, with one template and one sender."""
    template = proposal_pb2.ProposalTemplate(id=ID, name="Mẫu", version=3)
    template.blocks.add(text="Chào {{ display_name }}")
    identities = suppression_service_pb2.ListSenderIdentitiesResponse()
    identities.sender_identities.add(
        id="i1", advertiser_id="a1", channel=message_pb2.CHANNEL_EMAIL, address="a@b.vn"
    )
    stages = [source_pb2.LifeStage(id="s1", name="Chốt")]
    peers.answers.update(
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(life_stages=stages),
        ListProposalTemplates=proposal_service_pb2.ListProposalTemplatesResponse(
            templates=[template]
        ),
        GetProposalTemplate=template,
        ListProposals=proposal_service_pb2.ListProposalsResponse(proposals=[proposal()]),
        GetProposal=proposal(),
        ListProposalEvents=proposal_service_pb2.ListProposalEventsResponse(),
        ListSenderIdentities=identities,
        CreateProposal=proposal(),
        UpdateProposal=proposal(),
        SendProposal=proposal_service_pb2.SendProposalResponse(proposal=proposal("SENDING")),
    )
    return signed_in


def post(http: FlaskClient, path: str, **fields: Any) -> Any:
    token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', shown(http, "/proposals"))
    assert token is not None
    return http.post(path, data={"csrf_token": token.group(1), "request_id": ID, **fields})


class TestPages:
    @pytest.mark.parametrize(
        "path",
        [
            *("/proposals", "/proposals?state=sent", "/proposals/new", f"/proposals/{ID}"),
            *(f"/proposals/{ID}/edit", "/proposals/line", "/proposal-templates"),
            *("/proposal-templates/new", f"/proposal-templates/{ID}", "/proposal-templates/block"),
        ],
    )
    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_each_opens_in_both_languages(
        self, desk: FlaskClient, path: str, language: str
    ) -> None:
        joined = "&" if "?" in path else "?"

        assert "<b>" not in shown(desk, f"{path}{joined}lang={language}")

    @pytest.mark.parametrize(
        ("state", "offered", "not_offered"),
        [
            ("DRAFT", ["/send", "/delete", "/edit"], ["/withdraw", "/revise"]),
            ("SENT", ["/withdraw", "/revise"], ["/send", "/delete", "/edit"]),
            ("ACCEPTED", [], ["/send", "/withdraw", "/revise", "/delete", "/edit"]),
            ("EXPIRED", ["/revise"], ["/send", "/withdraw", "/delete", "/edit"]),
        ],
    )
    def test_only_what_its_state_allows_is_offered(
        self,
        desk: FlaskClient,
        peers: Any,
        state: str,
        offered: list[str],
        not_offered: list[str],
    ) -> None:
        peers.answers["GetProposal"] = proposal(state)

        page = shown(desk, f"/proposals/{ID}")

        assert all(f"/proposals/{ID}{it}" in page for it in offered)
        assert not any(f"/proposals/{ID}{it}" in page for it in not_offered)

    def test_an_address_that_nobody_has_offers_a_new_lead_and_links_it(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetProposal"] = proposal("SENT", issue=1)
        peers.answers["CreateContact"] = contact_pb2.Contact(id="c1")
        peers.answers["LinkProposal"] = proposal("SENT")

        page = shown(desk, f"/proposals/{ID}")
        answer = post(desk, f"/proposals/{ID}/lead", display_name="Mới")

        made = peers.named("CreateContact")[0].request.contact
        assert "moi@example.vn" in page
        assert (made.display_name, made.emails[0].address) == ("Mới", "moi@example.vn")
        assert peers.named("LinkProposal")[0].request.contact_id == "c1"
        assert answer.status_code == 303

    def test_it_says_what_became_of_its_e_mail_and_of_its_contact(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetProposal"] = proposal(
            "ACCEPTED",
            send_failure="bounced",
            send_failure_reason="MAILBOX_DISABLED",
            accepted_life_stage_id="s1",
            stage_move="refused",
        )
        events = [("stage_refused", "status"), ("bounced", "MAILBOX_DISABLED"), ("failed", "ODD")]
        peers.answers["ListProposalEvents"] = proposal_service_pb2.ListProposalEventsResponse(
            events=[proposal_pb2.ProposalEvent(kind=kind, text=text) for kind, text in events]
        )

        page = shown(desk, f"/proposals/{ID}?lang=en")

        assert "it did not arrive" in page
        assert "Reason: The mailbox is closed." in page
        assert "Chốt · not moved; the history says why" in page
        assert "Contact not moved: from their status they cannot go there" in page
        assert "The e-mail came back: The mailbox is closed" in page
        assert "The e-mail could not be delivered: ODD" in page


class TestEditor:
    def test_numbers_are_read_as_the_reader_writes_them(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        english = post(desk, "/proposals/new?lang=en", **PLAN, **ROW)
        post(
            desk,
            "/proposals/new?lang=vi",
            **PLAN,
            **{**ROW, "line_quantity": "1,5", "line_unit_price": "1.250.000"},
        )

        assert english.status_code == 303
        for call in peers.named("CreateProposal"):
            (line,) = call.request.proposal.lines
            assert (line.quantity, line.unit_price, line.discount_percent) == (
                *("1.5", 1_250_000, "10"),
            )
            assert line.vat_rate == proposal_pb2.VAT_RATE_8

    def test_empty_rows_are_left_out(self, desk: FlaskClient, peers: Any) -> None:
        rows = {name: [value, proposal_lines.BLANK[name[5:]]] for name, value in ROW.items()}

        post(desk, "/proposals/new?lang=en", **PLAN, **rows)

        assert len(peers.named("CreateProposal")[0].request.proposal.lines) == 1

    def test_what_is_no_amount_stays_as_typed_and_nothing_is_asked(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        typed = {**ROW, "line_unit_price": "12.50"}

        answer = post(desk, "/proposals/new?lang=en", **PLAN, **typed)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'value="12.50"' in page
        assert "Not an amount in this currency" in page
        assert peers.named("CreateProposal") == []

    def test_what_the_service_refuses_stands_in_its_row(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        wrong = errors.FieldViolation("proposal.lines[0].quantity", "is odd")
        peers.answers["CreateProposal"] = errors.InvalidArgument(
            "FIELDS_INVALID", "x", violations=[wrong]
        )

        page = post(desk, "/proposals/new?lang=en", **PLAN, **ROW).get_data(as_text=True)

        assert "Is odd" in page
        assert "Máy lọc &lt;b&gt;" in page

    def test_a_stored_one_comes_back_as_it_is_when_nothing_is_changed(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        page = shown(desk, f"/proposals/{ID}/edit?lang=vi")

        for text in ('value="1,5"', 'value="1.250.000"', 'value="12,5%"'):
            assert text in page

    @pytest.mark.parametrize("chosen", ["s1", "gone"])
    def test_the_life_stage_stays_chosen_also_when_it_is_not_known(
        self, desk: FlaskClient, peers: Any, chosen: str
    ) -> None:
        peers.answers["GetProposal"] = proposal(accepted_life_stage_id=chosen)

        page = shown(desk, f"/proposals/{ID}/edit")
        post(desk, f"/proposals/{ID}/edit", **PLAN, **ROW, accepted_life_stage_id=chosen)

        asked = peers.named("UpdateProposal")[0].request
        assert f'<option value="{chosen}" selected>' in page
        assert asked.proposal.accepted_life_stage_id == chosen
        assert "accepted_life_stage_id" in asked.update_mask.paths

    def test_totals_come_from_the_service(self, desk: FlaskClient, peers: Any) -> None:
        preview = proposal_service_pb2.ProposalPreview(currency="VND")
        preview.totals.total = 1_822_500
        peers.answers["PreviewProposal"] = preview

        part = post(desk, "/proposals/totals?lang=en", **PLAN, **ROW).get_data(as_text=True)

        assert peers.named("PreviewProposal")[0].request.totals_only
        assert "1,822,500" in part

    @pytest.mark.parametrize(
        ("lang", "said"),
        [
            ("en", "neither shown here nor printed when you send it: Phones."),
            ("vi", "khi bạn gửi cũng không in: Điện thoại."),
        ],
    )
    def test_a_preview_for_somebody_says_what_a_role_hides(
        self, desk: FlaskClient, peers: Any, lang: str, said: str
    ) -> None:
        preview = proposal_service_pb2.ProposalPreview(currency="VND", html="<p>Chào</p>")
        peers.answers["PreviewProposal"] = preview
        peers.answers["ExchangeSession"].hidden_fields.append("contacts.phones")

        path = f"/proposals/preview?lang={lang}"
        of_contact = post(desk, path, **{**PLAN, "contact_ids": ID})
        of_nobody = post(desk, path, **PLAN)

        assert said in of_contact.get_data(as_text=True)
        assert said not in of_nobody.get_data(as_text=True)


class TestSending:
    def test_the_sender_that_was_chosen_is_passed_on(self, desk: FlaskClient, peers: Any) -> None:
        fields = {"sender": "a1/i1", "message": "Mời xem", "etag": "4"}

        answer = post(desk, f"/proposals/{ID}/send", **fields)

        asked = peers.named("SendProposal")[0].request
        assert answer.status_code == 303
        assert (asked.advertiser_id, asked.sender_identity_id, asked.etag) == ("a1", "i1", "4")
        assert asked.message == "Mời xem"

    def test_without_a_sender_nothing_is_asked(self, desk: FlaskClient, peers: Any) -> None:
        answer = post(desk, f"/proposals/{ID}/send?lang=en", message="x")

        assert answer.status_code == 400
        assert "Choose a sender" in answer.get_data(as_text=True)
        assert peers.named("SendProposal") == []
