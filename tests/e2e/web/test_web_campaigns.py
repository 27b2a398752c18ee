"""A file and a campaign, from the first page to the last figure."""

import secrets
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60_000


@pytest.fixture
def word() -> str:
    """A word that only this test uses."""
    return secrets.token_hex(4)


@pytest.fixture
def file(tmp_path: Path, word: str) -> Path:
    """Three people that can be stored, one of whom twice, and one that cannot."""
    start = secrets.randbelow(10**5) * 10
    rows = [
        f"Nguyễn Văn {word},091{start:07d},a{word}@example.vn",
        f"Lê Thị {word},091{start + 1:07d},b{word}@example.vn",
        f"Phạm {word},091{start + 2:07d},c{word}@example.vn",
        f"Phạm {word},091{start + 2:07d},c{word}@example.vn",
        f"Bad {word},12,d{word}@example.vn",
    ]
    path = tmp_path / f"people {word}.csv"
    path.write_text("Họ và tên,Số điện thoại,Email\n" + "\n".join(rows) + "\n", "utf-8")
    return path


async def _import(desk: Any, file: Path, tag: str) -> None:
    await desk.open("/imports")
    await desk.page.set_input_files("#file", file)
    await desk.page.get_by_role("button", name="Upload").click()
    await desk.page.wait_for_url("**/imports/*-*")
    await desk.page.fill("[name=tags]", tag)
    await desk.page.select_option("[name=advertiser_id]", index=1)
    await desk.page.fill("[name=evidence]", f"paper form {tag}")
    await desk.page.check("[name=purposes][value=care]")
    await desk.page.check("[name=channels][value=email]")
    await desk.press("Dry run")
    await desk.page.wait_for_selector("#ledger", timeout=SECONDS)


class TestAnImport:
    async def test_it_says_what_would_happen_then_does_it_and_the_ledger_sums(
        self, desk: Any, file: Path, word: str
    ) -> None:
        await _import(desk, file, word)
        before = await desk.text()

        await desk.press("Import 3 contacts")
        await desk.page.get_by_role("link", name="See the contacts").wait_for(timeout=SECONDS)
        after = await desk.text()
        await desk.open(f"/contacts?tag={word}")

        assert "would be created" in before
        assert "5 rows = 3 created + 0 updated + 1 skipped + 1 rejected" in after
        assert "Phone: Is not a valid phone number (VN)" in after
        assert await desk.page.locator("a.row-link").count() == 3

    async def test_a_file_of_another_kind_is_refused_with_a_reason(
        self, desk: Any, tmp_path: Path
    ) -> None:
        wrong = tmp_path / "picture.csv"
        wrong.write_bytes(bytes(range(256)) * 40)
        await desk.open("/imports")

        await desk.page.set_input_files("#file", wrong)
        await desk.page.get_by_role("button", name="Upload").click()

        await desk.page.wait_for_selector("#refused [role=alert]")
        assert "cannot be read" in await desk.text("#refused")


async def _draft(desk: Any, word: str, tag: str, per_second: str = "") -> None:
    await desk.open("/templates/new?channel=email")
    await desk.page.fill("[name=name]", f"Letter {word}")
    await desk.page.fill("[name=subject]", "Hello {{ display_name }}")
    await desk.page.fill("[name=html]", "<p>Dear {{ display_name }}, thank you.</p>")
    await desk.press("Save")
    await desk.open("/campaigns/new")
    await desk.page.fill("[name=name]", f"Campaign {word}")
    option = desk.page.locator("#sender_identity_id option[data-when^='channel=email']").first
    await desk.page.select_option("#sender_identity_id", await option.get_attribute("value"))
    await desk.page.select_option("#template_id", label=f"Letter {word} (E-mail)")
    if tag:
        await desk.page.check("[name=audience_kind][value=tag]")
        await desk.page.fill("[name=tag]", tag)
    await desk.page.fill("[name=max_per_second]", per_second)
    await desk.press("Review")


class TestACampaign:
    async def test_it_is_reviewed_started_and_every_figure_opens_its_rows(
        self, desk: Any, file: Path, word: str
    ) -> None:
        await _import(desk, file, word)
        await desk.press("Import 3 contacts")
        await desk.page.get_by_role("link", name="See the contacts").wait_for(timeout=SECONDS)
        await _draft(desk, word, word)
        review = await desk.text()
        samples = desk.page.frame_locator("iframe[title='As people will see it']")
        await samples.get_by_text(f"Hello Lê Thị {word}").wait_for()

        await desk.press("Start sending")
        await desk.page.wait_for_selector("#figures[data-state=completed]", timeout=SECONDS)
        run = await desk.text("#figures")
        await desk.page.locator(".count", has_text="Accepted").click()
        await desk.page.wait_for_url("**/recipients?state=accepted")

        assert "3 in the audience = 3 get it + 0 left out" in review
        assert "3 in the audience = 3 planned + 0 left out" in run
        assert await desk.page.locator("tbody tr").count() == 3

    async def test_it_is_paused_resumed_and_cancelled(self, desk: Any, word: str) -> None:
        await _draft(desk, word, "", per_second="1")
        await desk.press("Start sending")
        await desk.page.wait_for_selector("#figures[data-state=sending]", timeout=SECONDS)

        await desk.press("Pause")
        await desk.page.wait_for_selector("#figures[data-state=paused]", timeout=SECONDS)
        paused = await desk.text()
        await desk.press("Resume")
        await desk.page.wait_for_selector("#figures[data-state=sending]", timeout=SECONDS)
        await desk.page.locator("summary", has_text="Cancel the run").click()
        await desk.press("Cancel the run")
        await desk.page.wait_for_selector("#figures[data-state=cancelled]", timeout=SECONDS)

        assert "No submission starts any more" in paused
        assert "Cancelled" in await desk.text("#figures")

    async def test_a_template_that_does_not_parse_is_refused_and_kept(
        self, desk: Any, word: str
    ) -> None:
        await desk.open("/templates/new?channel=email")
        await desk.page.fill("[name=name]", f"Broken {word}")
        await desk.page.fill("[name=subject]", "Hello")
        await desk.page.fill("[name=html]", "{{ display_name")

        await desk.press("Save")

        assert await desk.page.input_value("[name=html]") == "{{ display_name"
        assert await desk.page.locator("[role=alert]").count() >= 1

    async def test_a_template_is_previewed_before_it_is_stored(self, desk: Any) -> None:
        await desk.open("/templates/new?channel=sms")
        await desk.page.check("[name=channel][value=sms]")
        await desk.page.fill("#sms_text", "Xin chào {{ display_name }}")

        await desk.page.get_by_role("button", name="Preview").click()

        frame = desk.page.frame_locator("iframe[name=preview]")
        await frame.get_by_text("Xin chào").wait_for()
        assert "1 part(s), UCS2" in await frame.locator("body").inner_text()

    async def test_a_form_without_anything_names_what_is_missing(self, desk: Any) -> None:
        await desk.open("/campaigns/new")

        await desk.press("Review")

        for name in ("name", "sender_identity_id", "template_id"):
            assert await desk.page.locator(f"[name={name}][aria-invalid]").count() == 1


class TestASegment:
    async def test_it_is_counted_while_it_is_made(self, desk: Any, word: str) -> None:
        await desk.open("/segments/new")

        await desk.page.fill("[name=name]", f"Segment {word}")
        await desk.page.fill("[name=tags]", f"nobody-has-{word}")
        await desk.page.press("[name=tags]", "Tab")
        await desk.page.get_by_text("0 contacts match now").wait_for()
        await desk.press("Save")

        assert f"nobody-has-{word}" in await desk.text()
