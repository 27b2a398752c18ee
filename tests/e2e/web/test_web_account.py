"""What protects an account: the second step of sign-in, forgotten passwords, invitations."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pyotp
import pytest

from local.__main__ import name_senders
from local.demo.api import Api, Refused
from local.home import read_state
from services.accounts.domain.totp import STEP_SECONDS
from tests.e2e.web.conftest import PHONE, SECONDS, Desk, fits, looked_at, mailed

PASSWORD, NEW = "con ngựa đá con ngựa", "một câu khác dễ nhớ"
NOT_YET = ("STAFF_SENDER_MISSING", "PEER_UNAVAILABLE", "DEADLINE_PASSED")


@pytest.fixture
async def nobody(browser: Any, staff: Any) -> AsyncIterator[Desk]:
    """A browser of somebody who is not signed in, in English."""
    context = await browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(SECONDS)
    await context.add_cookies([{"name": "lang", "value": "en", "url": staff.url}])
    desk = Desk(await context.new_page(), staff.url)
    desk.page.on(
        "console", lambda said: desk.troubles.append(said.text) if said.type == "error" else None
    )
    yield desk
    await context.close()


async def added(api: Api, **given: str) -> str:
    """Adds a colleague; returns the address."""
    roles = [it async for it in api.every("/roles", "roles")]
    role = next(it["id"] for it in roles if it["name"] == "viewer")
    email = f"e2e-{uuid.uuid4().hex[:12]}@mekong.example"
    user = {"email": email, "display_name": "Lan", "role_id": role, "locale": "en"}
    await api.post("/users", {"user": user, **given}, key=str(uuid.uuid4()))
    return email


async def sign_in(desk: Desk, email: str, password: str) -> None:
    await desk.open("/sign-in")
    await desk.page.fill("#email", email)
    await desk.page.fill("#password", password)
    await desk.press("Sign in")


async def give(desk: Desk, code: str) -> None:
    await desk.page.fill("#code", code)
    await desk.press("Sign in")


def code(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(int(time.time()) + steps * STEP_SECONDS)


class TestSecondStep:
    async def test_it_is_set_up_asked_for_and_turned_off(self, nobody: Desk, api: Api) -> None:
        email, page = await added(api, password=PASSWORD), nobody.page
        await sign_in(nobody, email, PASSWORD)
        await looked_at(nobody, "/account/security")
        await page.fill("#enroll-password", PASSWORD)
        await nobody.press("Set up the second step")
        await fits(nobody)
        secret = (await page.input_value("#typed-secret")).replace(" ", "")
        wide = await page.evaluate("document.querySelector('.qr svg').clientWidth")
        assert 150 < wide <= PHONE

        await page.fill("#code", code(secret))
        await nobody.press("Turn it on")
        await fits(nobody)
        recovery = (await page.input_value("#recovery-codes")).split()
        assert len(recovery) == 10
        await page.context.clear_cookies(name="mekong")

        await sign_in(nobody, email, PASSWORD)
        assert page.url.startswith(f"{nobody.url}/sign-in/code")
        await fits(nobody)
        await looked_at(nobody, "/sign-in/code")
        await give(nobody, "000000")
        assert "not right" in await page.inner_text("[role=alert]")
        await give(nobody, code(secret, steps=1))
        assert page.url == f"{nobody.url}/"

        await nobody.open("/account/security")
        await fits(nobody)
        await page.click("summary:has-text('Turn it off')")
        await page.fill("#remove-password", PASSWORD)
        await page.fill("#remove-code", recovery[0])
        await nobody.press("Turn it off")
        assert "is off" in await nobody.text()
        assert await page.is_visible("#enroll-password")


class TestLinks:
    @pytest.fixture
    async def invited(self, home: Path, api: Api) -> str:
        """The address of somebody whom this house, which mails its staff, has invited."""
        await name_senders(home, read_state(home), again=True)
        deadline = time.monotonic() + SECONDS / 1_000
        while True:
            try:
                return await added(api)
            except Refused as refused:
                if refused.reason not in NOT_YET or time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.2)

    async def test_who_is_invited_chooses_a_password_and_gets_in(
        self, nobody: Desk, staff: Any, invited: str
    ) -> None:
        link = await mailed(staff.inbox_url, invited, "/password/")

        path = link.removeprefix(staff.url)
        await looked_at(nobody, path)
        assert "Welcome" in await nobody.text("h1")
        assert await nobody.page.input_value("#email") == invited
        await nobody.page.fill("#new_password", "short")
        await nobody.page.fill("#repeat", "short")
        await nobody.press("Save password")
        assert "12 to 200" in await nobody.page.inner_text("#new_password-wrong")
        await nobody.page.fill("#new_password", NEW)
        await nobody.page.fill("#repeat", NEW)
        await nobody.press("Save password")
        assert "is saved" in await nobody.text("[role=status]")
        await sign_in(nobody, invited, NEW)
        assert nobody.page.url == f"{nobody.url}/"
        assert await nobody.open(path) == 404
        await fits(nobody)

    async def test_who_forgot_the_password_gets_a_link_for_another(
        self, nobody: Desk, staff: Any, api: Api, invited: str
    ) -> None:
        email = await added(api, password=PASSWORD)
        await nobody.open("/sign-in")
        async with nobody.page.expect_navigation():
            await nobody.page.get_by_role("link", name="Forgot your password?").click()
        await looked_at(nobody, "/sign-in/forgot")
        await nobody.page.fill("#email", email)
        await nobody.press("Send the link")
        await fits(nobody)
        said = await nobody.text()

        link = await mailed(staff.inbox_url, email, "/password/")
        await nobody.open(link.removeprefix(staff.url))
        await nobody.page.fill("#new_password", NEW)
        await nobody.page.fill("#repeat", NEW)
        await nobody.press("Save password")
        await sign_in(nobody, email, NEW)
        assert nobody.page.url == f"{nobody.url}/"

        await nobody.page.context.clear_cookies(name="mekong")
        await nobody.open("/sign-in/forgot")
        await nobody.page.fill("#email", f"nobody-{email}")
        await nobody.press("Send the link")
        assert await nobody.text() == said
