"""What was done about doubts, and everything sent to an address."""

import re
from typing import Any

import pytest
from crm.notifier.v1 import (
    doubt_pb2,
    doubt_service_pb2,
    message_pb2,
    support_pb2,
    support_service_pb2,
)
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import (
    AWAY,
    CAMPAIGN,
    ID,
    PARTIAL,
    message,
    sent,
    shown,
)


class TestDeeds:
    def test_they_say_who_did_what_and_why(self, signed_in: FlaskClient, peers: Any) -> None:
        found = doubt_service_pb2.ListDoubtDeedsResponse()
        found.deeds.add(actor="policy", act=doubt_pb2.DOUBT_ACT_ABANDONED, count=1200)
        by_hand = found.deeds.add(actor="u1", act=doubt_pb2.DOUBT_ACT_FAILED, count=3, reason="<i>")
        by_hand.filter.provider = "smpp"
        found.deeds.add(actor="u1", act=doubt_pb2.DOUBT_ACT_SENT_AGAIN, count=1, message_id=ID)
        peers.answers["ListDoubtDeeds"] = found

        page = shown(signed_in, "/doubts/deeds")

        for part in ("Policy", "1,200", "Lan", "&lt;i&gt;", "smpp", ID[:8]):
            assert part in page, part

    def test_before_the_first_it_says_so(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ListDoubtDeeds"] = doubt_service_pb2.ListDoubtDeedsResponse()

        assert "Nothing was done yet" in shown(signed_in, "/doubts/deeds")


class TestLookingUpAnAddress:
    def test_all_that_is_known_is_shown_and_never_as_markup(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        found = support_service_pb2.LookUpAddressResponse(address="+84912345678")
        one = found.messages.add(campaign_id=CAMPAIGN, message=message())
        one.receipts.add(detail="stat:<UNDELIV>", state=message_pb2.MESSAGE_STATE_BOUNCED)
        one.deeds.add(actor="policy", act=doubt_pb2.DOUBT_ACT_ABANDONED)
        skipped = message(run_id="", reason="SUPPRESSED", state=message_pb2.MESSAGE_STATE_SKIPPED)
        del skipped.attempts[:]
        found.messages.append(support_pb2.SentMessage(message=skipped))
        found.suppressions.add(reason="unsubscribed", evidence="<link>", advertiser_id="a1")
        found.regained.add(advertiser_id="a1", purpose=message_pb2.PURPOSE_CARE, evidence="form 7")
        peers.answers["LookUpAddress"] = found

        page = sent(signed_in, "/support", address="0912345678").get_data(as_text=True)

        for part in (
            "Sent to 0912 345 678",
            "&lt;b&gt;Bính",
            "&lt;closed&gt;",
            "stat:&lt;UNDELIV&gt;",
            "Unsubscribed or blocked",
            "It was never tried",
            "&lt;link&gt;",
            "Sông Hồng",
            "form 7",
            "Policy",
        ):
            assert part in page, part

    def test_the_address_is_never_in_an_address_of_ours(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["LookUpAddress"] = support_service_pb2.LookUpAddressResponse(
            address="+84912345678", next_page_token="more"
        )

        page = sent(signed_in, "/support", address="0912345678").get_data(as_text=True)

        assert not re.search(r'(?:href|action|hx-\w+)="[^"]*912', page)
        assert 'name="page" value="more"' in page

    def test_the_next_page_is_rows_alone(self, signed_in: FlaskClient, peers: Any) -> None:
        token = re.search(r'name="csrf-token" content="(\w+)"', shown(signed_in, "/support"))
        assert token is not None
        data = {"csrf_token": token.group(1), "address": "+84912345678", "page": "more"}

        rows = signed_in.post("/support", data=data, headers=PARTIAL).get_data(as_text=True)

        (asked,) = (it.request for it in peers.named("LookUpAddress"))
        assert asked.page_token == "more"
        assert "<html" not in rows

    def test_what_is_no_address_is_told_beside_the_input(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        why = "is neither a phone number nor an e-mail address"
        peers.answers["LookUpAddress"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[FieldViolation("address", why)]
        )

        answer = sent(signed_in, "/support", address="<x>")

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'id="address-wrong">Is neither a phone' in page
        assert 'value="&lt;x&gt;"' in page

    @pytest.mark.parametrize(
        ("failure", "status"),
        [(AWAY, 503), (errors.PermissionDenied("RIGHT_MISSING", "no"), 403)],
    )
    def test_a_refusal_is_told(
        self, signed_in: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["LookUpAddress"] = failure

        assert sent(signed_in, "/support", address="a@b.vn").status_code == status

    def test_a_form_without_its_token_looks_nothing_up(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        assert signed_in.post("/support", data={"address": "a@b.vn"}).status_code == 403
        assert peers.named("LookUpAddress") == []
