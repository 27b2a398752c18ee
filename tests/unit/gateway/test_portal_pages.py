"""The portal's pages: whose token asks, what is typed stays, and what is refused is told."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.portal import desk
from services.gateway.web import words
from tests.unit.gateway.portal_parts import ID, sent, shown

AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="interactions")
PLACES = "profile preferences proposals appointments purchases requests my-data erase".split()


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
