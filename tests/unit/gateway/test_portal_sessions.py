"""Sessions of customers: they open nothing of staff, and every page asks for one."""

import time
from typing import Any

import pytest
from flask import Response
from flask.testing import FlaskClient
from google.protobuf import empty_pb2

from chassis import errors
from services.gateway import languages
from services.gateway.portal import sessions as portal_sessions
from tests.unit.gateway.sign_in_parts import ADDRESS, AWAY, GIVEN, LINK, REFUSED, signed_in
from tests.unit.gateway.sign_in_parts import browser as browser

ELSEWHERE = {"Origin": "https://evil.example"}


class TestASession:
    def test_it_is_asked_about_again_after_five_seconds(
        self, browser: Any, peers: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sessions = gateway.extensions["gateway"].contact_sessions
        clock = time.monotonic()
        monkeypatch.setattr("services.gateway.cookies.time.monotonic", lambda: clock)

        who = [sessions.who(browser.secret) for _ in range(2)]
        clock += portal_sessions._HELD_SECONDS - 0.1
        sessions.who(browser.secret)
        assert len(peers.named("ExchangeContactSession")) == 1
        clock += 0.2
        peers.answers["ExchangeContactSession"] = REFUSED
        with pytest.raises(errors.Unauthenticated) as ended:
            sessions.who(browser.secret)

        assert who[0] == who[1] == portal_sessions.Customer("token-of-lan", "l1", "c1", "Lan", "vi")
        assert ended.value.reason == "TOKEN_EXPIRED"
        assert portal_sessions._HELD_SECONDS <= 5

    def test_it_ends_by_a_form_of_ours_alone(self, browser: Any, peers: Any) -> None:
        peers.answers["SignOutContact"] = empty_pb2.Empty()

        without = browser.post("/portal/sign-out")
        right = browser.post("/portal/sign-out", data={"csrf_token": browser.csrf})

        assert (without.status_code, right.headers["Location"]) == (403, "/portal/sign-in")
        assert peers.named("SignOutContact")[0].request.session_secret == browser.secret
        assert browser.get_cookie("mekong-portal") is None

    def test_signing_out_where_nobody_is_signed_in_leads_on(
        self, http: FlaskClient, peers: Any
    ) -> None:
        answer = http.post("/portal/sign-out")

        assert (answer.status_code, answer.headers["Location"]) == (303, "/portal/sign-in")
        assert peers.calls == []

    def test_signing_out_clears_what_the_browser_kept(self, browser: Any, peers: Any) -> None:
        peers.answers["SignOutContact"] = empty_pb2.Empty()

        answer = browser.post("/portal/sign-out", data={"csrf_token": browser.csrf})

        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'

    @pytest.mark.parametrize("ending", [empty_pb2.Empty(), AWAY], ids=["ends", "away"])
    def test_the_one_that_the_browser_had_ends_when_somebody_signs_in(
        self, browser: Any, peers: Any, ending: Any
    ) -> None:
        peers.answers.update(SignInContact=signed_in(), SignOutContact=ending)

        answer = browser.post("/portal/sign-in", data=dict(GIVEN))

        assert answer.headers["Location"] == "/portal"
        assert peers.named("SignOutContact")[0].request.session_secret == browser.secret
        assert browser.get_cookie("mekong-portal").decoded_value == "the secret"

    def test_it_opens_nothing_of_staff(self, browser: Any, peers: Any) -> None:
        assert browser.get("/contacts").headers["Location"].startswith("/sign-in")
        assert browser.get("/api/v1/contacts").status_code == 401

    def test_the_cookie_is_bound_to_this_host_over_https(self, make_gateway: Any) -> None:
        sessions = make_gateway(cookie_secure=True).extensions["gateway"].contact_sessions
        response = Response()

        sessions.remember(response, signed_in())

        cookie = response.headers.getlist("Set-Cookie")[0]
        assert cookie.startswith("__Host-mekong-portal=")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert part in cookie


class TestEveryPage:
    @pytest.mark.parametrize("path", ["/portal/sign-in", "/portal/sign-in/code", LINK])
    def test_another_sites_form_signs_nobody_in(
        self, http: FlaskClient, peers: Any, path: str
    ) -> None:
        http.set_cookie("mekong-portal-step", ADDRESS)
        given = {"address": ADDRESS, "code": "123456"}

        assert http.post(path, data=given, headers=ELSEWHERE).status_code == 403
        assert peers.calls == []

    @pytest.mark.parametrize(("lang", "title"), [("vi", "Đăng nhập"), ("en", "Sign in")])
    def test_it_is_in_the_language_that_was_chosen_which_stays(
        self, http: FlaskClient, lang: str, title: str
    ) -> None:
        first = http.get(f"/portal/sign-in?lang={lang}")
        later = http.get("/portal/sign-in").get_data(as_text=True)

        assert f"<h1>{title}</h1>" in first.get_data(as_text=True)
        assert f'<html lang="{lang}">' in later

    @pytest.mark.parametrize(
        ("path", "leads"),
        [
            ("/portal/sign-in", "/portal/sign-in?lang=en"),
            ("/portal/preferences/channel", "/portal/preferences?lang=en"),
        ],
        ids=["a form with a page", "a form without one"],
    )
    def test_the_other_language_is_a_page_that_can_be_opened(
        self, gateway: Any, path: str, leads: str
    ) -> None:
        with gateway.test_request_context(path, method="POST") as context:
            assert languages.link(context.request, "en") == leads

    def test_the_other_language_keeps_the_rest_of_the_address(self, gateway: Any) -> None:
        with gateway.test_request_context("/portal/appointments?past=1&lang=vi") as context:
            found = languages.link(context.request, "en")

        assert found == "/portal/appointments?past=1&lang=en"

    def test_the_house_is_named(self, make_gateway: Any) -> None:
        http = make_gateway(organisation_name="Cửu Long <Xanh>").test_client()

        assert "Cửu Long &lt;Xanh&gt;" in http.get("/portal/sign-in").get_data(as_text=True)

    def test_tries_are_bounded(self, make_gateway: Any, peers: Any) -> None:
        peers.answers["SignInContact"] = REFUSED
        http = make_gateway(portal_sign_ins_per_minute=2).test_client()
        given = dict(GIVEN)

        answers = [http.post("/portal/sign-in", data=given).status_code for _ in range(3)]

        assert answers == [401, 401, 429]

    def test_what_is_not_there_is_told_without_the_shell_of_staff(self, http: FlaskClient) -> None:
        page = http.get("/portal/nowhere").get_data(as_text=True)

        assert "ROUTE_MISSING" in page
        assert "navbar" not in page
