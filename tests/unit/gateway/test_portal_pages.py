"""The portal's pages: whose token asks, what is typed stays, and what is refused is told."""

import json
import re
from typing import Any

import pytest
from crm.accounts.v1 import portal_service_pb2 as login_pb2
from crm.interactions.v1 import portal_pb2, proposal_pb2, request_pb2
from crm.interactions.v1 import portal_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, portal_service_pb2, transaction_pb2
from crm.leads.v1 import portal_pb2 as mine_pb2
from crm.notifier.v1 import suppression_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.portal import desk, pages
from services.gateway.portal.sessions import ContactSessions
from services.gateway.web import words
from tests.unit.gateway.portal_parts import CUSTOMER, ID, sent, shown

AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="interactions")
ADVERTISER = "0192f3a0-0000-7000-8000-0000000000ad"
PLACES = "profile preferences proposals appointments purchases requests my-data erase".split()


@pytest.fixture
def portal(http: FlaskClient, peers: Any, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    """A browser of a customer who has one of everything."""
    monkeypatch.setattr(ContactSessions, "secret_of", lambda *_: "secret")
    monkeypatch.setattr(ContactSessions, "who", lambda *_: CUSTOMER)
    profile = mine_pb2.MyProfile(
        etag="3",
        display_name="Đào <b>",
        given_name="Đào",
        phones=["+84912345678"],
        time_zone="America/New_York",
        locale="vi",
    )
    meeting = portal_pb2.MyAppointment(
        id=ID,
        type=portal_pb2.MY_APPOINTMENT_TYPE_MEETING,
        title="Xem căn hộ",
        state=portal_pb2.MY_APPOINTMENT_STATE_PLANNED,
    )
    meeting.start_time.FromJsonString("2031-02-03T17:00:00Z")
    asked = portal_pb2.MyRequest(
        id=ID,
        kind=request_pb2.REQUEST_KIND_QUESTION,
        subject="Bảo hành <i>",
        state=request_pb2.REQUEST_STATE_ANSWERED,
        replies=[portal_pb2.MyReply(text="Mai có thợ <u>")],
    )
    offer = portal_pb2.MyProposal(
        id=ID,
        title="Máy lọc",
        total="1.188.000 ₫",
        valid_until="2031-03-01",
        state=proposal_pb2.PROPOSAL_STATE_SENT,
    )
    bought = mine_pb2.MyTransaction(
        number="HD-1",
        type=transaction_pb2.TRANSACTION_TYPE_ORDER,
        amount=250_000,
        currency="VND",
        lines=[transaction_pb2.TransactionLine(product="Trà", quantity=2, amount=250_000)],
    )
    advertisers = suppression_service_pb2.ListAdvertisersResponse()
    advertisers.advertisers.add(id=ADVERTISER, name="Sông Hồng")
    peers.answers.update(
        GetMyProfile=profile,
        UpdateMyProfile=profile,
        ListMyConsents=portal_service_pb2.ListMyConsentsResponse(
            consents=[
                mine_pb2.MyConsent(
                    advertiser_id=ADVERTISER,
                    purpose=contact_pb2.PURPOSE_MARKETING,
                    channel=contact_pb2.CHANNEL_EMAIL,
                    state=mine_pb2.MY_CONSENT_STATE_GIVEN,
                )
            ]
        ),
        ChangeMyConsent=mine_pb2.MyConsent(),
        ListAdvertisers=advertisers,
        ListMyTransactions=portal_service_pb2.ListMyTransactionsResponse(transactions=[bought]),
        ListMyProposals=pb2.ListMyProposalsResponse(proposals=[offer]),
        GetMyProposal=proposal_pb2.PublicProposal(
            title="Máy lọc",
            state=proposal_pb2.PROPOSAL_STATE_SENT,
            issue=2,
            html="<article class='proposal'>Tổng cộng</article>",
            attachments=[proposal_pb2.ProposalAttachment(name="Bảng giá.pdf", size=2_097_152)],
        ),
        AcceptMyProposal=proposal_pb2.PublicProposal(),
        ListMyAppointments=pb2.ListMyAppointmentsResponse(appointments=[meeting]),
        GetMyAppointment=meeting,
        AskForAnotherTime=asked,
        ListMyRequests=pb2.ListMyRequestsResponse(requests=[asked]),
        GetMyRequest=asked,
        CreateMyRequest=asked,
        ReplyToMyRequest=asked,
        AskForErasure=asked,
    )
    return http


def wrong(field: str, why: str) -> errors.InvalidArgument:
    violations = [FieldViolation(field, why)]
    return errors.InvalidArgument("FIELDS_INVALID", "no", violations=violations)


class TestWhoAsks:
    @pytest.mark.parametrize("place", ["", *(f"/{it}" for it in PLACES)])
    def test_without_a_session_one_is_sent_to_sign_in(self, http: FlaskClient, place: str) -> None:
        answer = http.get(f"/portal{place}")

        back = f"?next=/portal{place}" if place else ""
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/portal/sign-in{back}")

    def test_peers_are_asked_with_the_customers_token(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        shown(portal, "/portal")

        asked = {call.metadata["authorization"] for call in peers.calls}
        assert asked == {"Bearer of-a-customer"}

    def test_names_of_advertisers_are_asked_by_the_gateway_itself(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        shown(portal, "/portal/preferences")

        (call,) = peers.named("ListAdvertisers")
        assert call.metadata["authorization"].startswith("Bearer own-")

    def test_a_form_from_elsewhere_is_refused(self, portal: FlaskClient, peers: Any) -> None:
        answer = portal.post("/portal/requests", data={"subject": "x", "text": "y"})

        assert answer.status_code == 403
        assert not peers.named("CreateMyRequest")

    @pytest.mark.parametrize("place", ["", *(f"/{it}" for it in PLACES)])
    @pytest.mark.parametrize("language", ["vi", "en"])
    def test_every_page_is_there_in_both_languages(
        self, portal: FlaskClient, place: str, language: str
    ) -> None:
        text = shown(portal, f"/portal{place}?lang={language}")

        assert f'<html lang="{language}">' in text
        assert "<b>" not in text.replace("<br>", "")
        assert "<i>" not in text

    def test_what_is_not_theirs_is_told_as_what_is_not_there(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetMyRequest"] = errors.NotFound("RESOURCE_MISSING", "no such request")

        assert "Không tìm thấy" in shown(portal, f"/portal/requests/{ID}", 404)


class TestHome:
    def test_a_part_that_is_away_is_named_and_the_rest_works(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListMyProposals"] = AWAY

        text = shown(portal, "/portal")

        assert "chưa phản hồi" in text
        assert "Xem căn hộ" in text

    def test_times_are_in_the_customers_zone(self, portal: FlaskClient) -> None:
        assert "03/02/2031 12:00" in shown(portal, "/portal")


class TestProfile:
    def test_what_is_typed_is_stored(self, portal: FlaskClient, peers: Any) -> None:
        typed = {"given_name": "Lan", "day": "29", "month": "2", "address.ward": "Ba Đình"}
        answer = sent(portal, "/portal/profile", etag="3", locale="en", **typed)

        asked = peers.named("UpdateMyProfile")[-1].request
        assert answer.headers["Location"] == "/portal/profile"
        assert (asked.profile.etag, asked.profile.given_name) == ("3", "Lan")
        assert (asked.profile.birthday.day, asked.profile.birthday.year) == (29, 0)
        assert asked.profile.address.ward == "Ba Đình"
        assert set(asked.update_mask.paths) == {
            *("given_name", "display_name", "birthday", "address", "locale", "time_zone")
        }

    def test_what_stayed_as_it_was_is_not_written(self, portal: FlaskClient, peers: Any) -> None:
        same = {"display_name": "Đào <b>", "time_zone": "America/New_York", "locale": "vi"}

        sent(portal, "/portal/profile", given_name="Lan", **same)
        sent(portal, "/portal/profile", given_name="Đào", **same)

        (call,) = peers.named("UpdateMyProfile")
        assert list(call.request.update_mask.paths) == ["given_name"]

    def test_what_is_refused_stays_typed_with_its_reason(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        why = "is none of Vietnam's 34 provinces and cities"
        peers.answers["UpdateMyProfile"] = wrong("profile.address.province", why)

        answer = sent(portal, "/portal/profile", **{"address.province": "Atlantis"})

        text = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'value="Atlantis"' in text
        assert 'id="address.province-wrong"' in text

    def test_a_birthday_that_is_no_number_is_told_without_asking(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        answer = sent(portal, "/portal/profile", day="x", month="2")

        assert answer.status_code == 400
        assert not peers.named("UpdateMyProfile")


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


class TestProposals:
    def test_one_is_read_and_accepted_as_it_was_read(self, portal: FlaskClient, peers: Any) -> None:
        text = shown(portal, f"/portal/proposals/{ID}")
        answer = sent(portal, f"/portal/proposals/{ID}/accept", issue="2", name="Đào")

        asked = peers.named("AcceptMyProposal")[-1].request
        assert "Tổng cộng" in text
        assert f'data-seen="/portal/proposals/{ID}/seen"' in text
        assert f'href="/portal/proposals/{ID}/files/B%E1%BA%A3ng%20gi%C3%A1.pdf"' in text
        assert (asked.id, asked.issue, asked.name) == (ID, 2, "Đào")
        assert answer.headers["Location"] == f"/portal/proposals/{ID}?said=accepted"

    def test_what_was_changed_meanwhile_is_not_accepted(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        peers.answers["AcceptMyProposal"] = errors.Aborted("ETAG_STALE", "changed")

        answer = sent(portal, f"/portal/proposals/{ID}/accept", issue="1", name="Đào")

        assert answer.status_code == 409
        assert "Chưa ghi nhận gì" in answer.get_data(as_text=True)


class TestAppointments:
    def test_another_time_is_asked(self, portal: FlaskClient, peers: Any) -> None:
        answer = sent(portal, f"/portal/appointments/{ID}", text="Chiều thứ sáu")

        asked = peers.named("AskForAnotherTime")[-1].request
        assert (asked.id, asked.text, asked.request_id) == (ID, "Chiều thứ sáu", ID)
        assert answer.headers["Location"] == f"/portal/requests/{ID}"

    def test_what_was_typed_stays_when_it_is_refused(self, portal: FlaskClient, peers: Any) -> None:
        peers.answers["AskForAnotherTime"] = AWAY

        answer = sent(portal, f"/portal/appointments/{ID}", text="Chiều thứ sáu")

        assert answer.status_code == 503
        assert "Chiều thứ sáu</textarea>" in answer.get_data(as_text=True)


class TestRequests:
    def test_one_is_asked(self, portal: FlaskClient, peers: Any) -> None:
        answer = sent(portal, "/portal/requests", subject="Bảo hành", text="Kêu to")

        asked = peers.named("CreateMyRequest")[-1].request
        assert (asked.subject, asked.text, asked.request_id) == ("Bảo hành", "Kêu to", ID)
        assert answer.headers["Location"] == f"/portal/requests/{ID}"

    def test_what_is_refused_names_its_field(self, portal: FlaskClient, peers: Any) -> None:
        peers.answers["CreateMyRequest"] = wrong("subject", "is required")

        answer = sent(portal, "/portal/requests", text="Kêu to")

        text = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert 'id="subject-wrong"' in text
        assert "Kêu to</textarea>" in text

    def test_answers_are_shown_as_text_and_replied_to(
        self, portal: FlaskClient, peers: Any
    ) -> None:
        text = shown(portal, f"/portal/requests/{ID}")
        sent(portal, f"/portal/requests/{ID}", text="Cảm ơn")

        assert "Mai có thợ &lt;u&gt;" in text
        assert peers.named("ReplyToMyRequest")[-1].request.text == "Cảm ơn"

    def test_too_many_are_told(self, portal: FlaskClient, peers: Any) -> None:
        peers.answers["CreateMyRequest"] = errors.ResourceExhausted("REQUESTS_TOO_MANY", "many")

        answer = sent(portal, "/portal/requests?lang=en", subject="x", text="y")

        assert answer.status_code == 429
        assert "many open requests" in answer.get_data(as_text=True)


class TestMyData:
    def test_all_services_lines_make_one_list(self, portal: FlaskClient, peers: Any) -> None:
        first = portal_service_pb2.ExportMyDataResponse(lines=b'{"what": "profile"}\n')
        login = login_pb2.MyLogin(address="+84912345678")
        browser = login_pb2.MySession(user_agent="Firefox")
        peers.answers["ExportMyLogin"] = login_pb2.ExportMyLoginResponse(
            login=login, sessions=[browser]
        )
        parts: dict[str, list[Any]] = {
            "leads": [first],
            "interactions": [pb2.ExportMyDataResponse(lines=b'{"what": 1}\n{"what": 2}\n')],
        }
        peers.answers["ExportMyData"] = lambda asked, _: iter(
            parts[asked.DESCRIPTOR.full_name.split(".")[1]]
        )

        answer = sent(portal, "/portal/my-data")

        taken = json.loads(answer.get_data())
        assert [it["what"] for it in taken] == ["login", "session", "profile", 1, 2]
        assert (taken[0]["address"], taken[1]["user_agent"]) == ("+84912345678", "Firefox")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.json"'
        assert {call.seconds_left > 60 for call in peers.named("ExportMyData")} == {True}

    def test_while_a_part_is_away_nothing_is_taken(self, portal: FlaskClient, peers: Any) -> None:
        peers.answers["ExportMyLogin"] = AWAY

        assert sent(portal, "/portal/my-data").status_code == 503

    def test_a_get_takes_nothing(self, portal: FlaskClient, peers: Any) -> None:
        shown(portal, "/portal/my-data")

        assert not peers.named("ExportMyData")

    def test_erasure_is_asked_by_who_is_sure(self, portal: FlaskClient, peers: Any) -> None:
        unsure = sent(portal, "/portal/erase", text="xin xóa")
        assert unsure.status_code == 400
        assert "xin xóa</textarea>" in unsure.get_data(as_text=True)
        assert not peers.named("AskForErasure")

        answer = sent(portal, "/portal/erase", text="xin xóa", sure="yes")

        assert answer.headers["Location"] == f"/portal/requests/{ID}"
        assert peers.named("AskForErasure")[-1].request.text == "xin xóa"


class TestWords:
    def test_every_key_that_pages_name_exists(self) -> None:
        named = re.compile(r"""\bt\(\s*["']([a-z_]+\.[a-z_]+)["']""")
        folder = desk.CATALOGUE.parent
        files = [*folder.glob("*.py"), *folder.parent.glob("templates/portal/*.html")]
        used = {it for file in files for it in named.findall(file.read_text("utf-8"))}

        known = words.catalogue("vi", desk.CATALOGUE).keys() | words.catalogue("vi").keys()
        assert len(used) > 50
        assert {it for it in used if not it.endswith("_")} - known == set()

    def test_both_catalogues_have_the_same_keys_and_every_enum_its_words(self) -> None:
        vi, en = (words.catalogue(it, desk.CATALOGUE) for it in words.LANGUAGES)

        assert vi.keys() == en.keys()
        assert all(vi.values())
        assert all(en.values())
        assert {it for it in en if en[it] == vi[it] and len(en[it]) > 8} == set()
        for family, enum in desk.ENUMS.items():
            for value in enum.DESCRIPTOR.values[1:]:
                name = desk.short(family, value.number)
                hidden = family == "proposal_state" and name in ("draft", "withdrawn")
                assert (f"{family}.{name}" in en) is not hidden, (family, name)


class TestPace:
    def test_nobody_writes_faster_than_people_read(
        self, make_gateway: Any, portal: FlaskClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pages, "WRITES_PER_MINUTE", 2)
        browser = make_gateway().test_client()

        answers = [sent(browser, "/portal/requests", subject="x", text="y") for _ in range(3)]

        assert [it.status_code for it in answers] == [303, 303, 429]
        assert shown(browser, "/portal/requests")
