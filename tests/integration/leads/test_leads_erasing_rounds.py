"""A round of an erasure loses nothing: neither whom to look for nor what others said."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import erasure_service_pb2 as pb
from crm.leads.v1.erasure_pb2 import ERASURE_STATE_RUNNING
from sqlalchemy import text

from chassis.config import ServiceSettings
from tests.integration.leads.conftest import Leads
from tests.integration.leads.erasing_parts import ScriptedPeers, eraser, order

EMAIL = "hoa.rat.rieng@example.vn"


@pytest.fixture
async def hoa(leads: Leads) -> Any:
    return await leads.contact(display_name="Trần Thị Hoa", email=EMAIL)


async def due(leads: Leads) -> None:
    """Let the next round begin now."""
    async with leads.sessions.begin() as session:
        await session.execute(text("UPDATE erasures SET try_time = now()"))


async def got(leads: Leads, erasure_id: str) -> Any:
    return await leads.erasures.GetErasure(pb.GetErasureRequest(id=erasure_id))


class TestSealed:
    async def test_who_cannot_open_it_leaves_it_for_who_can(
        self,
        leads: Leads,
        hoa: contact_pb2.Contact,
        leads_settings: ServiceSettings,
        nats_url: str,
    ) -> None:
        made = await order(leads, hoa)
        other, right = ScriptedPeers(), ScriptedPeers()
        async with eraser(leads, leads_settings, nats_url, other, seal_key="another") as worker:
            assert await worker.work()
        found = await got(leads, made.id)
        await due(leads)
        async with eraser(leads, leads_settings, nats_url, right) as worker:
            await worker.work()

        assert other.asked == []
        assert (found.state, found.rounds) == (ERASURE_STATE_RUNNING, 0)
        assert [it.trouble for it in found.parts if it.name == "leads"] == ["SEAL_BROKEN"]
        assert right.asked[0].emails == (EMAIL,)
