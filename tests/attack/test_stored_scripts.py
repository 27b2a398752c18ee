"""Whatever text a service tells is shown as text, on every page that there is."""

import re
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from crm.accounts.v1 import (
    contact_login_pb2,
    contact_login_service_pb2,
    session_service_pb2,
    user_pb2,
)
from flask import Flask
from google.protobuf import descriptor_pool, message_factory

from services.gateway.stubs import STUBS
from tests.attack import addresses
from tests.attack.addresses import ID
from tests.attack.stuffed import PAYLOAD, stuffed

# Made by interactions, each text in it escaped: tests/unit/interactions/test_proposals_press.py.
DOCUMENTS = frozenset({"html"})


class Harm(HTMLParser):
    """Notes what of a page a browser would run."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down events of elements, addresses that run, and scripts without a source."""
        given = dict(attrs)
        for name, value in given.items():
            runs = (
                (value or "").strip().lower().startswith(("javascript:", "data:text", "vbscript:"))
            )
            if name.startswith("on") or (runs and name in _ADDRESSES):
                self.found.append(f"<{tag} {name}={value!r}>")
        if tag == "script" and not (given.get("src") or "").startswith("/static/"):
            self.found.append("<script>")
        if tag == "iframe" and "srcdoc" in given and given.get("sandbox", "no") != "":
            self.found.append("<iframe srcdoc> without a sandbox")


_ADDRESSES = {"href", "src", "action", "formaction", "data", "xlink:href", "hx-get", "hx-post"}


def harm(page: str) -> list[str]:
    parser = Harm()
    parser.feed(page)
    return parser.found


@pytest.fixture
def harmful(peers: Any, signed_in: Any) -> Any:
    """Peers whose every answer is full of harm; returns the browser of who looks."""
    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            made = message_factory.GetMessageClass(method.output_type)()
            answer = stuffed(made, DOCUMENTS)
            streams = method.server_streaming
            peers.answers[method.name] = (lambda *_, it=answer: iter([it])) if streams else answer
    session = session_service_pb2.ExchangeSessionResponse(
        token="of-a-person",
        user=user_pb2.User(id=ID, display_name=PAYLOAD, email=PAYLOAD, locale="en"),
    )
    session.expire_time.FromSeconds(int(time.time()) + 300)
    session.rights.add(resource="*", action="*", level=user_pb2.LEVEL_ALL)
    session.viewed_as.CopyFrom(user_pb2.Role(id=ID, name=PAYLOAD))
    peers.answers["ExchangeSession"] = session
    customer = contact_login_service_pb2.ExchangeContactSessionResponse(token="of-a-customer")
    customer.contact_login.MergeFrom(
        contact_login_pb2.ContactLogin(id=ID, contact_id=ID, display_name=PAYLOAD, language="en")
    )
    customer.expire_time.FromSeconds(int(time.time()) + 300)
    peers.answers["ExchangeContactSession"] = customer
    return signed_in


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
