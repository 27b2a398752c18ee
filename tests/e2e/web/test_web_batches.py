"""Something for many: begun in the form of a follow-up, made, looked at and taken back."""

import secrets
from typing import Any

from tests.e2e.web.conftest import fits, looked_at, person


async def test_what_was_made_is_taken_back_after_a_question_that_says_how_many(desk: Any) -> None:
    word, page = secrets.token_hex(4), desk.page
    contact = await person(desk, f"Đào {word}")
    await desk.open(f"/follow-ups/new?contact={contact}")
    await page.fill("[name=title]", f"Gọi {word}")
    await page.fill("[name=start_time]", "2032-01-02T09:00")
    await page.select_option("[name=assignee_ids]", "owner")
    await desk.press("Save")
    await page.locator("#figures", has_text="All are made").wait_for()
    path = page.url.removeprefix(desk.url)
    await looked_at(desk, path)

    await page.locator("summary", has_text="Take it back").click()
    assert "Follow-ups that will be cancelled: 1." in await desk.text("details[open]")
    await fits(desk)
    async with page.expect_navigation():
        await page.locator("details[open] button[type=submit]").click()
    await page.get_by_role("heading", name="Taken back", exact=True).wait_for()

    assert "1 cancelled" in await desk.text("#figures")
    await looked_at(desk, path)
    assert await page.locator("summary", has_text="Take it back").count() == 0
    await desk.open(f"/follow-ups?batch={path.rpartition('/')[2]}&whose=all&status=cancelled")
    assert f"Gọi {word}" in await desk.text()
