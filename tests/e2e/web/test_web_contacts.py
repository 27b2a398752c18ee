"""Entering, finding and following up people."""

import secrets
from typing import Any

import pytest

from tests.e2e.web.conftest import person


@pytest.fixture
def digits() -> str:
    """Seven digits that no other person's number ends with."""
    return f"{secrets.randbelow(10**7):07d}"


async def _create(desk: Any, name: str, digits: str) -> str:
    return f"/contacts/{await person(desk, name, phone=f'091{digits}')}"


class TestTheList:
    async def test_it_is_searched_without_accents_while_one_types(
        self, desk: Any, digits: str
    ) -> None:
        await _create(desk, f"Đào Thị Hường {digits}", digits)
        await desk.open("/contacts")

        await desk.page.fill("#q", f"dao thi huong {digits}")
        await desk.page.wait_for_url("**q=dao*")

        assert await desk.page.locator("a.row-link").all_inner_texts() == [
            f"Đào Thị Hường {digits}"
        ]

    async def test_it_says_what_to_do_when_nobody_is_found(self, desk: Any) -> None:
        await desk.open("/contacts?q=zzzzqqqq")

        assert "Nobody found" in await desk.text()

    async def test_more_is_loaded_below_what_is_there(self, desk: Any) -> None:
        await desk.open("/contacts")

        before = await desk.page.locator("a.row-link").count()
        await desk.page.click(".more a")
        await desk.page.locator("a.row-link").nth(99).wait_for()

        assert before == 50
        assert await desk.page.locator("a.row-link").count() == 100


class TestEntering:
    async def test_every_bad_field_is_named_and_what_was_typed_is_kept(self, desk: Any) -> None:
        await desk.open("/contacts/new")
        await desk.page.fill("[name=family_name]", "Trần")
        await desk.page.fill("[name='phones[0].number']", "12")
        await desk.page.fill("[name='emails[0].address']", "nobody")
        await desk.page.fill("[name='birthday.day']", "31")
        await desk.page.fill("[name='birthday.month']", "2")

        await desk.press("Save")

        wrong = await desk.page.locator(".invalid-feedback").count()
        assert wrong == 3
        assert await desk.page.input_value("[name=family_name]") == "Trần"
        assert await desk.page.input_value("[name='phones[0].number']") == "12"
        assert await desk.findings() == []

    async def test_a_form_sent_twice_makes_one(self, desk: Any, digits: str) -> None:
        await desk.open("/contacts/new")
        await desk.page.fill("[name=display_name]", f"Twice {digits}")
        send = """async () => {
            const body = new URLSearchParams(new FormData(document.querySelector("main form")));
            const one = () => fetch(location.href, {method: "POST", body});
            return (await Promise.all([one(), one()])).map(answer => answer.url);
        }"""

        first, second = await desk.page.evaluate(send)
        await desk.open(f"/contacts?q=Twice+{digits}")

        assert first == second
        assert await desk.page.locator("a.row-link").count() == 1

    async def test_a_quick_one_needs_a_name_only(self, desk: Any, digits: str) -> None:
        await desk.open("/")

        await desk.page.keyboard.press("c")
        await desk.page.fill("#quick-form [name=display_name]", f"Quick {digits}")
        await desk.page.keyboard.press("Enter")
        await desk.page.wait_for_url("**/contacts/*-*")

        assert f"Quick {digits}" in await desk.text("h1")

    async def test_what_somebody_else_changed_is_shown_beside_mine(
        self, desk: Any, digits: str
    ) -> None:
        path = await _create(desk, f"Before {digits}", digits)
        await desk.open(f"{path}/edit")
        other = await desk.page.context.new_page()
        await other.goto(f"{desk.url}{path}/edit")
        await other.fill("[name=company]", "Theirs")
        async with other.expect_navigation():
            await other.get_by_role("button", name="Save").click()

        await desk.page.fill("[name=company]", "Mine")
        await desk.press("Save")
        shown = await desk.text(".differences")
        await desk.press("Save mine over it")

        assert "Mine" in shown
        assert "Theirs" in shown
        assert "Mine" in await desk.text()


class TestAContact:
    async def test_a_note_stands_in_its_story(self, desk: Any, digits: str) -> None:
        path = await _create(desk, f"Noted {digits}", digits)

        await desk.page.fill("[name=text]", f"Likes {digits}")
        await desk.press("Add note")

        assert desk.page.url.endswith(path)
        assert f"Likes {digits}" in await desk.text(".story")

    async def test_it_moves_on_and_becomes_a_customer(self, desk: Any, digits: str) -> None:
        await _create(desk, f"Moving {digits}", digits)

        await desk.page.select_option("[name=status]", "contacted")
        await desk.press("Change status")
        moved = await desk.text("h1")
        await desk.page.locator("summary", has_text="Convert to customer").click()
        await desk.press("Convert to customer")

        assert "Contacted" in moved
        assert "Customer" in await desk.text("h1")

    async def test_a_lost_lead_needs_a_reason(self, desk: Any, digits: str) -> None:
        await _create(desk, f"Lost {digits}", digits)

        await desk.page.select_option("[name=status]", "lost")
        await desk.press("Change status")
        refused = await desk.page.locator("[name=lost_reason][aria-invalid]").count()
        await desk.page.select_option("[name=status]", "lost")
        await desk.page.fill("[name=lost_reason]", "Too dear")
        await desk.press("Change status")

        assert refused == 1
        assert "Too dear" in await desk.text()

    async def test_consent_is_given_and_withdrawn(self, desk: Any, digits: str) -> None:
        path = await _create(desk, f"Agreed {digits}", digits)
        await desk.open(f"{path}/consents")

        await desk.page.select_option("[name=purpose] >> nth=0", "care")
        await desk.page.fill("[name=time]", "2026-01-02T10:00")
        await desk.page.fill("#method", "paper")
        await desk.page.fill("#evidence", f"form {digits}")
        await desk.press("Record a consent")
        given = await desk.text("table")
        await desk.press("Record a withdrawal")

        assert f"form {digits}" in given
        assert "Withdrawn" in await desk.text("table")


class TestFollowUps:
    async def test_one_is_planned_from_a_contact_and_completed(
        self, desk: Any, digits: str
    ) -> None:
        await _create(desk, f"Called {digits}", digits)

        await desk.page.get_by_role("main").get_by_role("link", name="New follow-up").click()
        await desk.page.fill("[name=title]", f"Call {digits}")
        await desk.press("Save")
        await desk.page.fill("[name=outcome]", "Will come on Friday")
        await desk.press("Complete")

        assert "Completed" in await desk.text("h1")
        assert "Will come on Friday" in await desk.text()

    async def test_one_without_a_title_or_a_contact_names_both(self, desk: Any) -> None:
        await desk.open("/follow-ups/new")

        await desk.press("Save")

        assert await desk.page.locator("[name=title][aria-invalid]").count() == 1
        assert await desk.page.locator("#contact_query[aria-invalid]").count() == 1

    async def test_its_contact_is_found_while_one_types(self, desk: Any, digits: str) -> None:
        await _create(desk, f"Searched {digits}", digits)
        await desk.open("/follow-ups/new")

        await desk.page.fill("[name=title]", f"Meet {digits}")
        await desk.page.fill("#contact_query", f"searched {digits}")
        await desk.page.click(".offer")
        await desk.press("Save")

        assert f"Searched {digits}" in await desk.text(".facts")
