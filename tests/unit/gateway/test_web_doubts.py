"""Pages of messages in doubt: what they ask of the notifier, and every way it may refuse."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import user_pb2
from crm.notifier.v1 import (
    doubt_pb2,
    doubt_service_pb2,
    message_pb2,
)
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.web_parts import (
    AWAY,
    ID,
    PARTIAL,
    RUN,
    doubt,
    sent,
    shown,
)


class TestTheListOfDoubts:
    def test_it_shows_each_with_its_evidence_and_never_markup(self, signed_in: FlaskClient) -> None:
        page = shown(signed_in, "/doubts")

        for part in ("0912 345 678", "Attempt 1", "smpp", "&lt;closed&gt;", "&lt;b&gt;Bính"):
            assert part in page, part
        assert "The provider&#39;s answer was lost" in page
        assert "Is given up" in page

    def test_filters_are_asked_for_and_all_of_them_may_be_acted_on(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        page = shown(
            signed_in, f"/doubts?provider=smpp&run={RUN}&channel=sms&age=6&since=2026-01-02T03:04"
        )

        (asked,) = (it.request for it in peers.named("ListDoubts"))
        assert (asked.provider, asked.run_id) == ("smpp", RUN)
        assert asked.channel == message_pb2.CHANNEL_SMS
        assert abs(asked.doubt_until.seconds - (time.time() - 6 * 3600)) < 60
        assert asked.doubt_from.ToJsonString() == "2026-01-01T20:04:00Z"
        assert "All 1 of this list at once" in page
        assert 'name="seen"' in page

    @pytest.mark.parametrize("bad", ["age=x", "age=99999999", "since=x", "channel=x", "seen=x"])
    def test_what_is_no_filter_is_left_out(self, signed_in: FlaskClient, bad: str) -> None:
        assert "0912 345 678" in shown(signed_in, f"/doubts?{bad}")

    def test_without_a_filter_it_says_to_choose_one_first(self, signed_in: FlaskClient) -> None:
        assert "choose a provider, a run or a time first" in shown(signed_in, "/doubts")

    def test_an_empty_list_says_so(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ListDoubts"] = doubt_service_pb2.ListDoubtsResponse()

        assert "Nothing is in doubt" in shown(signed_in, "/doubts")

    def test_the_next_page_keeps_the_moment_of_the_first(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListDoubts"] = doubt_service_pb2.ListDoubtsResponse(
            doubts=[doubt()], total=60, next_page_token="more"
        )
        page = shown(signed_in, "/doubts?provider=smpp")
        (link,) = re.findall(r'hx-get="([^"]*page=more[^"]*)"', page)

        rows = shown(signed_in, link.replace("&amp;", "&"), headers=PARTIAL)

        first, second = (it.request for it in peers.named("ListDoubts"))
        assert first.doubt_until == second.doubt_until
        assert second.page_token == "more"
        assert "<html" not in rows

    @pytest.mark.parametrize(
        ("failure", "status"),
        [
            (AWAY, 503),
            (errors.PermissionDenied("RIGHT_MISSING", "no", resource="doubts"), 403),
            (errors.InvalidArgument("PAGE_TOKEN_INVALID", "no"), 400),
        ],
    )
    def test_a_refusal_has_a_page(
        self, signed_in: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["ListDoubts"] = failure

        shown(signed_in, "/doubts?page=x", status)

    def test_without_the_campaigns_names_it_is_shown(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers["BatchGetCampaigns"] = AWAY

        assert "Campaigns does not answer" in shown(signed_in, "/doubts")


class TestSettlingADoubt:
    def test_it_says_what_became_of_it(self, signed_in: FlaskClient, peers: Any) -> None:
        answer = sent(
            signed_in, f"/doubts/{ID}/settle", act="accepted", reason="asked them", etag="3"
        )

        asked = peers.last.request
        assert answer.status_code == 303
        assert (asked.message_id, asked.act) == (ID, doubt_pb2.DOUBT_ACT_ACCEPTED)
        assert (asked.reason, asked.etag, asked.request_id) == ("asked them", "3", ID)

    @pytest.mark.parametrize("path", ["settle", "resend"])
    def test_a_refused_field_is_told_beside_its_input(
        self, signed_in: FlaskClient, peers: Any, path: str
    ) -> None:
        wrong = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=[FieldViolation("reason", "is required")]
        )
        peers.answers.update(SettleDoubt=wrong, ResendDoubt=wrong)

        answer = sent(signed_in, f"/doubts/{ID}/{path}", act="failed")

        prefix = path[0]
        assert answer.status_code == 400
        assert f'id="{prefix}-reason-wrong">Is required' in answer.get_data(as_text=True)

    @pytest.mark.parametrize("path", ["settle", "resend"])
    @pytest.mark.parametrize(
        ("failure", "status"),
        [
            (errors.Aborted("ETAG_STALE", "changed"), 412),
            (AWAY, 503),
        ],
    )
    def test_what_cannot_be_done_now_is_told_and_kept(
        self, signed_in: FlaskClient, peers: Any, path: str, failure: Any, status: int
    ) -> None:
        peers.answers.update(SettleDoubt=failure, ResendDoubt=failure)

        answer = sent(signed_in, f"/doubts/{ID}/{path}", act="failed", reason="because")

        assert answer.status_code == status
        assert 'value="because"' in answer.get_data(as_text=True)
        assert 'role="alert"' in answer.get_data(as_text=True)

    def test_one_that_was_settled_meanwhile_leads_back_to_the_list(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        peers.answers.update(
            SettleDoubt=errors.FailedPrecondition("STATE_FORBIDS", "not in doubt"),
            GetDoubt=errors.NotFound("RESOURCE_MISSING", "no"),
        )

        answer = sent(signed_in, f"/doubts/{ID}/settle", act="failed", reason="x")

        assert answer.headers["Location"] == "/doubts"
        assert "not in doubt any more" in shown(signed_in, "/doubts")

    def test_without_the_right_there_is_nothing_to_press(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        session = peers.answers["ExchangeSession"]
        del session.rights[:]
        session.rights.add(resource="doubts", action="read", level=user_pb2.LEVEL_ALL)
        peers.answers["SettleDoubt"] = errors.PermissionDenied("RIGHT_MISSING", "no")

        page = shown(signed_in, f"/doubts/{ID}")

        assert "/settle" not in page
        assert sent(signed_in, f"/doubts/{ID}/settle").status_code == 403


class TestSendingADoubtAgain:
    def test_only_what_was_ticked_is_said(self, signed_in: FlaskClient, peers: Any) -> None:
        sent(signed_in, f"/doubts/{ID}/resend", reason="she waits")
        bare = peers.last.request
        sent(signed_in, f"/doubts/{ID}/resend", reason="x", accept_duplicate="yes", force="yes")
        full = peers.last.request

        assert (bare.accept_duplicate, bare.force) == (False, False)
        assert (full.accept_duplicate, full.force) == (True, True)

    def test_the_page_asks_for_both(self, signed_in: FlaskClient) -> None:
        page = shown(signed_in, f"/doubts/{ID}")

        assert "I accept that it may arrive twice" in page
        assert "Send it although it is not transactional (Advertising)" in page


class TestActingOnMany:
    def test_rounds_go_on_until_none_is_left_each_with_its_own_id(
        self, signed_in: FlaskClient, peers: Any
    ) -> None:
        left = iter([True, True, False])
        peers.answers["SettleDoubts"] = lambda *_: doubt_service_pb2.ActOnDoubtsResponse(
            count=1000, more=next(left)
        )

        answer = sent(
            signed_in,
            "/doubts/act",
            act="abandoned",
            reason="outage",
            provider="smpp",
            seen="2026-01-02T03:04:05+00:00",
        )

        asked = [it.request for it in peers.named("SettleDoubts")]
        assert answer.headers["Location"] == "/doubts?provider=smpp"
        assert len({it.request_id for it in asked}) == 3
        assert {it.filter.doubt_until.ToJsonString() for it in asked} == {"2026-01-02T03:04:05Z"}
        assert "3,000 messages were changed" in shown(signed_in, "/doubts")

    def test_sent_twice_it_has_the_same_ids(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["ResendDoubts"] = doubt_service_pb2.ActOnDoubtsResponse(count=1)
        fields = {"act": "sent_again", "reason": "x", "accept_duplicate": "yes", "run": RUN}

        for _ in range(2):
            sent(signed_in, "/doubts/act", seen="2026-01-02T03:04:05+00:00", **fields)

        first, second = (it.request for it in peers.named("ResendDoubts"))
        assert first == second
        assert (first.accept_duplicate, first.force, first.filter.run_id) == (True, False, RUN)

    def test_more_than_one_press_can_hold_is_said(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers["SettleDoubts"] = doubt_service_pb2.ActOnDoubtsResponse(count=1000, more=True)

        sent(signed_in, "/doubts/act", act="failed", reason="x", provider="smpp")

        assert len(peers.named("SettleDoubts")) == 20
        assert "20,000 messages were changed and there are more" in shown(signed_in, "/doubts")

    @pytest.mark.parametrize(
        ("failure", "status"),
        [
            (
                errors.InvalidArgument(
                    "FIELDS_INVALID", "no", violations=[FieldViolation("reason", "is required")]
                ),
                400,
            ),
            (AWAY, 503),
        ],
    )
    def test_a_refusal_is_told_above_the_list(
        self, signed_in: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers.update(SettleDoubts=failure, ResendDoubts=failure)

        answer = sent(signed_in, "/doubts/act", act="failed", provider="smpp")

        assert answer.status_code == status
        assert 'role="alert"' in answer.get_data(as_text=True)
        assert "0912 345 678" in answer.get_data(as_text=True)
