"""Nobody is led to another site by an address of ours."""

import itertools
from typing import Any
from urllib.parse import urlsplit

import pytest
from crm.accounts.v1 import oidc_service_pb2
from flask import Flask

from tests.attack import addresses, forms
from tests.attack.addresses import ID, Address
from tests.attack.forms import Forms

ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\r\nLocation: https://evil.example",
    " //evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "///evil.example",
    "/%0d%0aSet-Cookie:a=b",
    "@evil.example",
]
NAMES = ("next", "back", "return", "return_to", "url", "redirect", "to", "continue")


def leaves(answer: Any) -> bool:
    """Whether a browser would go elsewhere: it takes a backslash for a slash and drops tabs."""
    for name in ("Location", "HX-Redirect", "HX-Location", "Refresh"):
        said = answer.headers.get(name)
        if said is not None:
            seen = "".join(it for it in said.strip() if it not in "\t\r\n").replace("\\", "/")
            place = urlsplit(seen)
            if place.scheme not in ("", "http") or place.netloc not in ("", "localhost"):
                return True
            if not place.netloc and not seen.startswith("/"):
                return True
    return "evil" in " ".join(answer.headers.getlist("Set-Cookie"))


class TestEveryAddress:
    @pytest.mark.timeout(300)
    def test_no_question_leads_elsewhere(
        self, gateway: Flask, signed_in: Any, http: Any, willing: Any
    ) -> None:
        # Accounts tells where the provider is; that it may be elsewhere is what it is for.
        willing.answers["BeginOidcSignIn"] = oidc_service_pb2.BeginOidcSignInResponse(
            authorization_url="http://localhost/authorize"
        )
        wrong = []
        for address in addresses.every(gateway, "GET"):
            places = itertools.cycle(("//evil.example", "/\\evil.example"))
            answer = signed_in.get(
                address.path, query_string=dict(zip(NAMES, places, strict=False)), buffered=True
            )
            if leaves(answer):
                wrong.append(str(address))

        assert wrong == []


class TestEveryForm:
    @pytest.mark.timeout(300)
    @pytest.mark.parametrize("place", ["//evil.example", "/\\evil.example", "https://evil.example"])
    def test_what_is_sent_leads_nowhere_else(
        self, gateway: Flask, signed_in: Any, willing: Any, place: str
    ) -> None:
        browser, wrong, went = Forms(gateway, signed_in), [], 0
        typed = {**dict.fromkeys(forms.inputs(), ID), **dict.fromkeys(NAMES, place)}

        for address in forms.taking(gateway):
            answer = browser.send(address, typed, {"Referer": f"https:{place}"})
            went += 300 <= answer.status_code < 400
            if leaves(answer):
                wrong.append(str(address))

        assert wrong == []
        assert went > 30

    @pytest.mark.parametrize("place", ELSEWHERE)
    @pytest.mark.parametrize("act", ["invite", "disable", "enable"])
    def test_what_is_done_with_a_login_stays_here(
        self, gateway: Flask, signed_in: Any, willing: Any, place: str, act: str
    ) -> None:
        address = Address("POST", f"/logins/{ID}/{act}", f"web.{act}_login")

        answer = Forms(gateway, signed_in).send(address, {"next": place})

        assert answer.status_code == 303
        assert not leaves(answer)


@pytest.mark.parametrize("place", ELSEWHERE)
class TestForms:
    def test_choosing_a_language_stays_here(
        self, gateway: Flask, signed_in: Any, willing: Any, place: str
    ) -> None:
        secret = signed_in.get_cookie("mekong").value
        token = gateway.extensions["gateway"].sessions.csrf_token(secret)

        answer = signed_in.post(
            "/language", data={"csrf_token": token, "lang": "en", "next": place}
        )

        assert answer.status_code == 303
        assert not leaves(answer)

    def test_storing_a_template_stays_here(
        self, gateway: Flask, signed_in: Any, willing: Any, place: str
    ) -> None:
        secret = signed_in.get_cookie("mekong").value
        token = gateway.extensions["gateway"].sessions.csrf_token(secret)

        answer = signed_in.post(
            "/templates/new", data={"csrf_token": token, "name": "x", "next": place}
        )

        assert answer.status_code < 500
        assert not leaves(answer)

    def test_signing_in_stays_here(self, http: Any, willing: Any, place: str) -> None:
        form = {"email": "lan@example.vn", "password": "a long password", "next": place}

        answer = http.post("/sign-in", data=form)

        assert answer.status_code == 303
        assert not leaves(answer)


class TestHosts:
    def test_a_made_up_host_leads_nobody_away(self, http: Any, willing: Any) -> None:
        answer = http.get("/contacts", headers={"Host": "evil.example"})

        assert answer.headers["Location"].startswith("/sign-in")
