"""A person who is in every service is erased, and nothing of them is found anywhere."""

import asyncio
import re
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import grpc
import pytest
from crm.interactions.v1 import portal_service_pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub

from local.demo import job
from local.demo.api import Api, Json, Refused
from local.running import House
from services.accounts.usecases.keyring import Keyring
from tests import customers
from tests.e2e.searching import search
from tests.e2e.test_unsubscribing import link

pytestmark = pytest.mark.timeout(600)

# Nobody else in any file of ours is called so.
FAMILY, GIVEN = "Quách", "Thị Huyền Vi Diệu"
NAME = f"{FAMILY} {GIVEN}"
NUMBER, PHONE = "0987 123 654", "+84987123654"
SECONDS = 300.0


class Life:
    """What a person goes through before they ask to be forgotten."""

    def __init__(self, api: Api, house: House, folder: Path) -> None:
        self.api = api
        self.email = f"vi.dieu.{uuid.uuid4().hex[:10]}@e2e.example"
        self._house = house
        self._folder = folder

    async def imported(self, code: str = "") -> Json:
        """Come by a file, with consent; returns the contact."""
        head = "Họ,Tên,Số điện thoại,Email,Bằng chứng đồng ý"
        row = f"{FAMILY},{GIVEN},{NUMBER},{self.email},{NAME} ký {code}"
        file = self._folder / f"{uuid.uuid4().hex}.csv"
        file.write_text(f"{head}\n{row}\n", "utf-8")
        ended = await job.bring_in(self.api, file, lambda *_: None, dry_run=False)
        assert ended["state"] == "COMPLETED", ended
        found = await self.api.get("/contacts", query=self.email)
        (contact,) = found["contacts"]
        return dict(contact)

    async def consents(self, contact: Json) -> None:
        """Agree to be cared for, by both channels."""
        advertiser_id, _ = await job.sender(self.api, "EMAIL")
        for channel in ("EMAIL", "SMS"):
            entry = {
                "advertiser_id": advertiser_id,
                "purpose": "CARE",
                "channel": channel,
                "time": "2026-01-02T03:04:05Z",
                "method": "paper",
                "evidence": f"form of {NAME}",
            }
            await self.api.post(f"/contacts/{contact['id']}/consents:give", entry)

    async def spoken_of(self, contact: Json) -> None:
        """Be called, noted and planned for, and looked up."""
        one = contact["id"]
        plan = {"title": f"Gọi {NAME}", "type": "CALL", "start_time": "2030-01-02T03:04:05Z"}
        await self.api.post("/follow-ups", {**plan, "contact_ids": [one], "description": PHONE})
        await self.api.post(f"/contacts/{one}/notes", {"text": f"{NAME} hỏi giá, {self.email}"})
        call = {"contact_id": one, "kind": "CALL", "text": f"{NAME} bận"}
        await self.api.post("/interactions", {"interaction": call})
        await self.api.post(
            "/addresses:lookUp", {"address": self.email, "reason": f"{NAME} gọi hỏi"}
        )

    async def offered(self, contact: Json) -> None:
        """Get a proposal by mail."""
        advertiser_id, identity_id = await job.sender(self.api, "EMAIL")
        blocks = [{"text": "Kính gửi {{ display_name }}"}]
        name = f"Báo giá {uuid.uuid4()}"
        template = await self.api.post("/proposal-templates", {"name": name, "blocks": blocks})
        line = {"description": "Máy lọc", "quantity": "1", "unit_price": 99_000, "vat_rate": "8"}
        draft = await self.api.post(
            "/proposals",
            {
                "title": f"Máy lọc cho {NAME}",
                "contact_id": contact["id"],
                "template_id": template["id"],
                "lines": [line],
                "valid_until": "2099-12-31",
            },
        )
        by = {"advertiser_id": advertiser_id, "sender_identity_id": identity_id}
        await self.api.post(f"/proposals/{draft['id']}:send", by)
        await self.until(
            lambda: self.api.get(f"/proposals/{draft['id']}"), lambda it: it["state"] == "SENT"
        )

    async def written_to(self, contact: Json, channel: str) -> Json:
        """Be whom a campaign is for; returns the run when it has ended."""
        advertiser_id, identity_id = await job.sender(self.api, channel)
        campaign = await self.api.post(
            "/campaigns",
            {
                "name": f"Thư {uuid.uuid4()}",
                "channel": channel,
                "purpose": "CARE",
                "advertiser_id": advertiser_id,
                "sender_identity_id": identity_id,
                "template_id": await job.template(self.api, channel),
                "audience": {"contact_ids": [contact["id"]]},
            },
        )
        run = await self.api.post(f"/campaigns/{campaign['id']}:start", {}, key=str(uuid.uuid4()))
        return await job.follow(self.api, run["id"], channel, lambda *_: None)

    async def signs_in(self, contact: Json) -> aiohttp.ClientSession:
        """Be invited to the portal and come in by the link; returns a browser that is signed in."""
        await self.api.post("/contact-logins", {"contact_id": contact["id"], "channel": "EMAIL"})
        address = await self.until(self._invitation, bool)
        home = urlsplit(address)
        origin = f"{home.scheme}://{home.netloc}"
        browser = aiohttp.ClientSession(origin, cookie_jar=aiohttp.CookieJar(unsafe=True))
        async with browser.post(home.path, data={}, headers={"Origin": origin}) as entered:
            assert entered.status == 200
            assert entered.url.path == "/portal"
        return browser

    async def _invitation(self) -> str:
        async with aiohttp.ClientSession(self._house.state["inbox_url"]) as http:
            query = {"channel": "email", "q": self.email}
            async with http.get("/api/messages", params=query) as answer:
                found = (await answer.json())["items"]
            for it in found:
                async with http.get(f"/api/messages/{it['seq']}") as answer:
                    written = (await answer.json())["text"]
                if link := re.search(r"http\S+/portal/welcome/\S+", written):
                    return link[0]
        return ""

    async def asks(self, contact: Json, keyring: Keyring) -> None:
        """Ask something in the portal and be answered."""
        token = customers.token(keyring, self._house, contact["id"])
        asked = portal_service_pb2.CreateMyRequestRequest(
            subject=f"{NAME} hỏi", text=f"Gọi {NUMBER}"
        )
        async with grpc.aio.insecure_channel(self._house.state["grpc"]["interactions"]) as channel:
            made = await PortalServiceStub(channel).CreateMyRequest(
                asked, metadata=[("authorization", f"Bearer {token}")]
            )
        await self.api.post(f"/requests/{made.id}:reply", {"text": f"Chào {NAME}"})

    async def unsubscribes(self) -> None:
        """Use the link of the newest campaign's mail."""
        async with aiohttp.ClientSession(self._house.state["inbox_url"]) as http:
            query = {"channel": "email", "q": self.email}
            async with http.get("/api/messages", params=query) as answer:
                found = (await answer.json())["items"]
            for it in found:
                async with http.get(f"/api/messages/{it['seq']}") as answer:
                    mail = await answer.json()
                if any(name.lower() == "list-unsubscribe-post" for name, _ in mail["headers"]):
                    async with aiohttp.ClientSession() as web:
                        post = web.post(link(mail), data={"List-Unsubscribe": "One-Click"})
                        async with post as done:
                            assert done.status == 200
                    return
        raise AssertionError("no mail has a link")

    async def until(self, ask: Any, true: Any) -> Any:
        """Ask until the answer is as wanted."""
        ends = time.monotonic() + SECONDS
        while True:
            found = await ask()
            if true(found):
                return found
            assert time.monotonic() < ends, found
            await asyncio.sleep(0.5)


@pytest.fixture
async def life(api: Api, house: House, tmp_path: Path) -> AsyncIterator[Life]:
    house.change("leads", {"MEKONG_ERASURE_SETTLE_SECONDS": "5"})
    house.kill("leads")
    yield Life(api, house, tmp_path)
    house.change("leads", {})


class TestErasing:
    async def test_a_search_of_everything_finds_nothing_and_refusals_stay(
        self, life: Life, house: House, keyring: Keyring
    ) -> None:
        await life.until(lambda: _ready(life.api), bool)
        contact = await life.imported()
        await life.consents(contact)
        await life.spoken_of(contact)
        await life.offered(contact)
        for channel in ("EMAIL", "SMS"):
            run = await life.written_to(contact, channel)
            assert run["state"] == "COMPLETED"
        await life.unsubscribes()
        browser = await life.signs_in(contact)
        await life.asks(contact, keyring)
        words = [NAME, GIVEN, life.email, PHONE, PHONE[3:], f"0{PHONE[3:]}", NUMBER]
        before = await search(house, words)
        assert {it.split(".")[0] for it in before if "." in it} >= {
            *("leads", "interactions", "campaigns", "notifier", "accounts")
        }
        assert any(it.startswith("stream ") for it in before)

        ordered = await life.api.post(
            f"/contacts/{contact['id']}:erase",
            {"reason": "REQUESTED", "confirm": contact["reference_code"]},
        )
        done = await life.until(
            lambda: life.api.get(f"/erasures/{ordered['id']}"), lambda it: it["state"] == "DONE"
        )

        assert "\n".join(await search(house, words)) == ""
        async with browser, browser.get("/portal") as left:
            assert left.url.path != "/portal"
        parts = {it["name"]: it for it in done["parts"]}
        reported = {it["kind"] for it in parts["interactions"]["erased"]}
        assert reported >= {"follow_ups", "written_notes", "interactions", "requests", "proposals"}
        assert any(it["kind"] == "logins" for it in parts["accounts"]["erased"])
        assert set(parts) == {
            *("accounts", "campaigns", "interactions", "leads", "notifier", "streams")
        }
        assert all(it["clean"] for it in parts.values())
        assert (await life.api.get("/audit-entries:verify"))["intact"]

        again = await life.imported("lại")
        run = await life.written_to(again, "EMAIL")
        assert run["counts"]["skipped"] == 1


async def _ready(api: Api) -> bool:
    try:
        await api.get("/erasures")
    except (Refused, aiohttp.ClientError):  # leads is starting
        return False
    return True
