"""The link of a mail stops the next campaign, and only when it is posted to."""

import asyncio
import re
import uuid
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from local.demo import job
from local.demo.api import Api
from local.running import House

pytestmark = pytest.mark.timeout(300)


@dataclass
class Desk:
    """Sends campaigns of care to named people, and reads what the mail server got."""

    api: Api
    inbox_url: str

    async def person(self) -> dict[str, Any]:
        """Return a new contact who agreed to mails of care."""
        address = f"{uuid.uuid4().hex}@e2e.example"
        contact = await self.api.post(
            "/contacts", {"display_name": "Đào", "emails": [{"address": address}]}
        )
        advertiser_id, _ = await job.sender(self.api, "EMAIL")
        entry = {
            "advertiser_id": advertiser_id,
            "purpose": "CARE",
            "channel": "EMAIL",
            "time": "2026-01-02T03:04:05Z",
            "method": "paper",
            "evidence": "form 1",
        }
        await self.api.post(f"/contacts/{contact['id']}/consents:give", entry)
        return {**contact, "address": address}

    async def send(self, *people: dict[str, Any]) -> None:
        """Run a campaign to these people to its end."""
        advertiser_id, identity_id = await job.sender(self.api, "EMAIL")
        campaign = await self.api.post(
            "/campaigns",
            {
                "name": f"Thư {uuid.uuid4()}",
                "channel": "EMAIL",
                "purpose": "CARE",
                "advertiser_id": advertiser_id,
                "sender_identity_id": identity_id,
                "template_id": await job.template(self.api, "EMAIL"),
                "audience": {"contact_ids": [it["id"] for it in people]},
            },
        )
        run = await self.api.post(f"/campaigns/{campaign['id']}:start", {}, key=str(uuid.uuid4()))
        await job.follow(self.api, run["id"], "EMAIL", lambda *_: None)

    async def mails(self, person: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the mails to a person, newest first, with their headers."""
        async with aiohttp.ClientSession(self.inbox_url) as http:
            query = {"channel": "email", "q": person["address"]}
            async with http.get("/api/messages", params=query) as answer:
                found = (await answer.json())["items"]
            return list(await asyncio.gather(*(self._mail(http, it["seq"]) for it in found)))

    async def _mail(self, http: aiohttp.ClientSession, seq: int) -> dict[str, Any]:
        async with http.get(f"/api/messages/{seq}") as answer:
            mail: dict[str, Any] = await answer.json()
        return mail


@pytest.fixture
def desk(house: House, api: Api) -> Desk:
    return Desk(api, house.state["inbox_url"])


def link(mail: dict[str, Any]) -> str:
    headers = {name.lower(): value for name, value in mail["headers"]}
    assert headers["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    found = re.search(r"<(https?://[^>]+)>", re.sub(r"\s", "", headers["list-unsubscribe"]))
    assert found is not None
    return found[1]


class TestTheLinkOfAMail:
    async def test_opening_it_changes_nothing(self, desk: Desk) -> None:
        person = await desk.person()
        await desk.send(person)
        address = link((await desk.mails(person))[0])

        async with aiohttp.ClientSession() as http:
            for method in ("GET", "HEAD"):
                async with http.request(method, address) as answer:
                    assert answer.status == 200

        await desk.send(person)
        assert len(await desk.mails(person)) == 2

    async def test_one_click_stops_the_next_campaign_for_that_person_only(self, desk: Desk) -> None:
        leaves, stays = await desk.person(), await desk.person()
        await desk.send(leaves, stays)
        address = link((await desk.mails(leaves))[0])

        async with (
            aiohttp.ClientSession() as http,
            http.post(address, data={"List-Unsubscribe": "One-Click"}) as answer,
        ):
            assert answer.status == 200

        await desk.send(leaves, stays)
        assert len(await desk.mails(leaves)) == 1
        assert len(await desk.mails(stays)) == 2
