"""What a review says of SMS, sent and billed, and of whom it shows messages."""

from typing import Any

import pytest
from crm.campaigns.v1 import (
    campaign_pb2,
    campaign_service_pb2,
    template_pb2,
    template_service_pb2,
)
from crm.leads.v1 import segment_service_pb2
from crm.notifier.v1 import suppression_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.web_parts import CAMPAIGN


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, and an SMS campaign."""
    peers.answers.update(
        GetCampaign=campaign_pb2.Campaign(id=CAMPAIGN, channel=template_pb2.CHANNEL_SMS),
        ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(),
        ListTemplates=template_service_pb2.ListTemplatesResponse(),
        ListSegments=segment_service_pb2.ListSegmentsResponse(),
    )
    return signed_in


def page(http_: FlaskClient, lang: str = "en", what: str = "review") -> str:
    """A page of the campaign, in a language."""
    return http_.get(f"/campaigns/{CAMPAIGN}/{what}?lang={lang}").get_data(as_text=True)


def review(**given: Any) -> campaign_service_pb2.ReviewCampaignResponse:
    """A review of 1,000 people."""
    return campaign_service_pb2.ReviewCampaignResponse(planned=1_000, max_segments=1, **given)


class TestSegments:
    @pytest.mark.parametrize(
        ("lang", "sent", "billed"),
        [
            ("en", "up to 1 a message, at most 1,000 in all", "up to 2 a message, at most 2,000"),
            ("vi", "tối đa 1 phần mỗi tin, 1.000 phần", "tính tiền tối đa 2 phần mỗi tin, 2.000"),
        ],
    )
    def test_both_numbers_are_shown_where_they_differ(
        self, http_: FlaskClient, peers: Any, lang: str, sent: str, billed: str
    ) -> None:
        peers.answers["ReviewCampaign"] = review(
            max_billed_segments=2, billing_rule="vn.sms.billing.marketing"
        )

        said = page(http_, lang)

        assert sent in said
        assert billed in said
        assert "vn.sms.billing.marketing" in said

    def test_one_number_is_shown_where_they_do_not(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["ReviewCampaign"] = review(max_billed_segments=1, billing_rule="care")

        said = page(http_)

        assert "up to 1 a message" in said
        assert "billed" not in said.replace("billing", "")

    def test_it_says_when_the_notifier_did_not(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["ReviewCampaign"] = review()

        assert "What the provider bills is not known now" in page(http_)

    def test_a_sample_says_both_too(self, http_: FlaskClient, peers: Any) -> None:
        sample = template_pb2.RenderedMessage(
            text="[QC] A", encoding="gsm7", segments=1, billed_segments=2
        )
        peers.answers["ReviewCampaign"] = review(samples=[sample])

        assert "billed as 2" in page(http_, what="samples")
        assert "tính tiền 2 phần" in page(http_, "vi", what="samples")


class TestSamples:
    @pytest.mark.parametrize(
        ("lang", "said"),
        [("en", "none whose data you may read"), ("vi", "bạn không được xem dữ liệu của ai")],
    )
    def test_it_says_why_there_are_none_of_those_who_get_it(
        self, http_: FlaskClient, peers: Any, lang: str, said: str
    ) -> None:
        peers.answers["ReviewCampaign"] = review()

        assert said in page(http_, lang, what="samples")

    def test_it_says_when_nobody_gets_it(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["ReviewCampaign"] = campaign_service_pb2.ReviewCampaignResponse()

        assert "There is nobody to show it for" in page(http_, what="samples")

    @pytest.mark.parametrize(
        ("lang", "said"),
        [("en", "Not known: you may read nobody"), ("vi", "Chưa biết: bạn không được xem ai")],
    )
    def test_without_any_parts_are_not_known(
        self, http_: FlaskClient, peers: Any, lang: str, said: str
    ) -> None:
        peers.answers["ReviewCampaign"] = campaign_service_pb2.ReviewCampaignResponse(planned=9)

        assert said in page(http_, lang)

    @pytest.mark.parametrize(
        ("lang", "counted", "left_out"),
        [
            ("en", "Counted without what is hidden", "left out here: Phones. Recipients get it."),
            ("vi", "Tính khi đã bỏ các trường", "bỏ trống: Điện thoại. Người nhận vẫn nhận đủ."),
        ],
    )
    def test_what_a_role_hides_is_said_to_be_left_out(
        self, http_: FlaskClient, peers: Any, lang: str, counted: str, left_out: str
    ) -> None:
        peers.answers["ReviewCampaign"] = review(samples=[template_pb2.RenderedMessage(text="A")])
        peers.answers["ExchangeSession"].hidden_fields.append("contacts.phones")

        assert counted in page(http_, lang)
        assert left_out in page(http_, lang, what="samples")

    def test_nothing_is_said_to_be_where_a_role_hides_nothing(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ReviewCampaign"] = review(samples=[template_pb2.RenderedMessage(text="A")])

        assert "Counted without" not in page(http_)
        assert "left out here" not in page(http_, what="samples")

    def test_a_preview_for_somebody_says_it_too(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["PreviewTemplate"] = template_pb2.RenderedMessage(text="A")
        peers.answers["ExchangeSession"].hidden_fields.append("contacts.phones")

        of_contact = http_.get(f"/templates/{CAMPAIGN}/preview?contact={CAMPAIGN}&lang=en")
        with_samples = http_.get(f"/templates/{CAMPAIGN}/preview?lang=en")

        assert "left out here: Phones" in of_contact.get_data(as_text=True)
        assert "left out here" not in with_samples.get_data(as_text=True)
