"""Pages of operators and of support: what they ask of the notifier, and every way it may refuse."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2, user_pb2
from crm.campaigns.v1 import campaign_service_pb2
from crm.leads.v1 import contact_service_pb2
from crm.notifier.v1 import (
    doubt_pb2,
    doubt_service_pb2,
    message_pb2,
    support_pb2,
    support_service_pb2,
    suppression_pb2,
    suppression_service_pb2,
)
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation

ID = "0192f3a0-0000-7000-8000-000000000001"
RUN = "0192f3a0-0000-7000-8000-000000000002"
CAMPAIGN = "0192f3a0-0000-7000-8000-000000000003"
AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="notifier")
PARTIAL = {"HX-Request": "true"}


def message(**given: Any) -> message_pb2.Message:
    """A message with an attempt whose answer was lost."""
    made = message_pb2.Message(
        **{
            "id": ID,
            "run_id": RUN,
            "channel": message_pb2.CHANNEL_SMS,
            "purpose": message_pb2.PURPOSE_MARKETING,
            "address": "+84912345678",
            "state": message_pb2.MESSAGE_STATE_IN_DOUBT,
            "reason": "ANSWER_LOST",
            "revision": 3,
            **given,
        }
    )
    made.create_time.FromSeconds(1_700_000_000)
    attempt = made.attempts.add(number=1, provider="smpp", worker="w1", answer="<closed>")
    attempt.outcome = message_pb2.MESSAGE_STATE_IN_DOUBT
    attempt.start_time.FromSeconds(1_700_000_001)
    return made


def doubt() -> doubt_pb2.Doubt:
    """A doubt with its evidence."""
    made = doubt_pb2.Doubt(
        message=message(),
        etag="3",
        written=True,
        teller=doubt_pb2.DOUBT_TELLER_RECEIPT,
        policy=doubt_pb2.DOUBT_ACT_ABANDONED,
        campaign_id=CAMPAIGN,
    )
    made.doubt_time.FromSeconds(1_700_000_002)
    made.policy_time.FromSeconds(1_700_086_402)
    return made


@pytest.fixture
def signed_in(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may do everything."""
    session = session_service_pb2.ExchangeSessionResponse(
        token="of-a-person", user=user_pb2.User(id="u1", display_name="Lan", locale="en")
    )
    session.expire_time.FromSeconds(int(time.time()) + 300)
    session.rights.add(resource="*", action="*", level=user_pb2.LEVEL_ALL)
    campaigns = campaign_service_pb2.BatchGetCampaignsResponse()
    campaigns.campaigns.add(id=CAMPAIGN, name="Tết <b>Bính Ngọ</b>")
    advertisers = suppression_service_pb2.ListAdvertisersResponse()
    advertisers.advertisers.add(id="a1", name="Sông Hồng")
    peers.answers.update(
        ExchangeSession=session,
        ListUsers=errors.PermissionDenied("RIGHT_MISSING", "no"),
        BatchGetCampaigns=campaigns,
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(),
        ListProviders=suppression_service_pb2.ListProvidersResponse(
            providers=[suppression_pb2.Provider(name="smpp"), suppression_pb2.Provider(name="smtp")]
        ),
        ListAdvertisers=advertisers,
        ListDoubts=doubt_service_pb2.ListDoubtsResponse(doubts=[doubt()], total=1),
        GetDoubt=doubt(),
        SettleDoubt=doubt_pb2.DoubtDeed(),
        ResendDoubt=doubt_pb2.DoubtDeed(),
        LookUpAddress=support_service_pb2.LookUpAddressResponse(address="+84912345678"),
    )
    http.set_cookie("mekong", f"secret-{time.monotonic_ns()}")
    return http


def shown(http: FlaskClient, path: str, status: int = 200, **given: Any) -> str:
    """The text of a page."""
    answer = http.get(path, **given)
    assert answer.status_code == status
    return answer.get_data(as_text=True)


def sent(http: FlaskClient, path: str, **fields: str) -> Any:
    """The answer to a form that was filled and sent."""
    token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', shown(http, "/support"))
    assert token is not None
    return http.post(path, data={"csrf_token": token.group(1), "request_id": ID, **fields})


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
