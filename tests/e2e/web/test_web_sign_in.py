"""Signing in and out, and the language of pages."""

from typing import Any


class TestSigningIn:
    async def test_a_wrong_password_keeps_the_address_and_says_why(
        self, browser: Any, staff: Any
    ) -> None:
        page = await browser.new_page(locale="en-GB")
        await page.goto(f"{staff.url}/contacts?kind=lead")

        await page.fill("#email", staff.email)
        await page.fill("#password", "not the password")
        await page.click("button[type=submit]")
        await page.wait_for_selector("[role=alert]")

        assert await page.input_value("#email") == staff.email
        assert "not right" in await page.inner_text("[role=alert]")
        await page.close()

    async def test_it_goes_on_to_the_page_that_was_asked_for(
        self, browser: Any, staff: Any
    ) -> None:
        page = await browser.new_page(locale="vi-VN")
        await page.goto(f"{staff.url}/contacts?kind=lead")

        await page.fill("#email", staff.email)
        await page.fill("#password", staff.password)
        await page.click("button[type=submit]")
        await page.wait_for_url("**/contacts?kind=lead")

        assert await page.inner_text("h1") == "Liên hệ"
        await page.close()

    async def test_it_never_leads_to_another_site(self, browser: Any, staff: Any) -> None:
        page = await browser.new_page()
        await page.goto(f"{staff.url}/sign-in?next=//evil.example/")

        await page.fill("#email", staff.email)
        await page.fill("#password", staff.password)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{staff.url}/")

        await page.close()

    async def test_a_session_that_is_ended_elsewhere_is_listed_and_can_be_ended(
        self, browser: Any, staff: Any, desk: Any
    ) -> None:
        context = await browser.new_context(user_agent="A telephone of long ago")
        page = await context.new_page()
        await page.goto(f"{staff.url}/sign-in")
        await page.fill("#email", staff.email)
        await page.fill("#password", staff.password)
        await page.click("button[type=submit]")
        await page.wait_for_url(f"{staff.url}/")
        await desk.open("/account/sessions")

        row = desk.page.get_by_role("row").filter(has_text="A telephone of long ago").first
        async with desk.page.expect_navigation():
            await row.get_by_role("button").click()

        assert "has been ended" in await desk.text()
        await context.close()


class TestLanguage:
    async def test_the_menu_switches_it_and_stays_on_the_page(self, desk: Any) -> None:
        await desk.open("/campaigns")

        await desk.page.click(".user-menu .dropdown-toggle")
        async with desk.page.expect_navigation():
            await desk.page.get_by_role("button", name="Tiếng Việt").click()

        assert await desk.page.inner_text("h1") == "Chiến dịch"
        assert await desk.page.get_attribute("html", "lang") == "vi"
