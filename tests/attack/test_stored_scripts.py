"""Whatever text a service tells is shown as text, on every page that there is."""

import re
from typing import Any

import pytest
from flask import Flask

from tests.attack import addresses
from tests.attack.harm import harm
from tests.attack.stuffed import PAYLOAD


class TestTheDetector:
    @pytest.mark.parametrize(
        "page",
        [
            PAYLOAD,
            f'<input value="{PAYLOAD}">',
            '<a href="JavaScript:alert(1)">x</a>',
            '<a href="data:text/html,x">x</a>',
            "<svg/onload=alert(1)>",
            "<script>alert(1)</script>",
            '<script src="https://evil.example/x.js"></script>',
            '<iframe srcdoc="x"></iframe>',
        ],
    )
    def test_it_finds_what_runs(self, page: str) -> None:
        assert harm(page)


class TestEveryPage:
    @pytest.mark.timeout(300)
    def test_what_others_wrote_is_text(self, gateway: Flask, harmful: Any) -> None:
        run, shown, broken = {}, 0, {}

        for address in addresses.every(gateway, "GET"):
            answer = harmful.get(address.path, buffered=True)
            if "text/html" not in answer.content_type:
                continue
            page = answer.get_data(as_text=True)
            if harm(page):
                run[str(address)] = harm(page)[:3]
            shown += answer.status_code == 200 and "&lt;svg onload" in page
            if answer.status_code >= 500:
                broken[str(address)] = answer.status_code

        assert run == {}
        assert shown > 50  # pages that had something of it to show
        assert broken == {}

    @pytest.mark.timeout(300)
    def test_what_is_asked_for_is_text(self, gateway: Flask, signed_in: Any, willing: Any) -> None:
        run = {}
        names = (
            "q",
            "query",
            "next",
            "page",
            "period",
            "from",
            "to",
            "kind",
            "name",
            "lang",
            "said",
        )

        for address in addresses.every(gateway, "GET"):
            answer = signed_in.get(
                address.path, query_string=dict.fromkeys(names, PAYLOAD), buffered=True
            )
            if "text/html" in answer.content_type and harm(answer.get_data(as_text=True)):
                run[str(address)] = harm(answer.get_data(as_text=True))[:3]

        assert run == {}

    def test_an_address_that_is_none_is_not_repeated_as_markup(self, http: Any) -> None:
        answer = http.get(f"/{PAYLOAD}")

        assert answer.status_code in (404, 303)
        assert harm(answer.get_data(as_text=True)) == []


class TestDocuments:
    def test_json_keeps_its_type_whatever_is_in_it(self, gateway: Flask, harmful: Any) -> None:
        for address in addresses.every(gateway, "GET"):
            if address.endpoint.startswith("api.") and "text/html" not in str(address):
                answer = harmful.get(address.path, buffered=True)
                kind = answer.content_type.partition(";")[0]
                assert kind != "text/html" or address.endpoint == "api.docs", address
                assert not re.match(r"\s*<", answer.get_data(as_text=True)[:20]) or (
                    address.endpoint == "api.docs"
                ), address
