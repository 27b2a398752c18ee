"""A brand name is renewed and an address renamed, from the list of senders, in a browser."""

import uuid
from typing import Any

import pytest

from tests.e2e.web.conftest import fits, looked_at


@pytest.fixture
async def advertiser(api: Any) -> str:
    """An advertiser of this test; returns its id."""
    made = await api.post(
        "/advertisers", {"name": f"Cửu Long {uuid.uuid4()}", "postal_address": "1 Lê Lợi, Huế"}
    )
    return str(made["id"])


async def sender(api: Any, advertiser: str, channel: str, address: str) -> str:
    """Add a sender; returns the address of its page."""
    given = {"advertiser_id": advertiser, "channel": channel, "address": address}
    made = await api.post("/sender-identities", given)
    return f"/senders/identities/{made['id']}"


class TestSenders:
    async def test_a_brand_name_is_renewed_from_the_list(
        self, desk: Any, api: Any, advertiser: str
    ) -> None:
        page = await sender(api, advertiser, "SMS", "CUULONG")
        await looked_at(desk, "/senders")
        await desk.page.click(f"a[href='{page}']")
        await desk.page.wait_for_url(f"**{page}")
        await fits(desk)

        await desk.page.fill("[name=expire_time]", "2020-01-01")
        await desk.press("Save")
        refused = await desk.text("#expire_time-wrong")
        typed = await desk.page.input_value("[name=expire_time]")
        await fits(desk)
        await desk.page.fill("[name=expire_time]", "2099-11-24")
        await desk.press("Save")

        assert (refused, typed) == ("Has passed", "2020-01-01")
        assert desk.page.url.endswith("/senders")
        assert "The sender was changed" in await desk.text()
        line = await desk.text(f"li:has(a[href='{page}'])")
        assert "registered until 24 Nov 2099" in line

    async def test_an_address_is_renamed_and_what_is_wrong_is_kept(
        self, desk: Any, api: Any, advertiser: str
    ) -> None:
        page = await sender(api, advertiser, "EMAIL", f"{uuid.uuid4()}@mekong.example")
        await looked_at(desk, page)
        await desk.page.fill("[name=display_name]", "Cửu Long")
        await desk.page.fill("[name=reply_to]", "lan@")
        await desk.press("Save")
        refused = await desk.text("#reply_to-wrong")
        typed = await desk.page.input_value("[name=reply_to]")
        name = await desk.page.input_value("[name=display_name]")
        await desk.page.fill("[name=reply_to]", "lan@mekong.example")
        await desk.press("Save")

        await desk.open(page)

        assert (refused, typed, name) == ("Is not an e-mail address", "lan@", "Cửu Long")
        assert await desk.page.input_value("[name=reply_to]") == "lan@mekong.example"
        assert await desk.page.input_value("[name=expire_time]") == ""
