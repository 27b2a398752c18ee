"""Every page: it is there, it is accessible, it fits a phone, and nothing breaks its policy."""

from typing import Any

import pytest

from tests.e2e.web.conftest import fits

PAGES = [
    "/",
    "/contacts",
    "/contacts?q=zzzzzz",
    "/contacts/new",
    "/contacts/quick",
    "/next-steps",
    "/next-steps?order=last&whose=all",
    "/follow-ups",
    "/follow-ups/new",
    "/follow-ups/reassign",
    "/follow-up-batches",
    "/notifications",
    "/working-hours",
    "/series",
    "/series?whose=all",
    "/series/new",
    "/calendar",
    "/calendar?view=week&whose=all",
    "/calendar?view=day",
    "/calls/new",
    "/requests",
    "/requests?state=",
    "/logins",
    "/logins?q=zzzzzz",
    "/logins/new",
    "/erasures",
    "/erasures?state=running",
    "/proposals",
    "/proposals/new",
    "/proposal-templates",
    "/proposal-templates/new",
    "/reports",
    "/reports/conversion",
    "/reports/sources",
    "/reports/follow-ups",
    "/reports/leads",
    "/reports/costs",
    "/reports/costs/new",
    "/campaigns",
    "/campaigns/new",
    "/segments",
    "/segments/new",
    "/templates",
    "/templates/new",
    "/imports",
    "/senders",
    "/doubts",
    "/doubts?provider=smtp&age=24",
    "/doubts/deeds",
    "/support",
    "/staff",
    "/staff?all=1",
    "/staff/new",
    "/roles",
    "/roles/new",
    "/api-clients",
    "/api-clients?state=revoked",
    "/api-clients/new",
    "/audit",
    "/audit?action_prefix=user.&service=accounts",
    "/audit/verify",
    "/account/sessions",
    "/account/security",
    "/account/feeds",
]
FIRST = "a.row-link"
BEHIND = {
    "/contacts": ("", "/edit", "/consents", "/erase"),
    "/campaigns": ("", "/review"),
    "/segments": ("",),
    "/templates": ("",),
    "/imports": ("", "/rows?outcome=rejected"),
    "/staff": ("",),
    "/roles": ("",),
}


async def _check(desk: Any, path: str, status: int = 200) -> None:
    assert await desk.open(path) == status
    await desk.page.wait_for_load_state("load")

    await _fits(desk)
    assert not [it for it in desk.troubles if "404" not in it], path


async def _fits(desk: Any) -> None:
    language = await desk.page.get_attribute("html", "lang")
    # As wide as it was opened first: to make it narrower and wide again takes long.
    await fits(desk, first=desk.wide, axe=language == "vi")  # both have the same markup


class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES)
    async def test_it_is_accessible_and_fits(self, any_desk: Any, path: str) -> None:
        await _check(any_desk, path)

    @pytest.mark.parametrize("path", BEHIND)
    async def test_what_a_list_leads_to_is_accessible_and_fits(
        self, any_desk: Any, path: str
    ) -> None:
        await any_desk.open(path)
        first = await any_desk.page.get_attribute(FIRST, "href")

        for more in BEHIND[path]:
            await _check(any_desk, first + more)

    async def test_a_run_and_its_recipients_are_accessible_and_fit(self, any_desk: Any) -> None:
        await any_desk.open("/campaigns?state=completed")
        await any_desk.page.click(FIRST)
        await any_desk.page.wait_for_url("**/runs/*")
        run = any_desk.page.url.removeprefix(any_desk.url)

        await _check(any_desk, run)
        await _check(any_desk, f"{run}/recipients?state=excluded")
        await _check(any_desk, f"{run}/unreached")

    async def test_what_was_sent_to_an_address_is_accessible_and_fits(self, any_desk: Any) -> None:
        await any_desk.open("/campaigns?state=completed")
        await any_desk.page.click(FIRST)
        await any_desk.page.wait_for_url("**/runs/*")
        run = any_desk.page.url.removeprefix(any_desk.url)
        # Receipts of SMS go on coming in after the campaign.
        for state in ("delivered", "accepted"):
            await any_desk.open(f"{run}/recipients?state={state}")
            if await any_desk.page.locator("tbody tr").count():
                break
        address = await any_desk.page.inner_text("tbody tr:first-child td:nth-child(2)")
        await any_desk.open("/support")
        await any_desk.page.fill("#address", address.strip())

        await any_desk.page.press("#address", "Enter")

        await any_desk.page.wait_for_selector("#rows article")
        await _fits(any_desk)
        assert any_desk.page.url.endswith("/support")

    async def test_what_an_audit_entry_changed_is_accessible_and_fits(self, any_desk: Any) -> None:
        await any_desk.open("/audit")
        await any_desk.page.click("tbody summary")

        await _fits(any_desk)

    async def test_a_page_that_is_not_there_says_so(self, any_desk: Any) -> None:
        await _check(any_desk, "/nowhere", 404)

        assert "404" in await any_desk.text()


class TestKeyboard:
    async def test_slash_searches_and_c_adds(self, desk: Any) -> None:
        await desk.open("/follow-ups")

        await desk.page.keyboard.press("/")
        focused = await desk.page.evaluate("document.activeElement.id")
        await desk.page.keyboard.press("Tab")
        await desk.page.evaluate("document.activeElement.blur()")
        await desk.page.keyboard.press("c")
        await desk.page.wait_for_selector("#quick-form")

        assert focused == "topsearch"
        assert await desk.findings() == []

    async def test_the_first_stop_skips_to_the_content(self, desk: Any) -> None:
        await desk.open("/contacts")

        await desk.page.keyboard.press("Tab")

        assert await desk.page.evaluate("document.activeElement.className") == "skip-link"
