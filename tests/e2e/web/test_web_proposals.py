"""A proposal's whole life: written, sent, read on a phone, remarked on, accepted, told of."""

import asyncio
import io
import re
import secrets
import time
from typing import Any

import pypdf
import pytest

from tests.e2e.web.conftest import PHONE, fits, looked_at, mailed, person

SECONDS = 60.0
LINES = (
    ("Máy lọc nước", "2", "cái", "1,250,000", "10%", "8"),
    ("Lắp đặt", "1.5", "giờ", "333,333", "", "10"),
    ("Vận chuyển", "1", "", "120,000", "", "none"),
)
# By hand: 2,250,000 + 500,000 (499,999.5 half up) + 120,000; VAT 180,000 and 50,000.
NET, VAT_8, VAT_10, TOTAL = "2,870,000 ₫", "180,000 ₫", "50,000 ₫", "3,100,000 ₫"
TOTAL_VI = "3.100.000 ₫"
PDF, PNG = b"%PDF-1.7 gi\xc3\xa1", b"\x89PNG\r\n\x1a\n"
STAGE = 3  # of the life stages that a new house has: it implies that the lead is qualified


@pytest.fixture
def word() -> str:
    """A word that only this test uses."""
    return secrets.token_hex(4)


async def _template(desk: Any, word: str) -> str:
    await desk.open("/proposal-templates/new")
    await desk.page.fill("[name=name]", f"Mẫu {word}")
    await desk.page.fill(
        "[name=block_text] >> nth=0", "Kính gửi {{ recipient_name }}, số {{ number }}"
    )
    await desk.press("Save")
    return str(desk.page.url.removeprefix(desk.url))


async def _attach(desk: Any, path: str, name: str, data: bytes) -> None:
    """Adds a file on the page of a template or a draft; one that is none of its kind first."""
    page = desk.page
    await desk.open(path)
    for content in (b"MZ", data):
        file = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
        await page.set_input_files("#file", file)
        if content is not data:
            await page.get_by_role("button", name="Attach").click()
            await page.locator("#refused", has_text="The file is not what its name says").wait_for()
    await desk.press("Attach")
    await page.get_by_text("The file was attached.").wait_for()


async def _draft(desk: Any, contact: str, word: str) -> tuple[str, str]:
    """Writes a proposal for a contact; returns its page and the stage that it moves them to."""
    page = desk.page
    await desk.open(f"/proposals/new?contact={contact.rpartition('/')[2]}")
    await page.fill("[name=title]", f"Báo giá {word}")
    await page.select_option("#template_id", label=f"Mẫu {word}")
    await page.select_option("#accepted_life_stage_id", index=STAGE)
    stage = await page.text_content("#accepted_life_stage_id option:checked") or ""
    fields = ("description", "quantity", "unit", "unit_price", "discount")
    for at, line in enumerate(LINES):
        for name, value in zip(fields, line, strict=False):
            await page.fill(f"[name=line_{name}] >> nth={at}", value)
        await page.select_option(f"[name=line_vat_rate] >> nth={at}", line[-1])
    await page.locator("#totals", has_text=TOTAL).wait_for()
    await page.get_by_role("button", name="Preview").click()
    await page.locator("#look article", has_text=TOTAL_VI).wait_for()
    preview = await desk.text("#look")
    assert f"Kính gửi Đào {word}" in preview
    await fits(desk)
    await desk.press("Save")
    return str(page.url.removeprefix(desk.url)), stage.strip()


async def _answer(phone: Any, link: str, word: str) -> None:
    """Reads the proposal on a phone, remarks, and accepts it."""
    page, path = phone.page, link.removeprefix(phone.url)
    for language in ("en", "vi"):
        async with page.expect_response("**/seen"):
            assert await phone.open(f"{path}?lang={language}") == 200
        assert await phone.findings() == [], language
        assert await phone.width() <= PHONE
        assert TOTAL_VI in await phone.text("article")
    await page.locator("summary", has_text="Câu hỏi hoặc góp ý").click()
    await page.fill("#text", f"Giao thứ hai được không? {word}")
    await phone.press("Gửi")
    await page.get_by_text("Góp ý của bạn đã được chuyển đi").wait_for()
    await page.fill("#name", f"Trần Thị {word}")
    await phone.press("Chấp nhận báo giá")
    await page.get_by_text("Chấp nhận của bạn đã được ghi nhận").wait_for()
    assert await phone.findings() == []
    assert phone.troubles == []


async def _files(phone: Any, link: str) -> dict[str, bytes]:
    """What the customer keeps by pressing each file on the page."""
    await phone.open(link.removeprefix(phone.url))
    found = {}
    for one in await phone.page.locator(".files a").all():
        async with phone.page.expect_download() as begun:
            await one.click()
        download = await begun.value
        path = await download.path()
        found[download.suggested_filename] = await asyncio.to_thread(path.read_bytes)
    return found


async def _pdf(phone: Any, link: str) -> str:
    """What the customer's document says, without spaces."""
    answer = await phone.page.context.request.get(f"{link}/pdf")
    assert answer.headers["content-type"] == "application/pdf"
    read = pypdf.PdfReader(io.BytesIO(await answer.body()))
    return _flat("".join(it.extract_text() for it in read.pages).replace("\u200b", ""))


def _flat(text: str) -> str:
    """A text without its spaces, which a PDF has where it likes."""
    return "".join(text.split())


async def _until(desk: Any, path: str, said: str) -> str:
    """Returns what a page says once it says this."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        await desk.open(path)
        if said in (text := str(await desk.text())):
            return text
        await asyncio.sleep(0.2)
    raise TimeoutError(f"{path} never said {said}")


class TestAProposal:
    async def test_it_is_written_sent_read_remarked_on_accepted_and_told_of(
        self, desk: Any, phone: Any, staff: Any, word: str
    ) -> None:
        contact = "/contacts/" + await person(desk, f"Đào {word}", email=f"{word}@e2e.example")
        template = await _template(desk, word)
        await _attach(desk, template, "Bảng giá.pdf", PDF)
        proposal, stage = await _draft(desk, contact, word)
        drafted = await desk.text()
        await _attach(desk, proposal, "Ảnh <1>.png", PNG)
        for path in (template, proposal, f"{proposal}/edit"):
            await looked_at(desk, path)

        await desk.open(proposal)
        await desk.page.select_option("[name=sender]", index=0)
        await desk.page.fill("[name=message]", f"Mời xem {word}")
        await desk.press("Send")
        link = await mailed(staff.inbox_url, f"{word}@e2e.example", "/p/")
        await _answer(phone, link, word)

        told = await _until(desk, proposal, "Contact moved to its life stage")
        number = re.search(r"BG-\d{4}-\d{5}", told)
        assert number is not None
        for said in (NET, VAT_8, VAT_10, TOTAL):
            assert said in drafted
            assert said in told
        assert f"Remark of the customer: Giao thứ hai được không? {word}" in told
        assert f"Accepted: Trần Thị {word}" in told
        assert "The customer looked at it" in told
        assert await _files(phone, link) == {"Bảng giá.pdf": PDF, "Ảnh _1_.png": PNG}
        printed = await _pdf(phone, link)
        for said in (number.group(), f"Báo giá {word}", f"Đào {word}", TOTAL_VI, "2.870.000 ₫"):
            assert _flat(said) in printed
        story = await _until(desk, contact, f"→ {stage}")
        assert "Qualified" in await desk.text("h1")
        assert f"{number.group()} · Báo giá {word} · Accepted · Trần Thị {word}" in story
        await looked_at(desk, proposal)
