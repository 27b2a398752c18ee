"""What customers say of messages to them, on the page of their preferences."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.portal_parts import ADVERTISER, ID, sent, shown

AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="interactions")


class TestPreferences:
    def test_each_consent_says_how_it_stands(self, portal: FlaskClient) -> None:
        text = shown(portal, "/portal/preferences?lang=en")

        assert text.count("You agreed on") == 1
        assert text.count("You have not agreed.") == 3

    @pytest.mark.parametrize(("value", "given"), [("yes", True), ("no", False)])
    def test_one_is_given_or_withdrawn(
        self, portal: FlaskClient, peers: Any, value: str, given: bool
    ) -> None:
        fields = {"advertiser_id": ADVERTISER, "purpose": "care", "channel": "sms"}
        answer = sent(portal, "/portal/preferences/consents", given=value, **fields)

        asked = peers.named("ChangeMyConsent")[-1].request
        assert answer.headers["Location"] == "/portal/preferences"
        assert (asked.given, asked.purpose, asked.channel) == (
            given,
            contact_pb2.PURPOSE_CARE,
            contact_pb2.CHANNEL_SMS,
        )

    def test_one_for_nobody_of_the_house_is_refused(self, portal: FlaskClient, peers: Any) -> None:
        answer = sent(portal, "/portal/preferences/consents", given="yes", advertiser_id=ID)

        assert answer.status_code == 400
        assert 'href="/portal/preferences?lang=en"' in answer.get_data(as_text=True)
        assert not peers.named("ChangeMyConsent")

    def test_while_nobody_knows_the_names_what_was_chosen_can_be_withdrawn(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListAdvertisers"] = AWAY
        fields = {"purpose": "marketing", "channel": "email", "given": "no"}

        text = shown(portal, "/portal/preferences?lang=en")
        answer = sent(portal, "/portal/preferences/consents", advertiser_id=ADVERTISER, **fields)
        other = sent(portal, "/portal/preferences/consents", advertiser_id=ID, **fields)

        assert f"Sender {ADVERTISER[:8]}" in text
        assert (answer.status_code, other.status_code) == (303, 400)
        (call,) = peers.named("ChangeMyConsent")
        assert (call.request.advertiser_id, call.request.given) == (ADVERTISER, False)

    def test_all_advertising_is_refused_at_once(self, portal: FlaskClient, peers: Any) -> None:
        answer = sent(portal, "/portal/preferences/refusal")

        asked = [it.request for it in peers.named("ChangeMyConsent")]
        assert answer.headers["Location"] == "/portal/preferences"
        assert {(it.advertiser_id, it.purpose, it.channel, it.given) for it in asked} == {
            (ADVERTISER, contact_pb2.PURPOSE_MARKETING, channel, False)
            for channel in (contact_pb2.CHANNEL_SMS, contact_pb2.CHANNEL_EMAIL)
        }

    def test_what_is_not_refused_of_all_advertising_is_said(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ChangeMyConsent"] = AWAY

        assert sent(portal, "/portal/preferences/refusal").status_code == 503

    def test_a_channel_is_preferred(self, portal: FlaskClient, peers: Any) -> None:
        sent(portal, "/portal/preferences/channel", channel="email")

        asked = peers.named("UpdateMyProfile")[-1].request
        assert list(asked.update_mask.paths) == ["preferred_channel"]
        assert asked.profile.preferred_channel == contact_pb2.CHANNEL_EMAIL
