"""Follow-ups that send themselves in the browser: the preview."""

from typing import Any

import pytest
from crm.interactions.v1 import (
    delivery_pb2,
    follow_up_service_pb2,
)
from crm.leads.v1 import segment_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from tests.unit.gateway.message_parts import (
    FIRST,
    SECOND,
    SEGMENT,
    SMS,
    TYPED,
    refused,
    with_senders,
)
from tests.unit.gateway.web_parts import AWAY, ID, sent


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, two contacts, a segment and a sender of each channel."""
    return with_senders(signed_in, peers)


class TestThePreview:
    def rendered(self, peers: Any, *given: Any) -> None:
        peers.answers["PreviewFollowUp"] = follow_up_service_pb2.PreviewFollowUpResponse(
            rendered=[delivery_pb2.RenderedFollowUp(**it) for it in given]
        )

    def test_each_is_shown_with_the_reason_of_who_gets_nothing(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        self.rendered(
            peers,
            {"contact_id": FIRST, "address": "+84912345678", "text": "Chào <Đào>"},
            {"contact_id": SECOND, "reason": "NO_CONSENT", "text": "Chào Mai"},
        )

        answer = sent(http_, "/follow-ups/preview", **TYPED, contact_ids=[FIRST, SECOND, ID])

        page = answer.get_data(as_text=True)
        asked = peers.named("PreviewFollowUp")[0].request.follow_up
        assert (asked.type, list(asked.contact_ids)) == (SMS, [FIRST, SECOND, ID])
        for part in ("0912 345 678", "Chào &lt;Đào&gt;", "Would get nothing: No consent"):
            assert part in page, part
        assert "Chào Mai" not in page
        assert "Would get nothing: Deleted meanwhile" in page  # who is there no more

    def test_a_mail_is_shown_as_written_and_runs_nothing(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        self.rendered(peers, {"contact_id": FIRST, "subject": "Hẹn", "html": "<p>x</p>"})

        answer = sent(http_, "/follow-ups/preview", **TYPED, contact_ids=FIRST)

        page = answer.get_data(as_text=True)
        assert 'sandbox srcdoc="&lt;p&gt;x&lt;/p&gt;"' in page
        assert "'unsafe-inline'" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]

    def test_of_a_segment_some_who_are_in_it_are_shown(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        sent(http_, "/follow-ups/preview", **{**TYPED, "to": "segment", "segment_id": SEGMENT})

        asked = peers.named("PreviewFollowUp")[0].request.follow_up
        assert (list(asked.contact_ids), asked.segment_id) == ([FIRST, SECOND], "")
        assert peers.named("PreviewSegment")[0].request.sample_size == 5

    def test_an_empty_segment_is_told_to_be(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["PreviewSegment"] = segment_service_pb2.PreviewSegmentResponse()

        typed = {**TYPED, "to": "segment", "segment_id": SEGMENT}
        answer = sent(http_, "/follow-ups/preview", **typed)

        assert "Nobody is in this segment now" in answer.get_data(as_text=True)
        assert peers.named("PreviewFollowUp") == []

    @pytest.mark.parametrize("method", ["GetSegment", "PreviewSegment"])
    def test_leads_being_away_is_told(self, http_: FlaskClient, peers: Any, method: str) -> None:
        peers.answers[method] = AWAY

        typed = {**TYPED, "to": "segment", "segment_id": SEGMENT}
        answer = sent(http_, "/follow-ups/preview", **typed)

        assert answer.status_code == 503
        assert 'role="alert"' in answer.get_data(as_text=True)
        assert peers.named("PreviewFollowUp") == []

    def test_what_is_wrong_names_the_input_in_the_readers_language(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        peers.answers["PreviewFollowUp"] = refused("follow_up.message.text", "is required")

        answer = sent(http_, "/follow-ups/preview?lang=vi", **TYPED)

        assert answer.status_code == 400
        assert "<strong>Nội dung</strong>: Bắt buộc nhập" in answer.get_data(as_text=True)

    @pytest.mark.parametrize(
        ("failure", "status"),
        [(AWAY, 503), (errors.PermissionDenied("RIGHT_MISSING", "no"), 403)],
    )
    def test_a_refusal_is_told(
        self, http_: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["PreviewFollowUp"] = failure

        answer = sent(http_, "/follow-ups/preview", **TYPED, contact_ids=FIRST)

        assert answer.status_code == status

    def test_without_a_segment_nothing_is_asked(self, http_: FlaskClient, peers: Any) -> None:
        answer = sent(http_, "/follow-ups/preview", **{**TYPED, "to": "segment"})

        assert "Choose a segment" in answer.get_data(as_text=True)
        assert peers.named("PreviewFollowUp") == []
