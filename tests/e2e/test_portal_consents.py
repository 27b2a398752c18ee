"""What a customer says in the portal stops and starts messages within 5 seconds."""

import asyncio
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from crm.leads.v1 import contact_pb2, portal_service_pb2
from crm.leads.v1.portal_service_pb2_grpc import PortalServiceStub

from local.demo import job
from local.demo.api import Api
from local.running import House
from services.accounts.usecases.keyring import Keyring
from tests import customers

pytestmark = pytest.mark.timeout(300)

SECONDS = 5.0
NEVER = datetime.min.replace(tzinfo=UTC)


async def suppressed(api: Api, address: str) -> list[dict[str, Any]]:
    """The suppressions of an address that no later consent lifts: the notifier claims by them."""
    found = await api.post("/addresses:lookUp", {"address": address, "reason": "e2e"})
    given = {
        (it["advertiser_id"], it["purpose"]): datetime.fromisoformat(it["give_time"])
        for it in found["regained"]
    }
    return [
        it
        for it in found["suppressions"]
        if given.get((it["advertiser_id"], it["purpose"]), NEVER)
        <= datetime.fromisoformat(it["create_time"])
    ]


async def until(api: Api, address: str, *, count: int) -> None:
    deadline = time.monotonic() + SECONDS
    while len(await suppressed(api, address)) != count:
        assert time.monotonic() < deadline, f"not {count} within {SECONDS} s"
        await asyncio.sleep(0.05)


async def test_a_choice_in_the_portal_is_in_force_within_5_seconds(
    house: House, keyring: Keyring, api: Api
) -> None:
    address = f"{uuid.uuid4().hex}@e2e.example"
    contact = await api.post("/contacts", {"display_name": "Đào", "emails": [{"address": address}]})
    advertiser_id, _ = await job.sender(api, "EMAIL")
    token = customers.token(keyring, house, contact["id"])

    def choose(given: bool) -> None:
        request = portal_service_pb2.ChangeMyConsentRequest(
            advertiser_id=advertiser_id,
            purpose=contact_pb2.PURPOSE_CARE,
            channel=contact_pb2.CHANNEL_EMAIL,
            given=given,
        )
        with grpc.insecure_channel(house.state["grpc"]["leads"]) as channel:
            PortalServiceStub(channel).ChangeMyConsent(
                request, metadata=[("authorization", f"Bearer {token}")]
            )

    choose(True)
    assert await suppressed(api, address) == []

    choose(False)
    await until(api, address, count=1)
    (one,) = await suppressed(api, address)
    assert (one["purpose"], one["reason"]) == ("CARE", "withdrawn")

    choose(True)
    await until(api, address, count=0)
