"""Customers sign in on pages of their own, and their session opens nothing of staff."""

import re
import time
from typing import Any

import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from flask import Response
from flask.testing import FlaskClient
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway import languages
from services.gateway.portal import sessions as portal_sessions

ADDRESS = "lan@example.vn"
LINK = "/portal/welcome/of-a-message"
ELSEWHERE = {"Origin": "https://evil.example"}
LATE = errors.ResourceExhausted("RATE_LIMITED", "slow", retry_after_seconds=300)
AWAY = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="accounts")
REFUSED = errors.Unauthenticated("SIGN_IN_REFUSED", "no")


def soon(seconds: int = 300) -> Timestamp:
    return Timestamp(seconds=int(time.time()) + seconds)


def wrong(*names: str) -> errors.InvalidArgument:
    violations = [FieldViolation(it, "must have 12 to 200 characters") for it in names]
    return errors.InvalidArgument("FIELDS_INVALID", "no", violations=violations)


def signed_in() -> Any:
    return pb2.SignInContactResponse(session_secret="the secret", expire_time=soon())


def exchanged(**given: Any) -> Any:
    usual = {"id": "l1", "contact_id": "c1", "display_name": "Lan", "language": "vi"}
    return pb2.ExchangeContactSessionResponse(
        token="token-of-lan",
        expire_time=soon(),
        contact_login=contact_login_pb2.ContactLogin(**{**usual, **given}),
    )


@pytest.fixture
def asked(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser that asked for a code."""
    peers.answers.update(RequestContactCode=empty_pb2.Empty(), SignInContact=signed_in())
    http.post("/portal/sign-in", data={"address": f" {ADDRESS} ", "how": "code"})
    return http


@pytest.fixture
def browser(http: FlaskClient, peers: Any, gateway: Any) -> Any:
    """A browser of a customer who is signed in."""
    peers.answers["ExchangeContactSession"] = exchanged()
    secret = f"secret-{time.monotonic_ns()}"
    http.set_cookie("mekong-portal", secret)
    http.secret = secret  # type: ignore[attr-defined]
    sessions = gateway.extensions["gateway"].contact_sessions
    http.csrf = sessions.csrf_token(secret)  # type: ignore[attr-defined]
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
    GIVEN = ("address", ADDRESS), ("password", "a long password"), ("how", "password")

    def test_it_signs_in(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["SignInContact"] = signed_in()

        answer = http.post("/portal/sign-in", data=dict(self.GIVEN))

        assert answer.headers["Location"] == "/portal"
        assert (peers.last.request.password, peers.last.request.code) == ("a long password", "")

    def test_another_is_refused_and_never_comes_back(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["SignInContact"] = REFUSED

        answer = http.post("/portal/sign-in?lang=en", data=dict(self.GIVEN))

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
            answer = gateway.test_client().post("/portal/sign-in?lang=en", data=dict(self.GIVEN))

        assert answer.status_code == 429
        assert "Many people are signing in" in answer.get_data(as_text=True)
        assert peers.named("SignInContact") == []

    @pytest.mark.parametrize("missing", ["address", "password"])
    def test_both_are_needed(self, http: FlaskClient, peers: Any, missing: str) -> None:
        answer = http.post("/portal/sign-in", data={**dict(self.GIVEN), missing: ""})

        assert answer.status_code == 400
        assert peers.calls == []


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

        answer = browser.post("/portal/sign-in", data=dict(TestAPassword.GIVEN))

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

        answer = http.post("/portal/sign-in", data={**dict(TestAPassword.GIVEN), "next": place})

        assert answer.headers["Location"] == "/portal"


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
        given = dict(TestAPassword.GIVEN)

        answers = [http.post("/portal/sign-in", data=given).status_code for _ in range(3)]

        assert answers == [401, 401, 429]

    def test_what_is_not_there_is_told_without_the_shell_of_staff(self, http: FlaskClient) -> None:
        page = http.get("/portal/nowhere").get_data(as_text=True)

        assert "ROUTE_MISSING" in page
        assert "navbar" not in page
