"""Contacts' stories as they are read."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from crm.interactions.v1 import note_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, events_pb2
from sqlalchemy import text

from tests.integration.interactions.house import NOON, person, stamp

MINUTE = timedelta(minutes=1)


async def story(house: Any, contact_id: str, who: Any = None, **more: Any) -> Any:
    request = pb2.ListTimelineRequest(contact_id=contact_id, **more)
    return await house.timeline(who or person()).ListTimeline(request)


def moved(contact: contact_pb2.Contact, minute: int) -> events_pb2.ContactStageChanged:
    change = contact_pb2.StageChange(
        id=str(uuid4()),
        contact_id=contact.id,
        from_status=contact_pb2.LEAD_STATUS_NEW,
        to_status=contact_pb2.LEAD_STATUS_CONTACTED,
        actor="u1",
        time=stamp(NOON + minute * MINUTE),
    )
    return events_pb2.ContactStageChanged(contact=contact, change=change)


async def state(house: Any) -> dict[str, list[str]]:
    async with house.sessions.begin() as session:
        return {
            table: list((await session.execute(text(query))).scalars())
            for table, query in (
                ("facts", "SELECT facts::text FROM facts ORDER BY id"),
                ("contacts", "SELECT contacts::text FROM contacts ORDER BY id"),
            )
        }
