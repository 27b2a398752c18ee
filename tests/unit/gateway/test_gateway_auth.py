"""Who asks: programs by token, people by session, and nobody by another site's page."""

import threading
import time
from collections.abc import Callable
from concurrent import futures
from types import SimpleNamespace
from typing import Any

import pytest
from crm.accounts.v1 import session_pb2, session_service_pb2, user_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2
from flask import Response
from google.protobuf import empty_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import errors
from services.gateway import cookies


def exchange(lasts: float = 300) -> Any:
    return session_service_pb2.ExchangeSessionResponse(
        token="token-of-lan",
        expire_time=Timestamp(seconds=int(time.time() + lasts)),
        user=user_pb2.User(id="u1", display_name="Lan"),
        rights=[
            user_pb2.Right(resource="contacts", action="*", level=user_pb2.LEVEL_TEAM),
            user_pb2.Right(resource="contacts", action="delete", level=user_pb2.LEVEL_NONE),
        ],
    )


@pytest.fixture
def browser(http: Any, gateway: Any, peers: Any) -> Any:
    """A browser with a session of its own."""
    peers.answers["ExchangeSession"] = exchange()
    peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()
    peers.answers["CreateContact"] = contact_pb2.Contact(id="c1")
    secret = f"secret-{time.monotonic_ns()}"
    http.set_cookie("mekong", secret)
    http.secret = secret
    http.csrf = gateway.extensions["gateway"].sessions.csrf_token(secret)
    return http


class TestPrograms:
    def test_the_token_is_passed_on_as_it_came(self, program: Any, peers: Any) -> None:
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()

        program("GET", "/contacts")

        assert peers.last.metadata["authorization"] == "Bearer of-a-program"

    @pytest.mark.parametrize("header", ["Basic dTpw", "Bearer", "Bearer ", "Bearer a b", "token"])
    def test_another_header_is_refused(self, http: Any, peers: Any, header: str) -> None:
        answer = http.get("/api/v1/contacts", headers={"Authorization": header})

        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert peers.calls == []

    def test_nobody_is_refused(self, http: Any) -> None:
        answer = http.get("/api/v1/contacts")

        assert answer.status_code == 401
        assert answer.get_json()["reason"] == "TOKEN_INVALID"

    def test_a_token_is_had_for_an_id_and_a_secret(self, http: Any, peers: Any) -> None:
        peers.answers["IssueToken"] = session_service_pb2.IssueTokenResponse(token="t")

        answer = http.post("/api/v1/token", json={"client_id": "a", "client_secret": "b"})

        assert answer.status_code == 200
        assert answer.get_json()["token"] == "t"
        assert "authorization" not in peers.last.metadata

    def test_tokens_are_asked_for_at_a_bounded_rate(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        peers.answers["IssueToken"] = session_service_pb2.IssueTokenResponse(token="t")
        http = make_gateway(sign_in_per_minute=2).test_client()
        body = {"client_id": "a", "client_secret": "b"}

        answers = [http.post("/api/v1/token", json=body) for _ in range(3)]

        assert [it.status_code for it in answers] == [200, 200, 429]
        assert answers[-1].get_json()["reason"] == "RATE_LIMITED"
        assert int(answers[-1].headers["Retry-After"]) > 0


class TestPeople:
    def test_a_session_is_exchanged_once_by_the_gateways_own_identity(
        self, browser: Any, peers: Any
    ) -> None:
        browser.get("/api/v1/contacts")
        browser.get("/api/v1/contacts")

        exchanges = peers.named("ExchangeSession")
        assert len(exchanges) == 1
        assert exchanges[0].request.session_secret == browser.secret
        assert exchanges[0].metadata["authorization"].startswith("Bearer own-")
        assert peers.last.metadata["authorization"] == "Bearer token-of-lan"

    def test_a_token_about_to_expire_is_not_kept(self, browser: Any, peers: Any) -> None:
        peers.answers["ExchangeSession"] = exchange(lasts=5)

        browser.get("/api/v1/contacts")
        browser.get("/api/v1/contacts")

        assert len(peers.named("ExchangeSession")) == 2

    def test_an_ended_session_is_refused(self, browser: Any, peers: Any) -> None:
        peers.answers["ExchangeSession"] = errors.Unauthenticated("SIGN_IN_REFUSED", "it has ended")

        answer = browser.get("/api/v1/contacts")

        assert answer.status_code == 401
        assert answer.get_json()["reason"] == "TOKEN_EXPIRED"
        assert peers.named("ListContacts") == []

    def test_a_session_that_ends_elsewhere_is_dead_in_every_gateway_within_five_seconds(
        self, make_gateway: Callable[..., Any], peers: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        peers.answers["ExchangeSession"] = exchange()
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()
        browsers = [make_gateway().test_client() for _ in range(2)]
        for browser in browsers:
            browser.set_cookie("mekong", "of lan")
            assert browser.get("/api/v1/contacts").status_code == 200

        peers.answers["ExchangeSession"] = errors.Unauthenticated("SIGN_IN_REFUSED", "it has ended")
        later = SimpleNamespace(time=time.time, monotonic=lambda: time.monotonic() + 5)
        monkeypatch.setattr(cookies, "time", later)

        assert [it.get("/api/v1/contacts").status_code for it in browsers] == [401, 401]

    def test_signing_out_forgets_the_token_here_at_once(
        self, browser: Any, gateway: Any, peers: Any
    ) -> None:
        peers.answers["SignOut"] = empty_pb2.Empty()
        browser.get("/api/v1/contacts")
        sessions = gateway.extensions["gateway"].sessions

        sessions.sign_out(browser.secret)
        browser.get("/api/v1/contacts")

        assert len(peers.named("ExchangeSession")) == 2
        assert peers.named("SignOut")[0].request.session_secret == browser.secret

    def test_the_rights_say_what_to_show_the_most_precise_first(
        self, browser: Any, gateway: Any
    ) -> None:
        who = gateway.extensions["gateway"].sessions.who(browser.secret)

        assert who.user.display_name == "Lan"
        assert who.may("contacts", "read")
        assert not who.may("contacts", "delete")
        assert not who.may("campaigns", "read")

    def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
        self, make_gateway: Callable[..., Any]
    ) -> None:
        sessions = make_gateway(cookie_secure=True).extensions["gateway"].sessions
        response = Response()

        sessions.remember(
            response,
            session_service_pb2.SignInResponse(
                session_secret="s",
                session=session_pb2.Session(expire_time=Timestamp(seconds=2_000_000_000)),
            ),
        )

        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-mekong=s;")
        for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="):
            assert part in cookie


class TestManySignIns:
    def test_pages_keep_threads_however_many_sign_in(
        self, make_gateway: Callable[..., Any], peers: Any
    ) -> None:
        arrived, go_on = threading.Semaphore(0), threading.Event()

        def slow(*_: Any) -> Any:
            arrived.release()
            go_on.wait(30)
            return errors.Unauthenticated("SIGN_IN_REFUSED", "no")

        peers.answers["SignIn"] = slow
        app = make_gateway(sign_ins_max=2)
        form = {"email": "lan@mekong.example", "password": "a long password"}

        def attempt() -> Any:
            return app.test_client().post("/sign-in?lang=en", data=form)

        with futures.ThreadPoolExecutor(2) as pool:
            waiting = [pool.submit(attempt) for _ in range(2)]
            for _ in waiting:
                assert arrived.acquire(timeout=30)
            refused = attempt()
            go_on.set()
            statuses = [it.result().status_code for it in waiting]

        assert refused.status_code == 429
        assert "Many people are signing in" in refused.get_data(as_text=True)
        assert statuses == [401, 401]
        assert attempt().status_code == 401


class TestForgery:
    def test_a_change_by_cookie_needs_the_sessions_token(self, browser: Any, peers: Any) -> None:
        without = browser.post("/api/v1/contacts", json={})
        wrong = browser.post("/api/v1/contacts", json={}, headers={"X-CSRF-Token": "x"})
        right = browser.post("/api/v1/contacts", json={}, headers={"X-CSRF-Token": browser.csrf})

        assert [it.status_code for it in (without, wrong, right)] == [403, 403, 201]
        assert without.get_json()["reason"] == "CSRF_REFUSED"

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Sec-Fetch-Site": "cross-site"},
        ],
    )
    def test_another_sites_page_is_refused_even_with_the_token(
        self, browser: Any, headers: dict[str, str]
    ) -> None:
        answer = browser.post(
            "/api/v1/contacts", json={}, headers={"X-CSRF-Token": browser.csrf, **headers}
        )

        assert answer.status_code == 403

    def test_our_own_page_is_served(self, browser: Any) -> None:
        answer = browser.post(
            "/api/v1/contacts",
            json={},
            headers={
                "X-CSRF-Token": browser.csrf,
                "Origin": "http://localhost",
                "Sec-Fetch-Site": "same-origin",
            },
        )

        assert answer.status_code == 201

    def test_a_program_with_a_token_needs_none(self, program: Any, peers: Any) -> None:
        peers.answers["CreateContact"] = contact_pb2.Contact(id="c1")

        answer = program("POST", "/contacts", json={})

        assert answer.status_code == 201
