"""Customers choose passwords: invited, forgotten, or changed while signed in."""

from typing import Any

import pytest
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from flask.testing import FlaskClient
from google.protobuf import empty_pb2

from chassis import errors
from tests.unit.gateway.sign_in_parts import ADDRESS, LATE, LINK, REFUSED, signed_in, soon, wrong
from tests.unit.gateway.sign_in_parts import browser as browser


class TestAnInvitation:
    @pytest.fixture(autouse=True)
    def invited(self, peers: Any) -> None:
        peers.answers.update(
            DescribeContactInvitation=pb2.DescribeContactInvitationResponse(
                display_name="Lan <b>", language="en", address=ADDRESS, expire_time=soon()
            ),
            AcceptInvitation=signed_in(),
        )

    def test_opening_it_changes_nothing_and_is_in_the_customers_language(
        self, http: FlaskClient, peers: Any
    ) -> None:
        page = http.get(LINK).get_data(as_text=True)

        assert '<html lang="en">' in page
        assert "Welcome, Lan &lt;b&gt;" in page
        assert peers.named("AcceptInvitation") == []

    @pytest.mark.parametrize("password", ["", "a long password"])
    def test_going_on_signs_in(self, http: FlaskClient, peers: Any, password: str) -> None:
        answer = http.post(LINK, data={"new_password": password, "repeat": password})

        assert answer.headers["Location"] == "/portal"
        request = peers.named("AcceptInvitation")[0].request
        assert (request.token, request.password) == ("of-a-message", password)
        assert http.get_cookie("mekong-portal") is not None

    def test_two_passwords_are_none(self, http: FlaskClient, peers: Any) -> None:
        answer = http.post(LINK, data={"new_password": "a", "repeat": "b"})

        assert answer.status_code == 400
        assert "The two are not the same" in answer.get_data(as_text=True)
        assert peers.named("AcceptInvitation") == []

    def test_one_that_is_too_short_says_so(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["AcceptInvitation"] = wrong("password")

        answer = http.post(f"{LINK}?lang=vi", data={"new_password": "a", "repeat": "a"})

        assert answer.status_code == 400
        assert "Phải có từ 12 đến 200 ký tự" in answer.get_data(as_text=True)

    def test_one_that_was_used_leads_to_a_code(self, http: FlaskClient, peers: Any) -> None:
        gone = errors.NotFound("INVITATION_INVALID", "no")
        peers.answers.update(DescribeContactInvitation=gone, AcceptInvitation=gone)

        for answer in (http.get(LINK), http.post(LINK, data={})):
            assert answer.status_code == 404
            assert "/portal/sign-in" in answer.get_data(as_text=True)


class TestChoosingAPassword:
    URL = "/portal/password"

    def sent(self, browser: Any, **given: str) -> Any:
        usual = {
            "csrf_token": browser.csrf,
            "new_password": "a new long one",
            "repeat": "a new long one",
        }
        return browser.post(f"{self.URL}?lang=en", data={**usual, **given})

    def test_it_is_stored_with_the_old_one(self, browser: Any, peers: Any) -> None:
        peers.answers["SetContactPassword"] = empty_pb2.Empty()

        answer = self.sent(browser, old_password="a long password")

        assert answer.headers["Location"] == "/portal/password?saved=1"
        request = peers.last.request
        assert (request.session_secret, request.old_password) == (browser.secret, "a long password")
        assert "The password is saved" in browser.get(f"{self.URL}?saved=1&lang=en").get_data(
            as_text=True
        )

    @pytest.mark.parametrize(
        ("failure", "status", "said"),
        [
            (REFUSED, 400, "old-password-wrong"),
            (errors.FailedPrecondition("PROOF_TOO_OLD", "no"), 400, "sign in with a code first"),
            (wrong("new_password"), 400, "Must have 12 to 200 characters"),
            (LATE, 429, "wait 5 min"),
        ],
        ids=["wrong old one", "long ago", "too short", "too often"],
    )
    def test_what_is_refused_is_told(
        self, browser: Any, peers: Any, failure: Any, status: int, said: str
    ) -> None:
        peers.answers["SetContactPassword"] = failure

        answer = self.sent(browser)

        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert said.replace("old-password-wrong", 'id="old_password-wrong"') in page
        assert "a new long one" not in page

    def test_two_are_none(self, browser: Any, peers: Any) -> None:
        assert self.sent(browser, repeat="another").status_code == 400
        assert peers.named("SetContactPassword") == []

    def test_another_sites_form_stores_none(self, browser: Any, peers: Any) -> None:
        assert self.sent(browser, csrf_token="x").status_code == 403
        assert peers.named("SetContactPassword") == []

    def test_who_is_not_signed_in_does_so_first(
        self, http: FlaskClient, peers: Any, gateway: Any
    ) -> None:
        peers.answers["ExchangeContactSession"] = REFUSED
        nobody, gone = http.get(self.URL), gateway.test_client()
        http.set_cookie("mekong-portal", "ended")

        for answer in (nobody, http.get(self.URL), gone.post(self.URL)):
            assert answer.headers["Location"] == f"/portal/sign-in?next={self.URL}"
