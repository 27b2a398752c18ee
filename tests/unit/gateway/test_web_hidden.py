"""What a role hides: the pages say so, and their forms leave it alone."""

from typing import Any

import pytest
from crm.interactions.v1 import agenda_service_pb2, delivery_pb2, note_service_pb2
from crm.interactions.v1 import follow_up_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2, source_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.message_parts import FIRST, TYPED, with_senders
from tests.unit.gateway.web_parts import ID, sent, shown

HIDDEN = "Hidden from your role"
VISIBLE = ("salutation", "display_name", "company", "emails", "tags")


@pytest.fixture
def blind(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody from whom phones, birthdays and addresses are hidden."""
    peers.answers["ExchangeSession"].hidden_fields.extend(
        ["contacts.phones", "contacts.birthday", "contacts.address"]
    )
    found = contact_pb2.Contact(id=ID, etag="3", display_name="Đào")
    found.emails.add(address="dao@example.vn", valid=True)
    peers.answers.update(
        GetContact=found,
        UpdateContact=found,
        ListContacts=contact_service_pb2.ListContactsResponse(contacts=[found]),
        ListSources=source_service_pb2.ListSourcesResponse(),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(),
        ListTimeline=note_service_pb2.ListTimelineResponse(),
        ListFollowUps=pb2.ListFollowUpsResponse(),
        BatchGetStandings=agenda_service_pb2.BatchGetStandingsResponse(),
    )
    return signed_in


class TestPages:
    def test_a_contact_says_what_is_hidden(self, blind: FlaskClient) -> None:
        page = shown(blind, f"/contacts/{ID}")

        assert page.count(HIDDEN) == 3
        assert "dao@example.vn" in page

    def test_the_list_says_it_for_each(self, blind: FlaskClient) -> None:
        assert shown(blind, "/contacts").count(HIDDEN) == 1

    def test_nothing_is_said_when_nothing_is_hidden(self, blind: FlaskClient, peers: Any) -> None:
        del peers.answers["ExchangeSession"].hidden_fields[:]

        assert HIDDEN not in shown(blind, f"/contacts/{ID}")


class TestTheForm:
    def test_it_has_no_input_for_what_is_hidden(self, blind: FlaskClient) -> None:
        page = shown(blind, f"/contacts/{ID}/edit")

        for name in ("phones[0].number", "birthday.day", "address.street"):
            assert f'name="{name}"' not in page
        assert 'name="emails[0].address"' in page

    def test_it_changes_nothing_of_it(self, blind: FlaskClient, peers: Any) -> None:
        sent(blind, f"/contacts/{ID}/edit", display_name="Đào Thị", etag="3")

        paths = set(peers.named("UpdateContact")[-1].request.update_mask.paths)
        assert not paths & {"phones", "birthday", "address"}
        assert paths >= set(VISIBLE)

    def test_a_new_contact_may_be_given_a_number(self, blind: FlaskClient) -> None:
        assert 'name="phones[0].number"' in shown(blind, "/contacts/new")


class TestPreviews:
    """Words that are shown with less in them than their recipients get."""

    @pytest.mark.parametrize(
        ("lang", "said"),
        [
            ("en", "left out here: Postal address, Birthday, Phones. Recipients get it."),
            ("vi", "bỏ trống: Địa chỉ, Ngày sinh, Điện thoại. Người nhận vẫn nhận đủ."),
        ],
    )
    def test_of_a_follow_up_say_what_is_left_out(
        self, blind: FlaskClient, peers: Any, lang: str, said: str
    ) -> None:
        rendered = [delivery_pb2.RenderedFollowUp(contact_id=FIRST, text="Chào")]
        with_senders(blind, peers)
        peers.answers["PreviewFollowUp"] = pb2.PreviewFollowUpResponse(rendered=rendered)

        page = sent(blind, f"/follow-ups/preview?lang={lang}", **TYPED, contact_ids=FIRST)

        assert said in page.get_data(as_text=True)

    def test_of_a_follow_up_say_nothing_when_nothing_is(
        self, blind: FlaskClient, peers: Any
    ) -> None:
        del peers.answers["ExchangeSession"].hidden_fields[:]
        rendered = [delivery_pb2.RenderedFollowUp(contact_id=FIRST, text="Chào")]
        with_senders(blind, peers)
        peers.answers["PreviewFollowUp"] = pb2.PreviewFollowUpResponse(rendered=rendered)

        page = sent(blind, "/follow-ups/preview", **TYPED, contact_ids=FIRST)

        assert "left out here" not in page.get_data(as_text=True)
