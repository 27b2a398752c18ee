"""Signing in in two steps, links to choose a password, and the page that protects an account."""

import time
from typing import Any

import pytest
from crm.accounts.v1 import (
    password_service_pb2,
    session_pb2,
    session_service_pb2,
)
from flask.testing import FlaskClient
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from chassis.errors import FieldViolation

GIVEN = {"email": "lan@mekong.example", "password": "a long password"}
LINK = "/password/of-a-mail"
NEW = {"new_password": "a new long one", "repeat": "a new long one"}
URI = "otpauth://totp/Mekong:lan%40mekong.example?secret=ABCDEFGH&issuer=Mekong"


def soon(seconds: int = 300) -> Timestamp:
    return Timestamp(seconds=int(time.time()) + seconds)


def challenge() -> Any:
    return session_service_pb2.SignInResponse(
        challenge="the challenge", challenge_expire_time=soon()
    )


def session() -> Any:
    return session_service_pb2.SignInResponse(
        session_secret="the secret", session=session_pb2.Session(id="s1", expire_time=soon())
    )


def refused(seconds: float | None = None) -> errors.Error:
    if seconds is not None:
        return errors.ResourceExhausted("RATE_LIMITED", "slow down", retry_after_seconds=seconds)
    return errors.Unauthenticated("SIGN_IN_REFUSED", "no")


def fields(*names: str, why: str = "is not right") -> errors.InvalidArgument:
    violations = [FieldViolation(it, why) for it in names]
    return errors.InvalidArgument("FIELDS_INVALID", "no", violations=violations)


@pytest.fixture
def asked(http: FlaskClient, peers: Any) -> FlaskClient:
    """A browser whose password was right, and that is asked for a code."""
    peers.answers.update(SignIn=challenge(), CompleteSignIn=session())
    http.post("/sign-in?lang=en", data={**GIVEN, "next": "/contacts"})
    return http


class TestSecondStep:
    def test_a_challenge_leads_to_the_page_for_the_code_and_is_no_session(
        self, http: FlaskClient, peers: Any
    ) -> None:
        peers.answers["SignIn"] = challenge()

        answer = http.post("/sign-in", data={**GIVEN, "next": "/contacts"})

        assert answer.headers["Location"] == "/sign-in/code?next=/contacts"
        (cookie,) = answer.headers.getlist("Set-Cookie")
        assert cookie.startswith("mekong-step=the challenge") or "the challenge" in cookie
        assert "HttpOnly" in cookie
        page = http.get("/sign-in/code?lang=en").get_data(as_text=True)
        assert "one-time-code" in page
        assert "the challenge" not in page

    def test_a_right_code_signs_in_and_goes_on_to_the_page_asked_for(
        self, asked: FlaskClient, peers: Any
    ) -> None:
        answer = asked.post("/sign-in/code", data={"code": " 123 456 ", "next": "/contacts"})

        assert answer.headers["Location"] == "/contacts"
        assert peers.last.request.challenge == "the challenge"
        assert peers.last.metadata["authorization"].startswith("Bearer own-")
        assert asked.get_cookie("mekong") is not None
        assert asked.get_cookie("mekong-step") is None

    def test_a_wrong_code_may_be_tried_again(self, asked: FlaskClient, peers: Any) -> None:
        peers.answers["CompleteSignIn"] = refused()

        answer = asked.post("/sign-in/code", data={"code": "000000", "next": "/contacts"})

        page = answer.get_data(as_text=True)
        assert answer.status_code == 401
        assert "The code is not right" in page
        assert 'name="next" value="/contacts"' in page
        assert "000000" not in page
        assert asked.get_cookie("mekong-step") is not None
        assert asked.get_cookie("mekong") is None

    def test_none_is_asked_for_again(self, asked: FlaskClient, peers: Any) -> None:
        answer = asked.post("/sign-in/code", data={"code": " "})

        assert answer.status_code == 400
        assert peers.named("CompleteSignIn") == []

    def test_too_many_wrong_ones_are_told_with_the_time_to_wait(
        self, asked: FlaskClient, peers: Any
    ) -> None:
        peers.answers["CompleteSignIn"] = refused(300)

        answer = asked.post("/sign-in/code", data={"code": "000000"})

        assert answer.status_code == 429
        assert "wait 5 min" in answer.get_data(as_text=True)

    def test_a_challenge_that_ended_begins_anew(self, asked: FlaskClient, peers: Any) -> None:
        ended = errors.Unauthenticated("CHALLENGE_ENDED", "late")
        peers.answers["CompleteSignIn"] = ended

        answer = asked.post("/sign-in/code", data={"code": "000000"})

        assert answer.status_code == 401
        assert "It took too long" in answer.get_data(as_text=True)
        assert asked.get_cookie("mekong-step") is None

    def test_without_a_challenge_one_begins_at_the_beginning(self, http: FlaskClient) -> None:
        answer = http.get("/sign-in/code?next=/contacts")

        assert answer.headers["Location"] == "/sign-in?next=/contacts"

    @pytest.mark.parametrize("path", ["/sign-in/code", "/sign-in/forgot", LINK])
    def test_another_site_gets_nothing_done(self, http: FlaskClient, peers: Any, path: str) -> None:
        answer = http.post(path, data={}, headers={"Origin": "https://evil.example"})

        assert answer.status_code == 403
        assert peers.calls == []

    def test_it_leads_to_no_other_site(self, asked: FlaskClient) -> None:
        answer = asked.post("/sign-in/code", data={"code": "123456", "next": "//evil.example"})

        assert answer.headers["Location"] == "/"


class TestForgotten:
    def test_the_sign_in_page_leads_there(self, http: FlaskClient) -> None:
        assert 'href="/sign-in/forgot"' in http.get("/sign-in").get_data(as_text=True)

    def test_what_is_said_does_not_tell_whether_there_is_such_an_account(
        self, http: FlaskClient, peers: Any
    ) -> None:
        peers.answers["RequestPasswordReset"] = empty_pb2.Empty()

        answer = http.post("/sign-in/forgot", data={"email": " lan@mekong.example "})

        assert answer.headers["Location"] == "/sign-in/forgot?sent=1"
        assert peers.last.request.email == "lan@mekong.example"
        assert peers.last.request.ip == "127.0.0.1"
        page = http.get("/sign-in/forgot?sent=1&lang=en").get_data(as_text=True)
        assert "If there is an account with this address" in page

    @pytest.mark.parametrize(
        ("failure", "status", "said"),
        [
            (fields("email", why="not an e-mail address"), 400, "Not an e-mail address"),
            (refused(600), 429, "wait 10 min"),
            (errors.FailedPrecondition("STAFF_SENDER_MISSING", "no"), 409, "ask an administrator"),
            (errors.Unavailable("PEER_UNAVAILABLE", "away"), 503, "does not answer"),
        ],
    )
    def test_what_does_not_work_is_said_and_the_address_kept(
        self, http: FlaskClient, peers: Any, failure: errors.Error, status: int, said: str
    ) -> None:
        peers.answers["RequestPasswordReset"] = failure

        answer = http.post("/sign-in/forgot?lang=en", data={"email": "lan"})

        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert said in page
        assert 'value="lan"' in page


class TestChoosing:
    @pytest.fixture(autouse=True)
    def a_link(self, peers: Any) -> None:
        peers.answers.update(
            DescribePasswordLink=password_service_pb2.DescribePasswordLinkResponse(
                email="lan@mekong.example", expire_time=soon()
            ),
            ResetPassword=empty_pb2.Empty(),
        )

    def test_opening_the_link_changes_nothing(self, http: FlaskClient, peers: Any) -> None:
        page = http.get(f"{LINK}?lang=en").get_data(as_text=True)

        assert 'value="lan@mekong.example"' in page
        assert [call.method for call in peers.calls] == ["DescribePasswordLink"]

    def test_the_password_is_stored_and_one_signs_in_with_it(
        self, http: FlaskClient, peers: Any
    ) -> None:
        answer = http.post(f"{LINK}?lang=en", data=NEW)

        assert answer.headers["Location"] == "/sign-in"
        asked = peers.last.request
        assert (asked.token, asked.new_password) == ("of-a-mail", "a new long one")
        assert "The password is saved" in http.get("/sign-in").get_data(as_text=True)
        assert http.get_cookie("mekong") is None

    def test_two_that_differ_are_refused_and_neither_comes_back(
        self, http: FlaskClient, peers: Any
    ) -> None:
        answer = http.post(f"{LINK}?lang=en", data={**NEW, "repeat": "another long one"})

        page = answer.get_data(as_text=True)
        assert answer.status_code == 400
        assert "The two are not the same" in page
        assert "long one" not in page
        assert peers.named("ResetPassword") == []

    def test_one_that_is_too_short_is_told_beside_it(self, http: FlaskClient, peers: Any) -> None:
        peers.answers["ResetPassword"] = fields(
            "new_password", why="must have 12 to 200 characters"
        )

        answer = http.post(f"{LINK}?lang=vi", data=NEW)

        assert answer.status_code == 400
        assert "Phải có từ 12 đến 200 ký tự" in answer.get_data(as_text=True)

    @pytest.mark.parametrize("call", ["DescribePasswordLink", "ResetPassword"])
    def test_a_link_that_ended_leads_to_another(
        self, http: FlaskClient, peers: Any, call: str
    ) -> None:
        peers.answers[call] = errors.NotFound("PASSWORD_LINK_INVALID", "gone")
        send = http.get if call == "DescribePasswordLink" else http.post

        answer = send(f"{LINK}?lang=en", data=NEW)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 404
        assert "This link no longer works" in page
        assert 'href="/sign-in/forgot"' in page


class TestLimits:
    @pytest.mark.parametrize("path", ["/sign-in/code", "/sign-in/forgot", LINK])
    def test_each_is_tried_at_a_bounded_rate(
        self, make_gateway: Any, peers: Any, path: str
    ) -> None:
        http = make_gateway(sign_in_per_minute=2).test_client()

        answers = [http.post(path, data={"code": "", "repeat": "x"}) for _ in range(3)]

        assert [it.status_code == 429 for it in answers] == [False, False, True]

    def test_links_are_opened_at_a_bounded_rate(self, make_gateway: Any, peers: Any) -> None:
        peers.answers["DescribePasswordLink"] = errors.NotFound("PASSWORD_LINK_INVALID", "gone")
        http = make_gateway(public_per_minute=2).test_client()

        assert [http.get(LINK).status_code for _ in range(3)] == [404, 404, 429]
