"""Customers sign in on pages of their own, by a code or a password, and go where they wanted."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from google.protobuf import empty_pb2

from chassis import errors
from tests.unit.gateway.sign_in_parts import ADDRESS, AWAY, GIVEN, LATE, REFUSED, signed_in, wrong
from tests.unit.gateway.sign_in_parts import browser as browser


@pytest.fixture
def asked(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser that asked for a code."""
    peers.answers.update(RequestContactCode=empty_pb2.Empty(), SignInContact=signed_in())
    http.post("/portal/sign-in", data={"address": f" {ADDRESS} ", "how": "code"})
    return http


class TestACode:
    def test_it_is_asked_for_and_the_page_for_it_follows(
        self, asked: FlaskClient, peers: Any
    ) -> None:
        page = asked.get("/portal/sign-in/code?lang=en").get_data(as_text=True)

        request = peers.named("RequestContactCode")[0].request
        assert (request.address, request.ip) == (ADDRESS, "127.0.0.1")
        assert len(request.browser_secret) >= 16
        assert peers.last.metadata["authorization"].startswith("Bearer own-")
        for part in ('autocomplete="one-time-code"', 'inputmode="numeric"', ADDRESS):
            assert part in page

    def test_the_right_one_signs_in(self, asked: FlaskClient, peers: Any) -> None:
        answer = asked.post("/portal/sign-in/code", data={"code": " 123456 "})

        assert (answer.status_code, answer.headers["Location"]) == (303, "/portal")
        request = peers.last.request
        assert (request.address, request.code, request.password) == (ADDRESS, "123456", "")
        assert request.browser_secret == peers.named("RequestContactCode")[0].request.browser_secret
        cookies = {it.split("=")[0]: it for it in answer.headers.getlist("Set-Cookie")}
        for part in ("the secret", "HttpOnly", "SameSite=Lax", "Expires="):
            assert part in cookies["mekong-portal"]
        assert asked.get_cookie("mekong-portal-step") is None

    @pytest.mark.parametrize(
        ("failure", "status", "said"),
        [
            (REFUSED, 401, "The code is not right"),
            (LATE, 429, "wait 5 min"),
            (AWAY, 503, "does not work right now"),
        ],
        ids=["wrong", "too often", "away"],
    )
    def test_what_is_refused_is_told_and_may_be_tried_again(
        self, asked: FlaskClient, peers: Any, failure: Any, status: int, said: str
    ) -> None:
        peers.answers["SignInContact"] = failure

        answer = asked.post("/portal/sign-in/code?lang=en", data={"code": "000000"})

        assert answer.status_code == status
        assert said in answer.get_data(as_text=True)
        assert "000000" not in answer.get_data(as_text=True)
        assert asked.get_cookie("mekong-portal") is None
        assert asked.get_cookie("mekong-portal-step") is not None

    def test_another_one_is_for_the_same_browser_and_no_other(
        self, asked: FlaskClient, peers: Any, gateway: Any
    ) -> None:
        again = {"address": ADDRESS, "how": "code"}
        asked.post("/portal/sign-in", data=again)
        gateway.test_client().post("/portal/sign-in", data=again)

        first, second, other = (
            it.request.browser_secret for it in peers.named("RequestContactCode")
        )
        assert first == second != other

    @pytest.mark.parametrize("cookie", [ADDRESS, f"short.{ADDRESS}", "." + ADDRESS])
    def test_a_cookie_that_is_none_of_ours_begins_anew(
        self, http: FlaskClient, peers: Any, cookie: str
    ) -> None:
        http.set_cookie("mekong-portal-step", cookie)

        answer = http.post("/portal/sign-in/code", data={"code": "123456"})

        assert answer.headers["Location"] == "/portal/sign-in"
        assert peers.calls == []

    def test_none_is_asked_for_again(self, asked: FlaskClient, peers: Any) -> None:
        assert asked.post("/portal/sign-in/code", data={"code": " "}).status_code == 400
        assert peers.named("SignInContact") == []

    def test_without_an_address_it_begins_anew(self, http: FlaskClient, peers: Any) -> None:
        for answer in (
            http.get("/portal/sign-in/code"),
            http.post("/portal/sign-in/code", data={"code": "123456"}),
        ):
            assert answer.headers["Location"] == "/portal/sign-in"
        assert peers.calls == []

    @pytest.mark.parametrize(
        ("failure", "status", "said"),
        [
            (wrong("address"), 400, "neither a phone number nor"),
            (errors.FailedPrecondition("CONTACT_SENDER_MISSING", "no"), 409, "cannot send codes"),
            (LATE, 429, "wait 5 min"),
        ],
        ids=["no address", "no sender", "too often"],
    )
    def test_one_that_cannot_be_sent_says_why(
        self, http: FlaskClient, peers: Any, failure: Any, status: int, said: str
    ) -> None:
        peers.answers["RequestContactCode"] = failure
        given = {"address": "<b>lan", "how": "code"}

        answer = http.post("/portal/sign-in?lang=en", data=given)

        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert said in page
        assert "&lt;b&gt;lan" in page


class TestAPassword:
    def test_it_signs_in(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["SignInContact"] = signed_in()

        answer = http.post("/portal/sign-in", data=dict(GIVEN))

        assert answer.headers["Location"] == "/portal"
        assert (peers.last.request.password, peers.last.request.code) == ("a long password", "")

    def test_another_is_refused_and_never_comes_back(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["SignInContact"] = REFUSED

        answer = http.post("/portal/sign-in?lang=en", data=dict(GIVEN))

        page = answer.get_data(as_text=True)
        assert answer.status_code == 401
        assert "The address or the password is not right" in page
        assert "<details open>" in page
        assert "a long password" not in page

    def test_it_has_a_form_of_its_own_so_that_enter_asks_for_no_code(
        self, http: FlaskClient
    ) -> None:
        page = http.get("/portal/sign-in").get_data(as_text=True)

        forms = [it.partition("</form")[0] for it in page.split("<form")[1:]]
        (form,) = (it for it in forms if 'name="password"' in it)
        assert re.findall(r'name="how" value="(\w+)"', form) == ["password"]

    def test_so_many_wait_at_once_and_the_next_is_told_to_come_back(
        self, make_gateway: Any, peers: Any
    ) -> None:
        gateway = make_gateway(sign_ins_max=1)
        with gateway.extensions["gateway"].sessions.place():
            answer = gateway.test_client().post("/portal/sign-in?lang=en", data=dict(GIVEN))

        assert answer.status_code == 429
        assert "Many people are signing in" in answer.get_data(as_text=True)
        assert peers.named("SignInContact") == []

    @pytest.mark.parametrize("missing", ["address", "password"])
    def test_both_are_needed(self, http: FlaskClient, peers: Any, missing: str) -> None:
        answer = http.post("/portal/sign-in", data={**dict(GIVEN), missing: ""})

        assert answer.status_code == 400
        assert peers.calls == []


class TestWhereOneWanted:
    PLACE = "/portal/requests?page=t"

    def test_a_page_is_come_back_to_after_a_code(self, http: FlaskClient, peers: Any) -> None:
        peers.answers.update(RequestContactCode=empty_pb2.Empty(), SignInContact=signed_in())
        first = http.get(self.PLACE).headers["Location"]
        asked = http.get(first).get_data(as_text=True)
        given = {"address": ADDRESS, "how": "code", "next": self.PLACE}

        second = http.post("/portal/sign-in", data=given).headers["Location"]
        page = http.get(second).get_data(as_text=True)
        answer = http.post("/portal/sign-in/code", data={"code": "1", "next": self.PLACE})

        for it in (asked, page):
            assert f'name="next" value="{self.PLACE}"' in it
        assert answer.headers["Location"] == self.PLACE

    @pytest.mark.parametrize(
        ("came_from", "place"),
        [
            ("http://localhost/portal/requests/new", "?next=/portal/requests/new"),
            ("https://evil.example/portal/requests", ""),
            ("", ""),
        ],
        ids=["our page", "another site", "nobody knows"],
    )
    def test_a_form_of_a_session_that_ended_leads_back_to_its_page(
        self, browser: Any, peers: Any, came_from: str, place: str
    ) -> None:
        peers.answers["ExchangeContactSession"] = REFUSED
        headers = {"Referer": came_from} if came_from else {}

        answer = browser.post(
            "/portal/requests", data={"csrf_token": browser.csrf}, headers=headers
        )

        assert answer.headers["Location"] == f"/portal/sign-in{place}"

    @pytest.mark.parametrize(
        "place",
        ["//evil.example", "https://evil.example", "/contacts", "/portalx", "/portal/sign-out"],
    )
    def test_no_other_place_is(self, http: FlaskClient, peers: Any, place: str) -> None:
        peers.answers["SignInContact"] = signed_in()

        answer = http.post("/portal/sign-in", data={**dict(GIVEN), "next": place})

        assert answer.headers["Location"] == "/portal"
