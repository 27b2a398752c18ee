"""Signing in at a real OpenID provider: who gets in, who does not, and what is told of it."""

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from crm.accounts.v1 import user_service_pb2

from chassis import errors
from tests.integration.accounts.conftest import person
from tests.integration.accounts.oidc_parts import REDIRECT_URI, Door
from tests.integration.accounts.oidc_parts import door as door
from tests.integration.accounts.oidc_parts import issuer as issuer
from tests.integration.serving import refused

# The first of them may have to fetch the provider's packages.
pytestmark = pytest.mark.timeout(600)


class TestSigningIn:
    async def test_somebody_with_a_verified_address_of_a_user_is_that_user(
        self, house: Any, door: Door
    ) -> None:
        lan = await house.add("Lan")

        made = await door.sign_in("lan-1")

        assert made.user.id == lan.id
        assert made.session.user_agent == "Firefox"
        assert made.session.ip == "198.51.100.7"
        assert await door.whose(made) == lan.id
        assert (await house.deeds())[-2:] == ["user.link_oidc", "user.sign_in"]
        assert await door.told() == ["oidc_linked"]

    async def test_from_then_on_the_address_does_not_matter(self, house: Any, door: Door) -> None:
        lan = await house.add("Lan")
        await door.sign_in("lan-1")
        await house.sql(
            "UPDATE users SET email = 'lan.le@x.example', email_key = 'lan.le@x.example'"
            " WHERE id = :id",
            id=lan.id,
        )

        made = await door.sign_in("lan-1")

        assert made.user.id == lan.id
        assert (await house.deeds()).count("user.link_oidc") == 1
        assert await door.told() == ["oidc_linked"]

    async def test_two_first_sign_ins_at_once_link_once(self, house: Any, door: Door) -> None:
        lan = await house.add("Lan")
        brought = [await door.brought("lan-1") for _ in range(2)]

        made = await asyncio.gather(*(door.complete(each) for each in brought))

        assert {it.user.id for it in made} == {lan.id}
        assert len({it.session_secret for it in made}) == 2
        assert (await house.deeds()).count("user.link_oidc") == 1

    async def test_another_person_with_the_same_address_is_not_that_user(
        self, house: Any, door: Door
    ) -> None:
        lan = await house.add("Lan")
        await door.sign_in("lan-1")

        await self._refused(door, "lan-2", "other")

        assert (await house.deeds())[-1] == "user.sign_in_refused"
        await door.unlink(lan.id, house.admin)
        assert (await door.sign_in("lan-2")).user.id == lan.id

    @pytest.mark.parametrize(("login", "why"), [("nobody-1", "unknown"), ("minh-1", "unverified")])
    async def test_a_stranger_is_refused(
        self, house: Any, door: Door, login: str, why: str
    ) -> None:
        await house.add("Minh")

        await self._refused(door, login, why)

        assert await house.sql("SELECT 1 FROM oidc_identities") == []
        assert await house.sql("SELECT 1 FROM sessions") == []

    @pytest.mark.parametrize("linked", [False, True])
    async def test_who_was_shut_out_is_refused(self, house: Any, door: Door, linked: bool) -> None:
        lan = await house.add("Lan")
        if linked:
            await door.sign_in("lan-1")
        await house.users().DeactivateUser(user_service_pb2.DeactivateUserRequest(id=lan.id))

        await self._refused(door, "lan-1", "inactive")

        assert (await house.deeds())[-1] == "user.sign_in_refused"

    async def _refused(self, door: Door, login: str, why: str) -> None:
        brought = await door.brought(login)
        with refused(errors.PermissionDenied, "OIDC_PERSON_REFUSED") as caught:
            await door.complete(brought)
        assert caught.error.metadata["why"] == why


class TestTheWay:
    async def test_it_asks_for_what_the_standards_want(self, door: Door, issuer: str) -> None:
        begun = await door.begin()

        asked = parse_qs(urlsplit(begun.authorization_url).query)
        assert begun.authorization_url.startswith(f"{issuer}/auth?")
        assert asked["redirect_uri"] == [REDIRECT_URI]
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["state"] == [begun.state]
        assert len(asked["nonce"][0]) == 43
        assert 590 < begun.expire_time.seconds - time.time() <= 600

    async def test_nothing_of_it_can_be_read_in_the_database(self, house: Any, door: Door) -> None:
        begun = await door.begin()

        ((row),) = await house.sql("SELECT state_hash, sealed FROM oidc_sign_ins")

        asked = parse_qs(urlsplit(begun.authorization_url).query)
        kept = bytes(row.state_hash) + bytes(row.sealed)
        assert begun.state.encode() not in kept
        assert asked["nonce"][0].encode() not in kept

    async def test_it_works_once(self, house: Any, door: Door) -> None:
        await house.add("Lan")
        brought = await door.brought("lan-1")
        await door.complete(brought)

        with refused(errors.Unauthenticated, "OIDC_STATE_ENDED"):
            await door.complete(brought)

    async def test_it_ends_after_ten_minutes(self, house: Any, door: Door) -> None:
        brought = await door.brought("lan-1")
        await house.sql("UPDATE oidc_sign_ins SET expire_time = now()")

        with refused(errors.Unauthenticated, "OIDC_STATE_ENDED"):
            await door.complete(brought)

    async def test_a_state_of_nobody_is_refused_and_counts_for_nobody(
        self, house: Any, door: Door
    ) -> None:
        with refused(errors.Unauthenticated, "OIDC_STATE_ENDED"):
            await door.complete({"state": "of nobody", "code": "c"})

        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE failures > 0") == []

    async def test_somebody_who_turns_back_is_told_so_and_has_not_failed(
        self, house: Any, door: Door
    ) -> None:
        brought = await door.browser.turn_back((await door.begin()).authorization_url)

        with refused(errors.Unauthenticated, "OIDC_DENIED") as caught:
            await door.complete(brought)

        assert caught.error.metadata["error"] == "access_denied"
        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE failures > 0") == []

    @pytest.mark.parametrize(
        ("changed", "check"),
        [
            ({"code": "another"}, "code"),
            ({"code": ""}, "form"),
            ({"issuer": "https://evil.example"}, "issuer"),
            ({"issuer": ""}, "issuer"),
        ],
        ids=["wrong code", "no code", "wrong issuer", "no issuer"],
    )
    async def test_an_answer_that_is_not_right_is_refused_and_counts(
        self, house: Any, door: Door, changed: dict[str, str], check: str
    ) -> None:
        await house.add("Lan")
        brought = await door.brought("lan-1")

        with refused(errors.Unauthenticated, "OIDC_ANSWER_INVALID") as caught:
            await door.complete(brought, **changed)

        assert caught.error.metadata["check"] == check
        failed = await house.sql("SELECT key FROM sign_in_failures WHERE failures > 0")
        assert {row.key.partition("/")[0] for row in failed} == {"address"}

    async def test_a_code_of_another_sign_in_is_refused(self, house: Any, door: Door) -> None:
        """Of one's own code that is put into somebody else's browser: PKCE and nonce."""
        await house.add("Lan")
        mine, theirs = await door.brought("lan-1"), await door.brought("lan-1")

        with refused(errors.Unauthenticated, "OIDC_ANSWER_INVALID") as caught:
            await door.complete(theirs, code=mine["code"])

        assert caught.error.metadata["check"] == "code"

    async def test_a_network_address_that_fails_too_often_waits(
        self, house: Any, door: Door
    ) -> None:
        await house.add("Lan")
        brought = await door.brought("lan-1")
        await house.sql("UPDATE sign_in_failures SET failures = 0")
        for _ in range(20):
            state = (await door.begin()).state
            with refused(errors.Unauthenticated, "OIDC_ANSWER_INVALID"):
                await door.complete({"state": state}, issuer="https://evil.example")
        await house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await door.complete(brought)

        made = await door.complete(brought, ip="198.51.100.8")
        assert made.session_secret


class TestUnlinking:
    async def test_it_ends_the_sessions_and_may_be_done_again(self, house: Any, door: Door) -> None:
        lan = await house.add("Lan")
        made = await door.sign_in("lan-1")

        await door.unlink(lan.id, house.admin)
        await door.unlink(lan.id, house.admin)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await door.whose(made)
        assert (await house.deeds()).count("user.unlink_oidc") == 1
        assert await door.told() == ["oidc_linked", "oidc_reset"]

    async def test_it_is_for_those_who_may_do_what_the_user_may(
        self, house: Any, door: Door
    ) -> None:
        lan = await house.add("Lan")

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await door.unlink(house.admin_id, person(lan.id, "sales"))
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await door.unlink(str(uuid4()), house.admin)
