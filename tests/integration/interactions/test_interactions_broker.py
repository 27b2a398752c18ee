"""Events of leads arrive over the real broker."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import note_service_pb2 as pb2
from crm.leads.v1 import consent_pb2, events_pb2
from google.protobuf.message import Message
from sqlalchemy import text

from chassis import errors
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from services import topology
from services.interactions import consumers
from services.interactions.config import Settings


async def publish(nats: Connection, message: Message) -> None:
    event_id = str(uuid4())
    headers = {"Nats-Msg-Id": event_id, "ce-id": event_id}
    subject = message.DESCRIPTOR.full_name
    await nats.js.publish(subject, message.SerializeToString(), headers=headers)


async def eventually(holds: Callable[[], Any]) -> Any:
    async with asyncio.timeout(30):
        while True:
            try:
                return await holds()
            except (AssertionError, errors.Error):
                await asyncio.sleep(0.05)


class TestConsumers:
    @pytest.mark.timeout(120)
    async def test_facts_control_and_deletions_each_come_by_their_own_way(
        self, house: Any, settings: Settings, nats_url: str
    ) -> None:
        connected = settings.model_copy(update={"nats_url": nats_url})
        nats = Connection(connected, "interactions")
        await nats.connected(within=10)
        await topology.apply(topology.Settings(nats_url=nats_url))
        tasks = [
            asyncio.create_task(
                consume(
                    connected,
                    nats,
                    house.sessions,
                    stream=stream,
                    durable=durable,
                    handlers=consumers.HANDLERS,
                )()
            )
            for durable, stream in consumers.DURABLES.items()
        ]
        contact, gone = house.contact(), house.contact()
        entry = consent_pb2.ConsentEntry(id=str(uuid4()), contact_id=contact.id)
        try:
            await nats.js.publish("crm.leads.v1.ContactCreated", b"\xff garbage")
            for message in (
                events_pb2.ContactCreated(contact=contact),
                events_pb2.ContactCreated(contact=gone),
                events_pb2.ConsentWithdrawn(entry=entry),
                events_pb2.ContactDeleted(contact_id=gone.id, revision=2),
            ):
                await publish(nats, message)

            async def kinds() -> None:
                request = pb2.ListTimelineRequest(contact_id=contact.id)
                page = await house.timeline().ListTimeline(request)
                told = {each.kind for each in page.entries}
                assert told == {"contact_created", "consent_withdrawn"}

            await eventually(kinds)
            await eventually(lambda: is_deleted(house, gone.id))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await nats.close()


async def is_deleted(house: Any, contact_id: str) -> None:
    async with house.sessions.begin() as session:
        query = text("SELECT deleted FROM contacts WHERE id = :id")
        assert await session.scalar(query, {"id": contact_id}) is True
