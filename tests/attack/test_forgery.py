"""Pages of other sites change nothing with the cookies of who looks at them."""

from typing import Any

import pytest
from flask import Flask
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import MethodOptions

from services.gateway.stubs import STUBS
from tests.attack import addresses
from tests.attack.addresses import Address

CHANGING = ("POST", "PUT", "PATCH", "DELETE")
# Who has no session yet: no cookie acts for them, and the page must be ours all the same.
SIGNING_IN = {
    *("web.try_sign_in", "web.try_code", "web.ask_link", "web.choose_password"),
    *("portal.try_sign_in", "portal.try_code", "portal.accept"),
}
# Programs ask for a token with their own secret.
WITHOUT_COOKIE = {"api.IssueToken"}
# What looking at a page may do beside reading, and why.
ALLOWED = {
    "ExchangeSession": "the token of a session that is there, whose last use is noted",
    "ExchangeContactSession": "the same of a customer",
    "BeginOidcSignIn": "begins a sign-in, from a page of ours alone: test_web_oidc.py",
}
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b")


def harmless() -> set[str]:
    """The names of the methods that change nothing, in each service that has one so named."""
    methods = [
        method
        for name in STUBS
        for method in descriptor_pool.Default().FindServiceByName(name).methods
    ]
    only_read = MethodOptions.NO_SIDE_EFFECTS
    changing = {it.name for it in methods if it.GetOptions().idempotency_level != only_read}
    return {it.name for it in methods} - changing


def changing(app: Flask) -> list[Address]:
    """Every address that changes something for who is signed in."""
    without = SIGNING_IN | WITHOUT_COOKIE
    return [
        it
        for it in addresses.every(app, *CHANGING)
        if it.is_for_signed_in and it.endpoint not in without
    ]


def attempts(app: Flask, browser: Any, **request: Any) -> list[str]:
    """The addresses that did not refuse a request."""
    done = []
    for address in changing(app):
        answer = browser.open(address.path, method=address.method, buffered=True, **request)
        refused = answer.status_code == 403
        told = answer.get_data(as_text=True)
        if not refused or not ("CSRF_REFUSED" in told or "out of date" in told or "đã cũ" in told):
            done.append(f"{address}: {answer.status_code}")
    return done


class TestEveryChange:
    def test_there_are_many(self, gateway: Flask) -> None:
        assert len(changing(gateway)) > 150

    @pytest.mark.parametrize("kind", ["application/json", *SIMPLE])
    def test_a_cookie_alone_changes_nothing(
        self, gateway: Flask, signed_in: Any, willing: Any, kind: str
    ) -> None:
        willing.calls.clear()

        assert attempts(gateway, signed_in, data=b"{}", content_type=kind) == []
        assert willing.calls == []

    def test_nor_does_the_token_of_another_session(
        self, gateway: Flask, signed_in: Any, willing: Any
    ) -> None:
        sessions = gateway.extensions["gateway"].sessions
        another = {"X-CSRF-Token": sessions.csrf_token("of somebody else")}
        willing.calls.clear()

        assert attempts(gateway, signed_in, headers=another) == []
        assert willing.calls == []

    @pytest.mark.parametrize(
        "sent_by",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://localhost.evil.example"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_nor_does_another_site_that_has_the_token(
        self, gateway: Flask, signed_in: Any, willing: Any, sent_by: dict[str, str]
    ) -> None:
        cookie = signed_in.get_cookie("mekong")
        right = gateway.extensions["gateway"].sessions.csrf_token(cookie.value)
        willing.calls.clear()

        assert attempts(gateway, signed_in, headers={"X-CSRF-Token": right, **sent_by}) == []
        assert willing.calls == []

    def test_nor_does_a_method_that_is_said_in_another_way(
        self, gateway: Flask, signed_in: Any, willing: Any
    ) -> None:
        willing.calls.clear()

        for override in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
            signed_in.get(f"/contacts/{addresses.ID}/delete", headers={override: "POST"})
            signed_in.get(f"/api/v1/contacts/{addresses.ID}?_method=DELETE")

        assert willing.named("DeleteContact") == []


class TestBeforeSigningIn:
    @pytest.mark.parametrize("endpoint", sorted(SIGNING_IN))
    def test_another_site_sends_no_form_of_ours(
        self, gateway: Flask, http: Any, willing: Any, endpoint: str
    ) -> None:
        address = next(it for it in addresses.every(gateway, "POST") if it.endpoint == endpoint)
        form = {"email": "lan@example.vn", "address": "lan@example.vn", "code": "1"}
        form |= {"password": "x", "how": "password"}
        http.set_cookie("mekong-portal-step", "lan%40example.vn")
        willing.calls.clear()

        answer = http.post(address.path, data=form, headers={"Origin": "https://evil.example"})

        assert answer.status_code == 403
        assert willing.calls == []


class TestReading:
    @pytest.mark.timeout(300)
    def test_nothing_that_is_only_looked_at_changes_anything(
        self, gateway: Flask, signed_in: Any, willing: Any
    ) -> None:
        willing.calls.clear()

        for address in addresses.every(gateway, "GET"):
            signed_in.get(address.path, buffered=True)

        assert {it.method for it in willing.calls} - ALLOWED.keys() <= harmless()
        assert len({it.method for it in willing.calls}) > 80

    def test_nothing_is_allowed_that_is_harmless(self) -> None:
        assert harmless().isdisjoint(ALLOWED)
