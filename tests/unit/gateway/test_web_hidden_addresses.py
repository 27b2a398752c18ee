"""Addresses that a role hides: pages of messages say so in their place, and ask for none."""

from typing import Any

import pytest
from crm.campaigns.v1 import run_pb2, run_service_pb2
from crm.leads.v1 import consent_service_pb2, contact_pb2
from crm.notifier.v1 import message_pb2, support_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.web_parts import ID, RUN, doubt, message, sent, shown

HIDDEN = "Hidden from your role"


def veiled(made: Any) -> Any:
    """A message as its reader gets it."""
    made.ClearField("address")
    for attempt in made.attempts:
        attempt.ClearField("answer")
    return made


@pytest.fixture
def blind(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody from whom phones are hidden."""
    peers.answers["ExchangeSession"].hidden_fields.append("contacts.phones")
    return signed_in


class TestMessages:
    def test_the_list_of_doubts_has_a_link_to_each_all_the_same(
        self, blind: FlaskClient, peers: Any
    ) -> None:
        veiled(peers.answers["ListDoubts"].doubts[0].message)

        page = shown(blind, "/doubts")

        assert page.count(HIDDEN) == 2
        assert f'href="/doubts/{ID}"' in page

    def test_a_doubt_says_it_of_its_address_its_answers_and_its_receipts(
        self, blind: FlaskClient, peers: Any
    ) -> None:
        one = doubt()
        veiled(one.message)
        del one.receipts[:]
        one.receipts.add(state=message_pb2.MESSAGE_STATE_DEFERRED)
        peers.answers["GetDoubt"] = one

        assert shown(blind, f"/doubts/{ID}").count(HIDDEN) == 3

    def test_recipients_of_a_run_say_it(self, blind: FlaskClient, peers: Any) -> None:
        found = run_service_pb2.ListRecipientsResponse()
        found.recipients.append(run_pb2.Recipient(run_id=RUN, contact_id=ID))
        peers.answers.update(GetRun=run_pb2.Run(id=RUN), ListRecipients=found)

        assert shown(blind, f"/runs/{RUN}/recipients").count(HIDDEN) == 1


class TestConsents:
    def test_what_proves_one_is_said_to_be_hidden(self, blind: FlaskClient, peers: Any) -> None:
        found = consent_service_pb2.ListConsentEntriesResponse()
        found.entries.add(method="web form")
        peers.answers.update(
            GetContact=contact_pb2.Contact(id=ID, display_name="Đào"), ListConsentEntries=found
        )

        page = shown(blind, f"/contacts/{ID}/consents")

        assert page.count(HIDDEN) == 1


class TestSupport:
    def test_what_is_found_says_what_is_hidden_of_it(self, blind: FlaskClient, peers: Any) -> None:
        found = support_service_pb2.LookUpAddressResponse(address="dao@example.vn")
        one = found.messages.add(message=veiled(message()))
        one.receipts.add(state=message_pb2.MESSAGE_STATE_BOUNCED)
        found.suppressions.add(reason="unsubscribed")
        found.regained.add(purpose=message_pb2.PURPOSE_CARE)
        peers.answers["LookUpAddress"] = found

        page = sent(blind, "/support", address="dao@example.vn").get_data(as_text=True)

        assert page.count(HIDDEN) == 4

    @pytest.mark.parametrize(
        ("lang", "said"),
        [
            ("en", "Your role hides phones: look up an e-mail address."),
            ("vi", "không được xem số điện thoại: chỉ tra cứu được địa chỉ e-mail."),
        ],
    )
    def test_it_says_which_kind_of_address_can_be_looked_up(
        self, blind: FlaskClient, lang: str, said: str
    ) -> None:
        assert said in shown(blind, f"/support?lang={lang}")

    def test_who_reads_phones_and_no_mail_addresses_is_told_so(
        self, blind: FlaskClient, peers: Any
    ) -> None:
        hidden = peers.answers["ExchangeSession"].hidden_fields
        hidden[:] = ["contacts.emails"]

        assert "look up a phone number." in shown(blind, "/support")

    def test_there_is_nothing_to_ask_for_who_reads_neither(
        self, blind: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ExchangeSession"].hidden_fields.append("contacts.emails")

        page = shown(blind, "/support")

        assert "nothing here for you to look up" in page
        assert 'name="address"' not in page
