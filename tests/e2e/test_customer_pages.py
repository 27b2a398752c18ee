"""Every page of the portal that names something, asked by one customer for what is another's.

Made from the map of addresses: a new page with an id of a kind that is not known here fails.
"""

import re
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import aiohttp
import pytest
from flask import Blueprint, Flask
from werkzeug.routing import Rule

from local.demo.api import Api
from local.running import House
from services.accounts.usecases.keyring import Keyring
from services.gateway.portal import pages
from tests.e2e.test_customer_matrix import Person, _person
from tests.e2e.web.conftest import mailed

pytestmark = pytest.mark.timeout(300)

KINDS = {"proposal_id": "proposal", "appointment_id": "appointment", "request_id": "request"}
TYPED = {"text": "x", "subject": "x", "issue": "1", "name": "Mai", "reason": "x"}
OF_THIS_REQUEST = re.compile(r" · [\w-]+")
CSRF = re.compile(r'name="csrf_token" value="([0-9a-f]+)"')


def naming() -> Iterator[Rule]:
    """The addresses of the portal with an id in them."""
    app, blueprint = Flask("portal"), Blueprint("my", "portal", url_prefix="/portal")
    for part in pages.PARTS:
        part.add(blueprint)
    app.register_blueprint(blueprint)
    return (it for it in app.url_map.iter_rules() if it.endpoint.startswith("my.") and it.arguments)


def path(rule: Rule, its_id: str) -> str:
    """An address with an id, and a name of a file where one is asked for."""
    filled = {it: its_id if it in KINDS else "a.pdf" for it in rule.arguments}
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda found: filled[found[1]], rule.rule)


@pytest.fixture
async def mine(house: House, keyring: Keyring, api: Api) -> Person:
    return await _person(house, keyring, api, f"Trangmot{uuid4().hex[:6]}", "0912 000 333")


@pytest.fixture
async def theirs(house: House, keyring: Keyring, api: Api) -> Person:
    return await _person(house, keyring, api, f"Tranghai{uuid4().hex[:6]}", "0977888444")


@pytest.fixture
async def browser(house: House, api: Api, mine: Person) -> AsyncIterator[Any]:
    """A browser of the one customer, who came by an invitation."""
    body = {"contact_id": mine.contact_id, "channel": "EMAIL"}
    login = await api.post("/contact-logins", body)
    link = await mailed(house.state["inbox_url"], login["address"], "/portal/welcome/")
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(house.state["gateway_url"], cookie_jar=jar) as http:
        async with http.post(urlsplit(link).path, data={}) as answer:
            assert str(answer.url.path) == "/portal"
        yield http


async def asked(http: Any, method: str, where: str) -> tuple[int, str]:
    typed: dict[str, str] = {}
    if method == "POST":
        async with http.get("/portal/erase") as answer:
            found = CSRF.search(await answer.text())
        assert found is not None
        typed = {**TYPED, "csrf_token": found[1], "request_id": str(uuid4())}
    async with http.request(method, where, data=typed or None) as answer:
        # A proposal is a file, too.
        return answer.status, await answer.text(errors="replace")


def test_every_page_with_an_id_is_of_a_kind_that_is_tried() -> None:
    found = {next(iter(it.arguments & set(KINDS)), it.rule) for it in naming()}

    assert found == set(KINDS)


async def test_anothers_is_answered_as_what_is_not_there(browser: Any, theirs: Person) -> None:
    wrong = []
    for rule in naming():
        (named,) = rule.arguments & set(KINDS)
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            nothing, its_id = str(uuid4()), theirs.things[KINDS[named]]
            answers = [await asked(browser, method, path(rule, it)) for it in (its_id, nothing)]
            status = [it for it, _ in answers]
            texts = [
                OF_THIS_REQUEST.sub("", text).replace(it, "")
                for (_, text), it in zip(answers, (its_id, nothing), strict=True)
            ]
            shows = any(word.decode() in texts[0] for word in theirs.words)
            if status != [404, 404] or texts[0] != texts[1] or shows:
                wrong.append(f"{method} {rule.rule}: {status}")

    assert wrong == []


async def test_ones_own_are_there_so_that_the_above_can_fail(browser: Any, mine: Person) -> None:
    for rule in naming():
        (named,) = rule.arguments & set(KINDS)
        if "GET" in (rule.methods or set()) and rule.arguments == {named}:
            status, _ = await asked(browser, "GET", path(rule, mine.things[KINDS[named]]))
            assert status == 200, rule.rule
