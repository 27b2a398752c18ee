"""Every page of staff as every role, in a running house: there, refused or not to be found."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from crm.accounts.v1 import session_service_pb2
from flask import Flask

from local.running import House
from services.accounts.usecases.keyring import Keyring
from services.gateway import app
from services.gateway.config import Settings
from tests import pages
from tests.attack import addresses
from tests.e2e.attack.reach_parts import Caller, things
from tests.e2e.matrix import called, methods, path
from tests.e2e.test_role_matrix import Somebody
from tests.roles import ROLES, lacks

pytestmark = pytest.mark.timeout(600)

SECONDS = 60.0
SIGN_IN = "/crm.accounts.v1.SessionService/SignIn"
# Ids in addresses of pages, and of which collection they are.
KINDS = {
    "contact_id": "contacts",
    "follow_up_id": "follow-ups",
    "batch_id": "follow-up-batches",
    "series_id": "series",
    "proposal_id": "proposals",
    "campaign_id": "campaigns",
    "login_id": "contact-logins",
    "erasure_id": "erasures",
    "identity_id": "sender-identities",
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Flask]:
    """An application that asks nobody, for its map of addresses."""
    nowhere = {f"{it}_address": "127.0.0.1:1" for it in ("leads", "interactions", "campaigns")}
    nowhere |= {f"{it}_address": "127.0.0.1:1" for it in ("notifier", "accounts")}
    made = app.create(
        Settings(
            seal_key="0123456789abcdef0123456789abcdef",
            client_secret="secret",
            issuer_url="http://127.0.0.1:1",
            public_url="http://localhost",
            **nowhere,
        )
    )
    yield made
    made.extensions["gateway"].peers.close()


@pytest.fixture(scope="module")
def admin(house: House, keyring: Keyring) -> Caller:
    return Caller(house.state["gateway_url"], Somebody(house, keyring, ROLES["admin"]).token)


@pytest.fixture(scope="module")
def secrets(house: House, keyring: Keyring, admin: Caller) -> Mapping[str, str]:
    """The session of somebody with each role."""
    kept = {it["name"]: it["id"] for it in admin("ListRoles", query="page_size=1000")["roles"]}
    bare = admin("CreateRole", {"name": f"bare {uuid.uuid4()}", "rights": []})
    gateway = Somebody(house, keyring, {}, knd="service", sub="gateway")
    method = next(it for it in methods() if path(it) == SIGN_IN)
    found = {}
    for role in ROLES:
        email, password = f"{uuid.uuid4()}@mekong.example", str(uuid.uuid4())
        person = {"email": email, "display_name": role, "role_id": kept.get(role, bare["id"])}
        admin("CreateUser", {"user": person, "password": password})
        request = session_service_pb2.SignInRequest(email=email, password=password, ip=role)
        code, reason, (answer,) = called(house, method, gateway.token, request)
        assert not reason, (code, reason)
        found[role] = session_service_pb2.SignInResponse.FromString(answer).session_secret
    return found


@pytest.fixture(scope="module")
def made(house: House, keyring: Keyring, admin: Caller) -> dict[str, str]:
    """One of everything that has pages, of somebody whom accounts knows: services ask who it is."""
    roles = admin("ListRoles", query="page_size=1000")["roles"]
    role_id = next(it["id"] for it in roles if it["name"] == "admin")
    person = {"email": f"{uuid.uuid4()}@mekong.example", "display_name": "A", "role_id": role_id}
    user = admin("CreateUser", {"user": person, "password": str(uuid.uuid4())})
    signed = Somebody(house, keyring, ROLES["admin"], sub=user["id"])
    return things(replace(admin, token=signed.token), admin)


def opened(house: House, place: str, secret: str = "") -> tuple[int, str]:
    """The status of a page and where it leads, by a browser with this session."""
    connection = HTTPConnection(urlsplit(house.state["gateway_url"]).netloc, timeout=SECONDS)
    connection.request("GET", place, headers={"Cookie": f"mekong={secret}"} if secret else {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("Location") or ""


def places(gateway: Flask, made: Mapping[str, str]) -> Iterator[tuple[str, str, bool]]:
    """Every page: its name, its address, and whether what it is about is there."""
    known = pages.endpoints(gateway)
    for rule in gateway.url_map.iter_rules():
        if rule.endpoint not in known or "GET" not in (rule.methods or ()):
            continue
        values: dict[str, Any] = dict.fromkeys(rule.arguments, str(uuid.uuid4()))
        values |= {name: made[KINDS[name]] for name in rule.arguments & KINDS.keys()}
        address = addresses.filled(rule, values)
        yield rule.endpoint, address, rule.arguments <= KINDS.keys()


class TestEveryPage:
    def test_none_is_shown_without_a_session(
        self, house: House, gateway: Flask, made: Mapping[str, str]
    ) -> None:
        wrong = {}
        for endpoint, place, _ in places(gateway, made):
            status, where = opened(house, place)
            if endpoint != "web.bell" and not (status == 303 and where.startswith("/sign-in")):
                wrong[place] = (status, where)

        assert wrong == {}

    @pytest.mark.parametrize("role", ROLES)
    def test_it_is_refused_to_a_role_that_lacks_what_it_needs(
        self,
        house: House,
        gateway: Flask,
        secrets: Mapping[str, str],
        made: Mapping[str, str],
        role: str,
    ) -> None:
        wrong = {}
        for endpoint, place, is_there in places(gateway, made):
            status, _ = opened(house, place, secrets[role])
            needed = list(pages.needed(endpoint))
            refused = any(lacks(ROLES[role], it) for it in needed)
            fine = {403, 404} if refused else {200, 204, 302, 303, 404}
            # One's own may be asked for without what another's takes.
            if any(lacks(ROLES[role], replace(it, needs=it.may_need)) for it in needed):
                fine |= {403}
            if role == "admin" and is_there:
                fine -= {404}
            if status not in fine:
                wrong[f"{endpoint} {place}"] = f"{status}, wanted {sorted(fine)}"

        assert wrong == {}
