"""The portal's whole life on a phone: invited, looked at, changed, asked, answered, taken along."""

import json
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.e2e.web.conftest import PHONE, looked_at, mailed, person

PLACES = (
    *("", "/profile", "/preferences", "/proposals", "/appointments", "/appointments?past=1"),
    *("/purchases", "/requests", "/my-data", "/erase"),
)


@pytest.fixture
def word() -> str:
    """A word that only this test uses."""
    return secrets.token_hex(4)


async def _customer(desk: Any, phone: Any, staff: Any, api: Any, word: str) -> str:
    """Invites a customer by e-mail and comes in by the link; returns the contact's id."""
    email = f"khach-{word}@kh.example"
    contact = await person(desk, f"Khách {word}", email=email)
    await api.post("/contact-logins", {"contact_id": contact, "channel": "EMAIL"})
    link = await mailed(staff.inbox_url, email, "/portal/welcome/")
    assert await phone.open(urlsplit(link).path) == 200
    async with phone.page.expect_navigation():
        await phone.page.locator("main form button[type=submit]").first.click()
    assert urlsplit(phone.page.url).path == "/portal"
    return contact


async def _proposal(api: Any, contact: str, word: str) -> str:
    form = await api.post(
        "/proposal-templates", {"name": f"Mẫu {word}", "blocks": [{"text": "Kính gửi"}]}
    )
    line = {"description": "Máy lọc", "quantity": "1", "unit_price": 500_000, "vat_rate": "NONE"}
    draft = {"title": f"Báo giá {word}", "contact_id": contact, "template_id": form["id"]}
    made = await api.post("/proposals", {**draft, "lines": [line], "valid_until": "2099-12-31"})
    identities = (await api.get("/sender-identities"))["sender_identities"]
    sender = next(it for it in identities if it["channel"] == "EMAIL")
    by = {"advertiser_id": sender["advertiser_id"], "sender_identity_id": sender["id"]}
    await api.post(f"/proposals/{made['id']}:send", by)
    return str(made["id"])


async def _met(api: Any, contact: str) -> str:
    start = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    meeting = {"type": "MEETING", "title": "Xem căn hộ", "start_time": start}
    planned = await api.post(
        "/follow-ups", {**meeting, "contact_ids": [contact], "description": "khách khó tính"}
    )
    return str(planned["id"])


async def test_a_customer_lives_in_the_portal_on_a_phone(
    desk: Any, phone: Any, staff: Any, api: Any, word: str, tmp_path: Path
) -> None:
    contact = await _customer(desk, phone, staff, api, word)
    offer, meeting = await _proposal(api, contact, word), await _met(api, contact)
    page = phone.page

    for place in PLACES:
        await looked_at(phone, f"/portal{place}")
    await phone.resize(PHONE)
    await phone.open("/portal?lang=vi")
    home = await phone.text()
    assert "Cuộc gặp" in home
    assert "Xem căn hộ" not in home
    assert f"Báo giá {word}" in home

    # Profile: a province that is none stays typed with its reason, then it is stored.
    await phone.open("/portal/profile")
    await page.fill("[name=salutation]", "Cô")
    await page.fill("[name='address.province']", "Atlantis")
    await phone.press("Lưu")
    assert await page.input_value("[name='address.province']") == "Atlantis"
    await page.fill("[name='address.province']", "Huế")
    await phone.press("Lưu")
    kept = await api.get(f"/contacts/{contact}")
    assert (kept["salutation"], kept["address"]["province"]) == ("Cô", "Thành phố Huế")

    # Consents: given and withdrawn in the ledger that staff see.
    await phone.open("/portal/preferences")
    await phone.press("Đồng ý")
    await phone.press("Ngừng nhận")
    ledger = (await api.get(f"/contacts/{contact}/consents"))["entries"]
    assert [(it["action"], it["actor"], it["evidence"]) for it in ledger] == [
        ("WITHDRAWN", "contact", "portal"),
        ("GIVEN", "contact", "portal"),
    ]

    # Another time of the meeting.
    await phone.open(f"/portal/appointments/{meeting}")
    assert "khách khó tính" not in await phone.text()
    await page.fill("[name=text]", "Chiều thứ sáu được không?")
    await phone.press("Xin đổi giờ")
    assert "Chiều thứ sáu" in await phone.text()
    await looked_at(phone, urlsplit(page.url).path)
    await looked_at(phone, f"/portal/appointments/{meeting}")

    # The proposal.
    await phone.resize(PHONE)
    await phone.open(f"/portal/proposals/{offer}?lang=vi")
    await page.fill("#name", "Khách")
    await phone.press("Chấp nhận báo giá")
    assert "đã được chấp nhận" in await phone.text()
    await looked_at(phone, f"/portal/proposals/{offer}")

    # A request, and its answer by staff.
    await phone.resize(PHONE)
    await phone.open("/portal/requests?lang=vi")
    await page.fill("[name=subject]", f"Bảo hành {word}")
    await page.fill("[name=text]", "Máy kêu to")
    await phone.press("Gửi")
    asked = urlsplit(page.url).path
    await desk.open(f"/requests/{asked.rpartition('/')[2]}")
    await desk.page.fill("[name=text]", "Mai có thợ đến")
    await desk.press("Answer")
    await looked_at(desk, urlsplit(desk.page.url).path)
    await phone.open(asked)
    assert "Mai có thợ đến" in await phone.text()
    await page.fill("[name=text]", "Cảm ơn")
    await phone.press("Trả lời")
    await desk.open(f"/contacts/{contact}?lang=en")
    assert f"Bảo hành {word}" in await desk.text("#story, main")

    # All of it, taken along.
    await phone.open("/portal/my-data")
    async with page.expect_download() as downloading:
        await page.get_by_role("button", name="Tải dữ liệu của tôi").click()
    file = tmp_path / "my-data.json"
    await (await downloading.value).save_as(file)
    taken = json.loads(file.read_text("utf-8"))
    parts = {"login", "session", "profile", "details", "consent", "appointment", "request"}
    assert {it["what"] for it in taken} >= parts
    assert "khách khó tính" not in file.read_text("utf-8")

    # Erasure: nothing without being sure, then a request with a notice for staff.
    await phone.open("/portal/erase")
    await phone.press("Yêu cầu xóa dữ liệu")
    await page.check("[name=sure]")
    await phone.press("Yêu cầu xóa dữ liệu")
    await desk.open(f"/requests/{urlsplit(page.url).path.rpartition('/')[2]}?lang=en")
    assert "everything kept of them be erased" in await desk.text()

    # And out.
    await phone.open("/portal")
    await phone.press("Đăng xuất")
    await phone.open("/portal/requests")
    assert urlsplit(page.url).path == "/portal/sign-in"
