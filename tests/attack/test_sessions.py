"""A session is worth something only to who signed in, and only after that."""

import time
from typing import Any

import pytest
from crm.accounts.v1 import session_pb2, session_service_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors

FORM = {"email": "lan@mekong.example", "password": "a long password"}


def session(secret: str) -> session_service_pb2.SignInResponse:
    ends = Timestamp(seconds=int(time.time()) + 3_600)
    return session_service_pb2.SignInResponse(
        session_secret=secret, session=session_pb2.Session(expire_time=ends)
    )


class TestFixation:
    def test_a_secret_that_somebody_planted_is_not_the_one_that_is_signed_in(
        self, http: Any, peers: Any
    ) -> None:
        peers.answers["SignIn"] = session("made-by-accounts")
        http.set_cookie("mekong", "planted")

        http.post("/sign-in", data=FORM)

        assert http.get_cookie("mekong").value == "made-by-accounts"
        assert "planted" not in str(peers.last.request)

    def test_nor_does_one_in_the_address_count(self, http: Any, peers: Any) -> None:
        answer = http.get("/contacts?mekong=planted&session=planted", headers={"X-Session": "x"})

        assert answer.headers["Location"].startswith("/sign-in")
        assert peers.calls == []

    def test_a_planted_challenge_is_that_of_nobody(self, http: Any, peers: Any) -> None:
        peers.answers["CompleteSignIn"] = errors.Unauthenticated("CHALLENGE_ENDED", "no")
        http.set_cookie("mekong-step", "planted")

        answer = http.post("/sign-in/code", data={"code": "123456"})

        assert answer.status_code == 401
        assert http.get_cookie("mekong") is None

    def test_the_token_of_forms_belongs_to_one_session(self, gateway: Any) -> None:
        sessions = gateway.extensions["gateway"].sessions

        assert sessions.csrf_token("a") != sessions.csrf_token("b")

    def test_a_form_of_before_the_key_was_turned_is_taken(
        self, make_gateway: Any, signed_in: Any, willing: Any
    ) -> None:
        old, new = "0123456789abcdef0123456789abcdef", "another key of thirty-two letters"
        before, after = make_gateway(seal_key=old), make_gateway(seal_key=f"{new}\n{old}\n")
        gone = make_gateway(seal_key=new)
        form = {"csrf_token": before.extensions["gateway"].sessions.csrf_token("s"), "lang": "en"}

        codes = []
        for app in (before, after, gone):
            browser = app.test_client()
            browser.set_cookie("mekong", "s")
            codes.append(browser.post("/language", data=form).status_code)

        assert codes == [303, 303, 403]

    def test_nothing_of_the_secret_is_in_it(self, gateway: Any) -> None:
        sessions = gateway.extensions["gateway"].sessions

        assert "a" * 4 not in sessions.csrf_token("a" * 43)


class TestGuessing:
    def test_who_says_to_come_from_elsewhere_is_counted_all_the_same(
        self, make_gateway: Any, peers: Any
    ) -> None:
        peers.answers["SignIn"] = errors.Unauthenticated("SIGN_IN_REFUSED", "no")
        http = make_gateway(sign_in_per_minute=3).test_client()

        codes = [
            http.post(
                "/sign-in",
                data=FORM,
                headers={"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"{number}.1.1.1"},
            ).status_code
            for number in range(6)
        ]

        assert codes == [401] * 3 + [429] * 3
        assert {it.request.ip for it in peers.named("SignIn")} == {"127.0.0.1"}

    def test_a_network_of_ipv6_counts_as_one(self, make_gateway: Any, peers: Any) -> None:
        peers.answers["SignIn"] = errors.Unauthenticated("SIGN_IN_REFUSED", "no")
        http = make_gateway(sign_in_per_minute=3).test_client()

        codes = [
            http.post(
                "/sign-in",
                data=FORM,
                environ_overrides={"REMOTE_ADDR": f"2001:db8:1:{network}::{number}"},
            ).status_code
            for network, number in ((2, 1), (2, 2), (2, 3), (2, 4), (2, 5), (3, 1))
        ]

        assert codes == [401] * 3 + [429] * 2 + [401]

    @pytest.mark.parametrize("reason", ["unknown", "wrong", "shut out"])
    def test_a_page_says_the_same_whoever_it_is(self, http: Any, peers: Any, reason: str) -> None:
        peers.answers["SignIn"] = errors.Unauthenticated("SIGN_IN_REFUSED", f"{reason}")

        answer = http.post("/sign-in", data=FORM)

        page = answer.get_data(as_text=True)
        assert answer.status_code == 401
        assert reason not in page
        assert "Set-Cookie" not in answer.headers


class TestEnding:
    def test_signing_out_takes_the_cookie_and_what_the_browser_kept(
        self, gateway: Any, signed_in: Any, willing: Any
    ) -> None:
        secret = signed_in.get_cookie("mekong").value
        token = gateway.extensions["gateway"].sessions.csrf_token(secret)

        answer = signed_in.post("/sign-out", data={"csrf_token": token})

        assert signed_in.get_cookie("mekong") is None
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
        assert willing.named("SignOut")[0].request.session_secret == secret

    def test_so_does_a_customers(self, gateway: Any, signed_in: Any, willing: Any) -> None:
        secret = signed_in.get_cookie("mekong-portal").value
        token = gateway.extensions["gateway"].contact_sessions.csrf_token(secret)

        answer = signed_in.post("/portal/sign-out", data={"csrf_token": token})

        assert signed_in.get_cookie("mekong-portal") is None
        assert answer.headers["Clear-Site-Data"] == '"cache", "storage"'
        assert willing.named("SignOutContact")[0].request.session_secret == secret
