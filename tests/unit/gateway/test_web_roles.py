"""Every page as every role: there, or refused as the contract of what it is made of says."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from crm.accounts.v1 import session_service_pb2, user_pb2
from flask import Flask
from flask.testing import FlaskClient
from google.protobuf import descriptor_pool, message_factory

from chassis import errors
from services import rights
from services.gateway.stubs import STUBS
from services.gateway.web.roles import LEVELS
from tests import pages
from tests.attack import addresses
from tests.roles import ROLES, Rights, lacks

pytestmark = pytest.mark.timeout(300)

REFUSED = errors.PermissionDenied("RIGHT_MISSING", "no")


def session(name: str, granted: Rights) -> session_service_pb2.ExchangeSessionResponse:
    """The session of somebody with a role; the token names it."""
    made = session_service_pb2.ExchangeSessionResponse(
        token=f"of-{name}", user=user_pb2.User(id="u1", display_name="Lan", locale="en")
    )
    made.expire_time.FromSeconds(int(time.time()) + 300)
    for resource, actions in granted.items():
        for action, level in actions.items():
            made.rights.add(resource=resource, action=action, level=LEVELS[level])
    return made


@pytest.fixture
def willing(peers: Any) -> Any:
    """Peers that answer every call with an empty message, or an empty stream."""
    for service in STUBS:
        for method in descriptor_pool.Default().FindServiceByName(service).methods:
            empty = message_factory.GetMessageClass(method.output_type)()
            peers.answers[method.name] = _streamed if method.server_streaming else empty
    return peers


def _streamed(*_: Any) -> Any:
    return iter(())


@pytest.fixture
def as_role(http: FlaskClient, willing: Any) -> Callable[[str], FlaskClient]:
    """Returns a browser of somebody with a role, whom peers refuse what the contract refuses."""

    def browser(role: str) -> FlaskClient:
        for name, answer in list(willing.answers.items()):
            willing.answers[name] = _held(name, answer, ROLES[role])
        willing.answers["ExchangeSession"] = session(role, ROLES[role])
        http.set_cookie("mekong", f"secret-{role}-{time.monotonic_ns()}")
        return http

    return browser


def _held(name: str, answer: Any, granted: Rights) -> Callable[[Any, Any], Any]:
    def answered(request: Any, context: Any) -> Any:
        path = pages.asked(name, request[0] if isinstance(request, list) else request)
        return REFUSED if lacks(granted, rights.rule(path)) else _plain(answer)

    return answered


def _plain(answer: Any) -> Any:
    return answer() if callable(answer) else answer


class TestTheTable:
    def test_it_has_each_page_and_nothing_else(self, gateway: Flask) -> None:
        assert {it.removeprefix("web.") for it in pages.endpoints(gateway)} == set(pages.NEEDS)

    def test_a_page_cannot_do_without_just_what_it_says(
        self, gateway: Flask, http: FlaskClient, willing: Any
    ) -> None:
        willing.answers["ExchangeSession"] = session("admin", ROLES["admin"])
        http.set_cookie("mekong", f"secret-{time.monotonic_ns()}")
        wrong = {}
        for address in addresses.every(gateway, "GET"):
            if address.endpoint not in pages.endpoints(gateway):
                continue
            willing.calls.clear()
            http.get(address.path, buffered=True)
            found = set()
            for name in {it.method for it in willing.calls} - {"ExchangeSession"}:
                kept, willing.answers[name] = willing.answers[name], REFUSED
                if http.get(address.path, buffered=True).status_code == 403:
                    found.add(name)
                willing.answers[name] = kept
            said = set(pages.NEEDS[address.endpoint.removeprefix("web.")])
            if found != said:
                wrong[address.endpoint] = f"needs {sorted(found)}, said {sorted(said)}"

        assert wrong == {}


class TestEveryPage:
    @pytest.mark.parametrize("role", ROLES)
    def test_it_is_refused_to_a_role_that_lacks_what_it_needs_and_to_no_other(
        self, gateway: Flask, as_role: Callable[[str], FlaskClient], role: str
    ) -> None:
        browser, wrong = as_role(role), {}
        for address in addresses.every(gateway, "GET"):
            if address.endpoint not in pages.endpoints(gateway):
                continue
            expected = any(lacks(ROLES[role], it) for it in pages.needed(address.endpoint))
            found = browser.get(address.path, buffered=True).status_code
            if found not in (200, 204, 303, 302, 403, 404) or (found == 403) is not expected:
                wrong[str(address)] = f"{found}, to be refused: {expected}"

        assert wrong == {}

    def test_nobody_sees_one_without_a_session(self, gateway: Flask, http: FlaskClient) -> None:
        wrong = {}
        for address in addresses.every(gateway, "GET"):
            if address.endpoint in pages.endpoints(gateway):
                answer = http.get(address.path)
                there = answer.headers.get("Location", "").startswith("/sign-in")
                if not there and address.endpoint != "web.bell":
                    wrong[str(address)] = answer.status_code

        assert wrong == {}
