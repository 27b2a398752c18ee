"""Who may see their own sees nothing of another's, by whatever id and whatever way."""

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from local.running import House
from services.accounts.usecases.keyring import Keyring
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import Route
from tests import customers
from tests.e2e.attack.reach_parts import (
    ACTIONS,
    MARK,
    OWNED,
    SHARED,
    Answer,
    Caller,
    asked,
    asked_for,
    bodies,
    things,
)
from tests.e2e.test_role_matrix import Somebody
from tests.roles import ROLES

pytestmark = pytest.mark.timeout(300)

OWN = {place: dict.fromkeys(ACTIONS, "own") for place in OWNED}
READS_THE_REST = {place: {"read": "all"} for place in SHARED}
# Whose login it is is whose contact it is.
LOGINS = {"logins": {"read": "all", "write": "all"}}


@pytest.fixture(scope="module")
def admin(house: House, keyring: Keyring) -> Caller:
    """Somebody who may do everything."""
    signed = Somebody(house, keyring, ROLES["admin"])
    return Caller(house.state["gateway_url"], signed.token)


@pytest.fixture(scope="module")
def hire(house: House, keyring: Keyring, admin: Caller) -> Callable[[str], Caller]:
    """Adds a user who sees their own: services ask accounts who that is."""
    granted = {**OWN, **READS_THE_REST, **LOGINS}
    rights = [
        {"resource": place, "action": action, "level": level.upper()}
        for place, may in granted.items()
        for action, level in may.items()
    ]
    role = admin("CreateRole", {"name": f"own {uuid.uuid4()}", "rights": rights})

    def added(name: str) -> Caller:
        person = {
            "email": f"{name}-{uuid.uuid4()}@mekong.example",
            "display_name": name,
            "role_id": role["id"],
        }
        user = admin("CreateUser", {"user": person, "password": str(uuid.uuid4())})
        signed = Somebody(house, keyring, granted, sub=user["id"])
        return Caller(house.state["gateway_url"], signed.token)

    return added


@pytest.fixture(scope="module")
def alice(hire: Callable[[str], Caller]) -> Caller:
    return hire("alice")


@pytest.fixture(scope="module")
def bob(hire: Callable[[str], Caller]) -> Caller:
    return hire("bob")


@pytest.fixture(scope="module")
def made(house: House, keyring: Keyring, alice: Caller, admin: Caller) -> dict[str, str]:
    """What Alice has, once all services know of it."""
    made = things(alice, admin)
    ends = time.monotonic() + 60
    route = next(it for it in ROUTES if it.name == "ListTimeline")
    while MARK not in alice.call(route, {"contact_id": made["contacts"]}, "", None).text:
        assert time.monotonic() < ends
        time.sleep(0.2)
    made["requests"] = asked_for(house, customers.token(keyring, house, made["contacts"]))
    return made


def attempts(caller: Caller, made: dict[str, str]) -> Iterator[tuple[Route, bool, Answer]]:
    """Every route with a token, asked for what is in `made`; whether its address names one."""
    given = bodies(made)
    for route in ROUTES:
        if not route.needs_token or route.kind in ("upload", "mail", "stream"):
            continue
        its_id = made.get(collection(route), "")
        path = dict.fromkeys(route.parameters, its_id or made["contacts"])
        answer = caller.call(route, path, asked(route, made), given.get(route.name))
        yield route, bool(route.parameters) and collection(route) in OTHERS, answer


OTHERS = {
    *("contacts", "follow-ups", "follow-up-batches", "series", "calendar-feeds", "notes"),
    *("interactions", "proposals", "requests", "campaigns", "contact-logins", "erasures"),
}
_EVERYBODYS = "nobody's own: a right to it is all or nothing"
_SETTINGS = f"of the organisation, {_EVERYBODYS}"
# Collections whose addresses name things, and why none of Alice's is among them.
NOT_OWNED = {
    "sources": _EVERYBODYS,
    "source-costs": _EVERYBODYS,
    "life-stages": _SETTINGS,
    "segments": _EVERYBODYS,
    "imports": _EVERYBODYS,
    "templates": _EVERYBODYS,
    "proposal-templates": _EVERYBODYS,
    "messages": _EVERYBODYS,
    "doubts": _EVERYBODYS,
    "suppressions": _EVERYBODYS,
    "agreements": _EVERYBODYS,
    "do-not-call-lists": _EVERYBODYS,
    "advertisers": _SETTINGS,
    "sender-identities": _SETTINGS,
    "users": _SETTINGS,
    "teams": _SETTINGS,
    "roles": _SETTINGS,
    "api-clients": _SETTINGS,
    "runs": "of a campaign that was started: test_campaigns_reach.py::TestRuns",
    "notifications": "one's own: test_interactions_notifications.py, others have none of them",
    "sessions": "one's own: test_accounts_sign_in.py::TestSessions::test_anothers_need_the_right",
}


def collection(route: Route) -> str:
    """The first part of a route's address: what kind of thing it is about."""
    return route.path.split("/")[1].partition(":")[0]


class TestTheList:
    def test_each_kind_of_thing_is_tried_or_has_a_reason(self) -> None:
        named = {collection(it) for it in ROUTES if it.parameters}

        assert named == OTHERS | NOT_OWNED.keys()
        assert OTHERS.isdisjoint(NOT_OWNED)

    def test_alice_has_one_of_each(self, made: dict[str, str]) -> None:
        assert made.keys() >= OTHERS


@pytest.fixture(scope="module")
def answers(bob: Caller, made: dict[str, str]) -> list[tuple[Route, bool, Answer]]:
    """What Bob came to, everywhere."""
    return list(attempts(bob, made))


class TestAnothers:
    def test_nothing_of_it_shows(self, answers: Any) -> None:
        assert [it.name for it, _, answer in answers if MARK in answer.text] == []

    def test_it_is_not_there_or_not_theirs_by_every_address(self, answers: Any) -> None:
        reached = {
            route.name: (answer.status, answer.text[:200])
            for route, is_anothers, answer in answers
            if is_anothers and answer.status != 400 and not answer.hides
        }

        assert reached == {}

    def test_what_was_asked_for_could_be_read(self, answers: Any) -> None:
        refused_before = {
            route.name: it.wrong for route, is_anothers, it in answers if is_anothers and it.wrong
        }

        assert refused_before == {}

    @pytest.mark.parametrize("name", ["CreateFollowUp", "CreateInteraction", "CreateNote"])
    def test_nothing_is_put_beside_it(self, answers: Any, name: str) -> None:
        (answer,) = [it for route, _, it in answers if route.name == name]

        assert answer.status >= 400, answer.text
        assert answer.hides, answer.text

    def test_nothing_of_it_changed(self, answers: Any, alice: Caller, made: dict[str, str]) -> None:
        for kind, name in (
            ("contacts", "GetContact"),
            ("follow-ups", "GetFollowUp"),
            ("notes", "GetNote"),
            ("interactions", "GetInteraction"),
            ("proposals", "GetProposal"),
            ("campaigns", "GetCampaign"),
            ("requests", "GetRequest"),
            ("series", "GetSeries"),
            ("contact-logins", "GetContactLogin"),
        ):
            found = alice(name, id=made[kind])
            assert MARK in str(found), name

    def test_its_owner_reaches_it_by_the_same_ways(
        self, answers: Any, alice: Caller, made: dict[str, str]
    ) -> None:
        reads = [it for it, anothers, _ in answers if anothers and it.method == "GET"]
        shown = [
            route.name
            for route in reads
            if MARK
            in alice.call(
                route,
                dict.fromkeys(route.parameters, made[collection(route)]),
                asked(route, made),
                None,
            ).text
        ]

        assert len(shown) >= 8, shown
