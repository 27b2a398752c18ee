"""Every answer of every address keeps browsers within bounds."""

import re
from typing import Any

import pytest
from flask import Flask

from tests.attack import addresses
from tests.attack.addresses import Address

SCRIPT = re.compile(r"<script\b[^>]*>", re.IGNORECASE)
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}


def policy(answer: Any) -> dict[str, str]:
    parts = answer.headers["Content-Security-Policy"].split(";")
    return {name: rest for name, _, rest in (part.strip().partition(" ") for part in parts)}


def wrong_with(address: Address, answer: Any) -> list[str]:
    """What an answer lacks."""
    wrong = [f"{name}" for name, text in ALWAYS.items() if answer.headers.get(name) != text]
    said = policy(answer)
    scripts = said.get("script-src", said["default-src"])
    shows_mail = "unsafe-inline" in said["style-src"]
    if said["default-src"] != "'none'" or said["base-uri"] != "'none'":
        wrong.append(f"policy: {said}")
    if shows_mail and (said["frame-ancestors"] != "'self'" or scripts != "'none'"):
        wrong.append(f"mail: {said}")
    if not shows_mail and said["frame-ancestors"] != "'none'":
        wrong.append(f"frames: {said}")
    if "unsafe" in scripts or not (scripts == "'none'" or re.fullmatch(r"'nonce-\S{22}'", scripts)):
        wrong.append(f"scripts: {scripts}")
    if "text/html" in answer.content_type:
        allowed = scripts.removeprefix("'nonce-").removesuffix("'")
        tags = SCRIPT.findall(answer.get_data(as_text=True))
        wrong += [tag for tag in tags if f'nonce="{allowed}"' not in tag]
    if answer.content_type.startswith("text/") and "charset=utf-8" not in answer.content_type:
        wrong.append(f"letters: {answer.content_type}")
    if address.is_for_signed_in and answer.headers["Cache-Control"] not in (
        "no-store",
        "private, no-store",
    ):
        wrong.append(f"kept: {answer.headers['Cache-Control']}")
    return wrong


class TestEveryAnswer:
    @pytest.mark.timeout(300)
    def test_it_says_what_a_browser_may_do_with_it(
        self, gateway: Flask, signed_in: Any, willing: Any
    ) -> None:
        wrong, opened = {}, 0

        for address in addresses.every(gateway):
            answer = signed_in.open(address.path, method=address.method, buffered=True)
            found = wrong_with(address, answer)
            if found:
                wrong[str(address)] = found
            opened += answer.status_code < 400

        assert wrong == {}
        assert opened > 100  # most of it are pages and documents, and no refusals

    @pytest.mark.timeout(300)
    def test_over_https_it_and_every_cookie_stay_there(
        self, make_gateway: Any, signed_in: Any, willing: Any
    ) -> None:
        app = make_gateway(cookie_secure=True)
        browser = app.test_client()
        for name in ("__Host-mekong", "__Host-mekong-portal"):
            browser.set_cookie(name, "secret", domain="localhost")
        wrong = []

        for address in addresses.every(app):
            answer = browser.open(f"{address.path}?lang=en", method=address.method, buffered=True)
            insisted = answer.headers.get("Strict-Transport-Security", "")
            if insisted != "max-age=31536000; includeSubDomains":
                wrong.append(f"{address}: {insisted}")
            for cookie in answer.headers.getlist("Set-Cookie"):
                parts = {part.strip() for part in cookie.split(";")[1:]}
                if (
                    not cookie.startswith("__Host-")
                    or not {"Secure", "HttpOnly", "Path=/"} <= parts
                ):
                    wrong.append(f"{address}: {cookie}")
                if "SameSite=Lax" not in parts:
                    wrong.append(f"{address}: {cookie}")

        assert wrong == []


class TestWhomToTell:
    def test_it_stands_where_people_look(self, make_gateway: Any, peers: Any) -> None:
        http = make_gateway(security_contact="mailto:security@mekong.example").test_client()

        answer = http.get("/.well-known/security.txt")

        lines = answer.get_data(as_text=True).splitlines()
        assert answer.content_type == "text/plain; charset=utf-8"
        assert lines[0] == "Contact: mailto:security@mekong.example"
        assert re.fullmatch(r"Expires: 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", lines[1])
        assert lines[3] == "Canonical: http://localhost/.well-known/security.txt"

    def test_without_anybody_there_is_none(self, http: Any) -> None:
        assert http.get("/.well-known/security.txt").status_code == 404

    def test_what_is_no_address_is_refused(self, make_gateway: Any) -> None:
        with pytest.raises(ValueError, match="security_contact"):
            make_gateway(security_contact="somebody\nContact: evil@example.org")


class TestNonce:
    def test_each_answer_has_its_own(self, signed_in: Any, willing: Any) -> None:
        seen = {policy(signed_in.get("/contacts"))["script-src"] for _ in range(20)}

        assert len(seen) == 20

    def test_an_answer_without_scripts_runs_none(self, signed_in: Any, willing: Any) -> None:
        for path in ("/api/v1/contacts", "/u/token", "/api/docs"):
            assert policy(signed_in.get(path))["script-src"] == "'none'"
