"""An API client in a browser: made, its secret copied and used, rotated, revoked."""

import json
import secrets
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.e2e.web.conftest import fits, looked_at


@pytest.fixture
def name() -> str:
    """A name that nothing else has."""
    return f"Cửa hàng {secrets.token_hex(3)}"


async def _made(desk: Any, name: str) -> tuple[str, str]:
    """Add a client that may see contacts; return its id and secret as the page shows them."""
    await desk.open("/api-clients/new")
    await desk.page.fill("[name=name]", name)
    await desk.page.select_option('[name="contacts.read"]', "all")
    await desk.press("Add and show the secret")
    return await _shown(desk)


async def _shown(desk: Any) -> tuple[str, str]:
    await desk.page.wait_for_selector("#client-secret")
    found = [await desk.page.input_value(it) for it in ("#client-id", "#client-secret")]
    return found[0], found[1]


def _answer(url: str, identity: tuple[str, str]) -> int:
    """The status that asking for a token with an id and a secret is answered with."""
    body = json.dumps(dict(zip(("client_id", "client_secret"), identity, strict=True)))
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{url}/api/v1/token", body.encode(), headers)  # noqa: S310
    try:
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


class TestApiClient:
    async def test_its_secret_is_shown_once_fits_and_is_good(self, desk: Any, name: str) -> None:
        identity = await _made(desk, name)

        await fits(desk)
        assert _answer(desk.url, identity) == 200
        await desk.page.get_by_role("link", name="I have kept it").click()
        await desk.page.wait_for_url("**/api-clients/*")
        assert identity[1] not in await desk.page.content()
        await looked_at(desk, f"/api-clients/{identity[0]}")

    async def test_the_old_secret_ends_when_one_says_so(self, desk: Any, name: str) -> None:
        old = await _made(desk, name)
        await desk.open(f"/api-clients/{old[0]}")
        await desk.page.select_option("[name=lifetime]", "none")
        await desk.press("Make a new secret")

        new = await _shown(desk)

        assert new[0] == old[0]
        assert _answer(desk.url, new) == 200
        assert _answer(desk.url, old) == 401

    async def test_it_is_revoked_after_a_question_and_stays_in_the_list(
        self, desk: Any, name: str
    ) -> None:
        identity = await _made(desk, name)
        await desk.open(f"/api-clients/{identity[0]}")

        await desk.page.click("summary:has-text('Revoke')")
        await desk.page.locator(".confirm-box button").click()
        await desk.page.wait_for_url("**/api-clients")

        assert _answer(desk.url, identity) == 401
        await desk.open(f"/api-clients?query={name.split()[-1]}&state=revoked")
        assert name in await desk.text()
        await looked_at(desk, f"/api-clients/{identity[0]}")
