"""Signing in at an OpenID provider as other houses set it up, and while it is away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from crm.accounts.v1 import oidc_service_pb2 as pb2

from chassis import errors
from tests import provider
from tests.integration.accounts.factor_parts import added
from tests.integration.accounts.oidc_parts import REDIRECT_URI, Door, opened, with_provider
from tests.integration.accounts.oidc_parts import door as door
from tests.integration.accounts.oidc_parts import issuer as issuer
from tests.integration.serving import refused

# The first of them may have to fetch the provider's packages.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture
async def there() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


class TestOtherHouses:
    async def test_a_house_without_a_provider_offers_none(
        self, house: Any, settings: Any, serve: Any
    ) -> None:
        async with opened(house, serve, settings) as door:
            offered = await door.stub().GetOidcProvider(pb2.GetOidcProviderRequest())

            assert offered.label == ""
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await door.begin()

    async def test_with_a_provider_it_says_how_that_is_called(self, door: Door) -> None:
        offered = await door.stub().GetOidcProvider(pb2.GetOidcProviderRequest())

        assert offered.label == "Sông Hồng"

    async def test_a_house_may_ask_for_its_own_second_factor(
        self, house: Any, settings: Any, serve: Any, issuer: str
    ) -> None:
        lan = await added(house, "Lan")
        await lan.enroll()
        asking = with_provider(settings, issuer, oidc_second_factor=True)
        async with opened(house, serve, asking) as door:
            asked = await door.sign_in("lan-1")

        assert asked.challenge
        assert not asked.session_secret
        assert (await lan.complete(asked.challenge, await lan.fresh_code())).session_secret

    async def test_without_that_the_provider_answers_for_it(self, house: Any, door: Door) -> None:
        lan = await added(house, "Lan")
        await lan.enroll()

        assert (await door.sign_in("lan-1")).session_secret

    @pytest.mark.parametrize(
        ("setting", "why"),
        [({"oidc_email_domains": "a.example, b.example"}, "domain"),
         ({"oidc_link_by_email": False}, "unknown")],
        ids=["other domains", "no links"],
    )  # fmt: skip
    async def test_it_may_link_fewer(
        self, house: Any, settings: Any, serve: Any, issuer: str, setting: Any, why: str
    ) -> None:
        await house.add("Lan")
        async with opened(house, serve, with_provider(settings, issuer, **setting)) as door:
            with refused(errors.PermissionDenied, "OIDC_PERSON_REFUSED") as caught:
                await door.sign_in("lan-1")

        assert caught.error.metadata["why"] == why

    async def test_a_wrong_secret_of_the_house_is_not_the_persons_fault(
        self, house: Any, settings: Any, serve: Any, issuer: str
    ) -> None:
        await house.add("Lan")
        wrong = with_provider(settings, issuer, oidc_client_secret="another")
        async with opened(house, serve, wrong) as door:
            with refused(errors.Unavailable, "PEER_REFUSED_IDENTITY"):
                await door.sign_in("lan-1")

        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE failures > 0") == []

    async def test_a_secret_may_go_in_the_form(self, house: Any, settings: Any, serve: Any) -> None:
        lan = await house.add("Lan")
        with provider.running([REDIRECT_URI], "client_secret_post") as issuer:
            async with opened(house, serve, with_provider(settings, issuer)) as door:
                assert (await door.sign_in("lan-1")).user.id == lan.id


class TestProviderAway:
    async def test_beginning_says_so(self, house: Any, settings: Any, serve: Any) -> None:
        async with opened(house, serve, with_provider(settings, "http://127.0.0.1:1")) as door:
            with refused(errors.Unavailable, "PEER_UNAVAILABLE") as caught:
                await door.begin()

        assert caught.error.metadata["peer"] == "oidc"

    async def test_coming_back_says_so_and_counts_for_nobody(
        self, house: Any, settings: Any, serve: Any, there: AsyncExitStack
    ) -> None:
        with provider.running([REDIRECT_URI]) as issuer:
            door = await there.enter_async_context(
                opened(house, serve, with_provider(settings, issuer))
            )
            brought = await door.brought("lan-1")

        with refused(errors.Unavailable, "PEER_UNAVAILABLE") as caught:
            await door.complete(brought)

        assert caught.error.metadata["peer"] == "oidc"
        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE failures > 0") == []
