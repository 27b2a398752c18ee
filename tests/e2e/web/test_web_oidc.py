"""Signing in at a provider in a browser, and what is said when that comes to nothing."""

import http
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from local.home import Home, read_state
from local.running import House
from services.accounts.rpc.oidc import RETURN
from tests import provider
from tests.e2e.web.conftest import SECONDS, Desk, looked_at

READY_SECONDS = 60


@pytest.fixture(scope="module")
def with_provider(home: Path, house: House) -> Iterator[None]:
    """The house while its staff may sign in at a provider, which needs accounts to start anew."""
    back = read_state(home)["gateway_url"] + RETURN
    kept = Home(home, {}).changes("accounts")
    before = json.loads(kept.read_text()) if kept.exists() else {}
    with provider.running([back]) as issuer:
        told = {
            "MEKONG_OIDC_ISSUER": issuer,
            "MEKONG_OIDC_CLIENT_ID": provider.CLIENT_ID,
            "MEKONG_OIDC_CLIENT_SECRET": provider.CLIENT_SECRET,
            "MEKONG_OIDC_LABEL": "Sông Hồng",
        }
        _lives_anew(house, {**before, **told})
        yield
    _lives_anew(house, before)


def _lives_anew(house: House, told: dict[str, str]) -> None:
    house.change("accounts", told)
    gone = house.kill("accounts")
    house.until(lambda _: house.pid("accounts") not in (None, gone), READY_SECONDS)
    house.until(lambda state: _hears(state["gateway_url"]), READY_SECONDS)


def _hears(gateway_url: str) -> bool:
    """Whether the gateway, which waits a little longer after each vain try, reaches accounts."""
    asked = urllib.request.Request(gateway_url, headers={"Cookie": "mekong=nobody"})  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=READY_SECONDS) as page:  # noqa: S310
            return page.url.endswith("/sign-in") or "/sign-in?" in page.url
    except urllib.error.HTTPError as refused:
        if refused.code != http.HTTPStatus.SERVICE_UNAVAILABLE:
            raise
        return False


@pytest.fixture
async def nobody(browser: Any, staff: Any, with_provider: None) -> AsyncIterator[Desk]:
    """A browser of somebody who is not signed in, in English."""
    context = await browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(SECONDS)
    # The provider's pages ask for letters from elsewhere, which a test machine may not reach.
    await context.route("**/*", _stays_here)
    await context.add_cookies([{"name": "lang", "value": "en", "url": staff.url}])
    desk = Desk(await context.new_page(), staff.url)
    yield desk
    await context.close()


async def _stays_here(route: Any) -> None:
    here = route.request.url.startswith("http://127.0.0.1:")
    await (route.continue_() if here else route.abort())


async def offered(desk: Desk, path: str = "/sign-in") -> Any:
    """The link to the provider; the gateway learns of it within seconds."""
    link = desk.page.get_by_role("link", name="Sign in with Sông Hồng")
    for _ in range(60):
        await desk.open(path)
        if await link.count():
            return link
        await desk.page.wait_for_timeout(1_000)
    raise AssertionError("no link to the provider")


async def at_the_provider(desk: Desk, login: str) -> None:
    await desk.page.fill("[name=login]", login)
    await desk.page.fill("[name=password]", "any")
    await desk.page.click("[type=submit]")


class TestSigningInElsewhere:
    async def test_a_colleague_gets_to_the_page_that_was_asked_for(
        self, nobody: Desk, staff: Any
    ) -> None:
        link = await offered(nobody, "/contacts?kind=lead")
        await link.click()
        await at_the_provider(nobody, "admin-1")
        await nobody.page.click("[type=submit]")
        await nobody.page.wait_for_url(f"{staff.url}/contacts?kind=lead")

        assert await nobody.page.inner_text("h1") == "Leads & customers"
        names = {it["name"] for it in await nobody.page.context.cookies(staff.url)}
        assert "mekong" in names
        assert "mekong-oidc" not in names

    async def test_who_has_no_account_here_is_told_so(self, nobody: Desk, staff: Any) -> None:
        await (await offered(nobody)).click()
        await at_the_provider(nobody, "nobody-1")
        await nobody.page.click("[type=submit]")
        await nobody.page.wait_for_selector("[role=alert]")

        assert "have no account here" in await nobody.page.inner_text("[role=alert]")
        assert nobody.page.url.startswith(staff.url)

    async def test_who_turns_back_there_may_try_again(self, nobody: Desk) -> None:
        await (await offered(nobody)).click()
        await nobody.page.get_by_text("Cancel").click()
        await nobody.page.wait_for_selector("[role=alert]")

        assert "did not sign you in" in await nobody.page.inner_text("[role=alert]")
        assert await nobody.page.get_by_role("link", name="Sign in with Sông Hồng").count() == 1

    async def test_the_page_fits_and_is_accessible_with_the_button(self, nobody: Desk) -> None:
        await offered(nobody)

        await looked_at(nobody, "/sign-in")
