"""Something that recurs: planned, looked at, one time left out, paused, and ended."""

import secrets
from typing import Any

from tests.e2e.web.conftest import looked_at, person


async def test_a_series_is_looked_at_in_each_of_its_states(desk: Any) -> None:
    word, page = secrets.token_hex(4), desk.page
    contact = await person(desk, f"Đào {word}")
    await desk.open(f"/series/new?contact={contact}")
    await page.fill("[name=title]", f"Gọi {word}")
    await page.fill("[name=start]", "2032-01-02T09:00")
    await desk.press("Save")
    path = page.url.removeprefix(desk.url)
    await looked_at(desk, path)
    await looked_at(desk, f"{path}/edit")
    await looked_at(desk, f"/series?contact={contact}")

    await desk.open(path)
    await page.locator("summary", has_text="Skip").first.click()
    async with page.expect_navigation():
        await page.locator("details[open] button[type=submit]").click()
    assert "2 Jan 2032" in await desk.text("section:has(#facts)")
    assert "2 Jan 2032" not in await desk.text("section:has(#next)")
    await looked_at(desk, path)

    await desk.open(path)
    await desk.press("Pause")
    assert "It is paused" in await desk.text("section:has(#next)")
    await looked_at(desk, path)

    await page.locator("summary", has_text="Delete").click()
    async with page.expect_navigation():
        await page.locator("details[open] button[type=submit]").click()
    assert await desk.open(path) == 404
