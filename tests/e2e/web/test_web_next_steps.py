"""Leads by next step: planned from the list, in its order, and what one sees on a phone."""

import secrets
from typing import Any

import pytest

from tests.e2e.web.conftest import fits, person


@pytest.fixture
def digits() -> str:
    """Seven digits that no other person's number ends with."""
    return f"{secrets.randbelow(10**7):07d}"


async def _lead(desk: Any, name: str, digits: str) -> str:
    return await person(desk, name, phone=f"093{digits}")


async def _planned(desk: Any, contact_id: str, title: str, start: str) -> None:
    await desk.open(f"/calls/new?contact={contact_id}")
    await desk.page.fill("[name=title]", title)
    await desk.page.fill("[name=start_time]", start)
    await desk.press("Save")


class TestNextSteps:
    async def test_the_latest_step_is_first_and_opens_the_follow_up(
        self, desk: Any, digits: str
    ) -> None:
        contact_id = await _lead(desk, f"Cuối {digits}", digits)
        title = f"Gọi {digits}"
        await _planned(desk, contact_id, title, "2099-12-31T10:30")
        await desk.open("/contacts")

        await desk.page.get_by_role("link", name="Leads by next step").first.click()
        await desk.page.wait_for_url("**/next-steps")
        await desk.page.select_option("#whose", "all")
        await desk.page.wait_for_url("**whose=all*")
        await desk.page.get_by_role("link", name="Next step, latest first").click()
        await desk.page.wait_for_url("**order=latest*")

        row = desk.page.locator("tbody tr", has_text=f"Cuối {digits}")
        assert "31 Dec 2099, 10:30" in await row.inner_text()
        assert "whose=all" in desk.page.url
        assert desk.troubles == []
        await row.get_by_role("link", name=title).click()
        await desk.page.wait_for_url("**/follow-ups/*")
        assert title in await desk.text("h1")

    @pytest.mark.parametrize("language", ["vi", "en"])
    async def test_an_overdue_step_fits_and_is_accessible_with_a_row(
        self, desk: Any, digits: str, language: str
    ) -> None:
        contact_id = await _lead(desk, f"Muộn {digits}", digits)
        await _planned(desk, contact_id, f"Gọi {digits}", "2001-02-03T10:30")

        await desk.open(f"/next-steps?whose=all&lang={language}")

        row = desk.page.locator("tbody tr", has_text=f"Muộn {digits}")
        assert ("Overdue" if language == "en" else "Quá hạn") in await row.inner_text()
        await fits(desk)
        assert desk.troubles == []
        await desk.open(f"/?lang={language}")
        assert f"Gọi {digits}" in await desk.text()
        await fits(desk)

    async def test_the_day_leads_there(self, desk: Any) -> None:
        await desk.open("/")

        await desk.page.get_by_role("link", name="Leads by next step").first.click()
        await desk.page.wait_for_url("**/next-steps")

        assert "A message to many people or to a segment does not count." in await desk.text()
