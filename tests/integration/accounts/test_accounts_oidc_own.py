"""Whether one may sign in at the provider, and unlinking oneself from there."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import oidc_service_pb2 as pb2
from crm.accounts.v1.user_pb2 import User

from chassis import errors
from chassis.context import Principal
from tests.integration.accounts.conftest import person
from tests.integration.accounts.factor_parts import PASSWORD
from tests.integration.accounts.oidc_parts import Door, opened, with_provider
from tests.integration.serving import refused

# Nobody goes there: what is linked is written as a sign-in would.
ISSUER = "http://127.0.0.1:1"


@pytest.fixture
async def door(house: Any, settings: Any, serve: Any) -> AsyncIterator[Door]:
    async with opened(house, serve, with_provider(settings, ISSUER)) as door:
        yield door


async def link(house: Any, user: User, issuer: str = ISSUER) -> None:
    await house.sql(
        "INSERT INTO oidc_identities (issuer, subject, user_id) VALUES (:issuer, :subject, :id)",
        issuer=issuer,
        subject=f"sub of {user.id}",
        id=user.id,
    )


async def sign_in(house: Any, user: User) -> Any:
    """A session of somebody, for the tests of which ones end."""
    rows = await house.sql(
        "INSERT INTO sessions (id, user_id, secret_hash, user_agent, ip, expire_time) VALUES"
        " (:id, :user, :hash, '', '', now() + interval '1 hour') RETURNING id",
        id=uuid4(),
        user=user.id,
        hash=uuid4().bytes,
    )
    return rows[0].id


async def left(house: Any, table: str, user: User) -> int:
    rows = await house.sql(f"SELECT 1 FROM {table} WHERE user_id = :id", id=user.id)  # noqa: S608
    return len(rows)


class TestAsking:
    async def test_everybody_may_ask_about_oneself(self, house: Any, door: Door) -> None:
        lan, minh = await house.add("Lan"), await house.add("Minh")
        await link(house, lan)

        hers = await door.identity(Principal(lan.id, "user"))
        his = await door.identity(Principal(minh.id, "user"))

        assert (hers.user_id, hers.linked, hers.only_way_in) == (lan.id, True, False)
        assert hers.link_time.seconds > 0
        assert (his.linked, his.HasField("link_time"), his.only_way_in) == (False, False, False)

    async def test_of_others_with_the_right_to_write_users(self, house: Any, door: Door) -> None:
        lan, minh = await house.add("Lan"), await house.add("Minh")
        await link(house, lan)

        assert (await door.identity(house.admin, lan.id)).linked
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await door.identity(person(minh.id, "sales"), lan.id)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await door.identity(house.admin, str(uuid4()))

    async def test_at_a_provider_that_the_house_had_before_nobody_is_linked(
        self, house: Any, door: Door
    ) -> None:
        lan = await house.add("Lan")
        await link(house, lan, "https://before.example")

        assert not (await door.identity(Principal(lan.id, "user"))).linked

    async def test_a_program_is_nobody_there(self, door: Door) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await door.identity(Principal(str(uuid4()), "client"))


class TestUnlinkingOneself:
    async def test_it_forgets_the_link_and_ends_the_other_sessions(
        self, house: Any, door: Door
    ) -> None:
        lan, minh = await house.add("Lan"), await house.add("Minh")
        for each in (lan, minh):
            await link(house, each)
            here = await sign_in(house, each)
            await sign_in(house, each)

        await door.unlink_own(minh.id, PASSWORD, str(here))

        assert await left(house, "oidc_identities", minh) == 0
        rows = await house.sql("SELECT id FROM sessions WHERE user_id = :id", id=minh.id)
        assert [row.id for row in rows] == [here]
        assert await left(house, "oidc_identities", lan) == 1
        assert await left(house, "sessions", lan) == 2
        assert (await house.deeds()).count("user.unlink_oidc") == 1
        assert await door.told() == ["oidc_unlinked"]

    async def test_once_more_does_nothing(self, house: Any, door: Door) -> None:
        lan = await house.add("Lan")
        await link(house, lan)

        for _ in range(2):
            await door.unlink_own(lan.id, PASSWORD)

        assert (await house.deeds()).count("user.unlink_oidc") == 1
        assert await door.told() == ["oidc_unlinked"]
        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE failures > 0") == []

    async def test_a_wrong_password_is_told_and_counts(self, house: Any, door: Door) -> None:
        lan = await house.add("Lan")
        await link(house, lan)

        for _ in range(5):
            with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
                await door.unlink_own(lan.id, "wrong wrong wrong")
            assert refusal.fields() == ["password"]
        await house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await door.unlink_own(lan.id, PASSWORD)
        assert await left(house, "oidc_identities", lan) == 1
        assert (await house.deeds()).count("user.sign_in_refused") == 5
        assert await door.told() == []

    async def test_who_has_no_password_keeps_the_only_way_in(self, house: Any, door: Door) -> None:
        lan = await house.add("Lan")
        await house.sql("UPDATE users SET password_hash = '' WHERE id = :id", id=lan.id)
        await link(house, lan)

        assert (await door.identity(Principal(lan.id, "user"))).only_way_in
        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await door.unlink_own(lan.id, "")

        assert refusal.error.metadata == {
            "resource": "oidc_identity",
            "state": "only_way_in",
            "to": "unlinked",
        }
        assert await left(house, "oidc_identities", lan) == 1
        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE failures > 0") == []

    async def test_a_program_has_none(self, door: Door) -> None:
        program = door.stub(Principal(str(uuid4()), "client"))
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await program.UnlinkOwnOidcIdentity(pb2.UnlinkOwnOidcIdentityRequest(password=PASSWORD))
