"""A role that hides phones: made, given to a colleague, seen through their eyes, explained."""

import secrets
from typing import Any

import pytest

from tests.e2e.web.conftest import fits, looked_at, person

PASSWORD = "con ngựa đá con ngựa"


@pytest.fixture
def name() -> str:
    """A name that nothing else has."""
    return f"Telesales {secrets.token_hex(3)}"


async def _role(desk: Any, name: str) -> None:
    await desk.open("/roles/new")
    await desk.page.fill("[name=name]", name)
    await desk.page.select_option('[name="contacts.read"]', "all")
    await desk.page.select_option('[name="users.read"]', "all")
    await desk.page.check('[name=hidden][value="phones"]')
    await desk.press("Save")
    await desk.page.wait_for_url("**/roles")


async def _colleague(desk: Any, name: str) -> None:
    await desk.open("/staff/new")
    await desk.page.fill("[name=display_name]", f"Lan {name}")
    await desk.page.fill("[name=email]", f"{name.replace(' ', '.').lower()}@mekong.example")
    await desk.page.select_option("[name=role_id]", label=name)
    await desk.page.fill("[name=password]", PASSWORD)
    await desk.press("Save")
    await desk.page.wait_for_url("**/staff")


class TestARoleThatHides:
    async def test_it_is_seen_through_the_eyes_of_who_has_it(
        self, desk: Any, phone: Any, name: str
    ) -> None:
        digits, kin = f"{secrets.randbelow(10**7):07d}", f"Kín {secrets.token_hex(3)}"
        contact_id = await person(desk, kin, phone=f"094{digits}")
        await _role(desk, name)
        await _colleague(desk, name)

        await phone.open("/sign-in?lang=en")
        await phone.page.fill("[name=email]", f"{name.replace(' ', '.').lower()}@mekong.example")
        await phone.page.fill("[name=password]", PASSWORD)
        await phone.page.press("[name=password]", "Enter")
        await phone.page.wait_for_url(lambda url: "sign-in" not in url)
        await phone.open(f"/contacts/{contact_id}")

        assert "Hidden from your role" in await phone.text()
        assert digits not in await phone.page.content()
        await fits(phone)
        await phone.open(f"/contacts?q=094{digits}")
        assert kin not in await phone.text()
        await phone.open(f"/contacts?q={kin.replace(' ', '+')}")
        assert kin in await phone.text()
        assert await phone.open("/staff/new") == 200  # the form is harmless; sending it is not
        assert await phone.open("/campaigns") == 403

    async def test_why_a_colleague_can_see_something_fits_and_is_accessible(
        self, desk: Any, name: str
    ) -> None:
        digits = f"{secrets.randbelow(10**7):07d}"
        contact_id = await person(desk, f"Hỏi {digits}", phone=f"094{digits}")
        await _role(desk, name)
        await _colleague(desk, name)

        await desk.open(f"/contacts/{contact_id}")
        await desk.page.get_by_role("link", name="Who can see this?").click()
        await desk.page.select_option("[name=user_id]", label=f"Lan {name}")
        await desk.press("Explain")
        await desk.page.wait_for_url("**user_id=*")

        rows = [await it.inner_text() for it in await desk.page.locator("tbody tr").all()]
        assert "Their right reaches everything." in rows[0]
        assert "Their role has no such right." in rows[1]
        assert "Phones" in await desk.text()
        await looked_at(desk, desk.page.url.removeprefix(desk.url))

    async def test_an_administrator_looks_through_it_and_back(self, desk: Any, name: str) -> None:
        digits = f"{secrets.randbelow(10**7):07d}"
        contact_id = await person(desk, f"Qua {name}", phone=f"094{digits}")
        await _role(desk, name)
        await desk.page.get_by_role("link", name=name).first.click()
        await desk.page.wait_for_url("**/roles/*")

        await desk.press("View as this role")
        await desk.open(f"/contacts/{contact_id}")

        assert f"looking through the role {name}" in await desk.text()
        assert digits not in await desk.page.content()
        await looked_at(desk, f"/contacts/{contact_id}")
        await desk.open("/contacts")
        await desk.press("Back to my own role")
        await desk.open(f"/contacts/{contact_id}")
        assert digits in await desk.page.content()

    async def test_who_is_shut_out_cannot_come_back(self, desk: Any, phone: Any, name: str) -> None:
        await _role(desk, name)
        await _colleague(desk, name)
        await desk.page.get_by_role("link", name=f"Lan {name}").click()
        await desk.page.wait_for_url("**/staff/*")

        await desk.page.click("summary")
        await desk.page.locator(".confirm-box button").click()
        await desk.page.wait_for_url("**/follow-ups/reassign**")

        await phone.open("/sign-in?lang=en")
        await phone.page.fill("[name=email]", f"{name.replace(' ', '.').lower()}@mekong.example")
        await phone.page.fill("[name=password]", PASSWORD)
        await phone.page.press("[name=password]", "Enter")
        await phone.page.wait_for_selector(".alert-danger")
        assert "/sign-in" in phone.page.url
