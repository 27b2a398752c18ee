"""Leads on a real broker: a refusal elsewhere reaches the ledger, a withdrawal leaves at once."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest
from crm.leads.v1 import events_pb2
from crm.notifier.v1 import events_pb2 as notifier_events
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.db.outbox import Class
from chassis.events import topology
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from services import topology as declared
from services.leads import consumers
from services.leads.domain import text as folding
from services.leads.storage import tables
from tests.integration.leads.conftest import Leads
from tests.integration.leads.consent_parts import give, in_force, suppression, withdraw

SUBJECT = notifier_events.SuppressionAdded.DESCRIPTOR.full_name


@dataclass
class House:
    """The background of leads, running."""

    nats: Connection

    async def tell(self, data: bytes, event_id: str) -> None:
        """Publish a suppression as the notifier would."""
        headers = {"ce-id": event_id}
        await self.nats.js.publish(SUBJECT, data, stream="CONTROL", headers=headers)

    async def heard(self) -> list[events_pb2.ConsentWithdrawn]:
        """Return every withdrawal that the broker holds."""
        info = await self.nats.js.stream_info("CONTROL")
        found = []
        for sequence in range(info.state.first_seq, info.state.last_seq + 1):
            message = await self.nats.js.get_msg("CONTROL", seq=sequence)
            if message.subject == events_pb2.ConsentWithdrawn.DESCRIPTOR.full_name:
                found.append(events_pb2.ConsentWithdrawn.FromString(message.data or b""))
        return found


@pytest.fixture
async def house(
    leads: Leads, leads_settings: ServiceSettings, nats_url: str
) -> AsyncIterator[House]:
    settings = leads_settings.model_copy(update={"nats_url": nats_url})
    nats = Connection(settings, "leads")
    await topology.apply(nats, declared.streams(["vn"]), declared.consumers(["vn"]))
    await nats.js.purge_stream("CONTROL")
    running: list[Callable[[], Awaitable[None]]] = [
        Relay(leads.sessions, nats, Class.CONTROL),
        consume(
            settings,
            nats,
            leads.sessions,
            stream=consumers.STREAM,
            durable=consumers.DURABLE,
            handlers=consumers.handlers(leads.clock),
        ),
    ]
    tasks = [asyncio.create_task(_run(it)) for it in running]
    yield House(nats)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await nats.close()


async def _run(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not await condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


class TestOnTheBroker:
    async def test_an_unsubscription_elsewhere_ends_a_consent_here(
        self, leads: Leads, house: House
    ) -> None:
        person, other = [await leads.contact(email=f"{it}@a.example") for it in ("an", "binh")]
        await give(leads, person.id)
        await give(leads, other.id)

        for delivery in range(2):
            await house.tell(suppression("an@a.example", "unsubscribed"), f"same-{delivery}")

        async def is_out_of_force() -> bool:
            return await in_force(leads) == 1

        await until(is_out_of_force)
        await until(lambda: _count(house, 1))

    async def test_a_withdrawal_leaves_within_seconds(self, leads: Leads, house: House) -> None:
        person = await leads.contact(email="an@a.example")
        began = time.monotonic()

        entry = await withdraw(leads, person.id)

        await until(lambda: _count(house, 1))
        (told,) = await house.heard()
        assert told.entry == entry
        assert list(told.address_keys) == ["an@a.example"]
        assert time.monotonic() - began < 10


async def _count(house: House, expected: int) -> bool:
    return len(await house.heard()) == expected


class TestTheSchema:
    async def test_the_tables_in_code_are_those_that_migrations_make(
        self, leads_sessions: db.Sessions
    ) -> None:
        query = text("""
            SELECT column_name FROM information_schema.columns
            WHERE table_schema = 'public' AND table_name = :name ORDER BY ordinal_position
        """)
        async with leads_sessions.begin() as session:
            for table in tables.metadata.tables.values():
                found = list(await session.scalars(query, {"name": table.name}))
                assert found == [it.name for it in table.columns], table.name

    async def test_folding_is_the_same_in_code_and_in_the_database(
        self, leads_sessions: db.Sessions
    ) -> None:
        written = "Đào Nguyệt ƯƠ ẶỆỘ Hoà ho\u0300a ÉÇ 123"
        async with leads_sessions.begin() as session:
            folded = await session.scalar(text("SELECT fold(:it)"), {"it": written})

        assert folded == folding.fold(written)

    async def test_what_is_folded_surely_is_folded_so_by_the_database(
        self, leads_sessions: db.Sessions
    ) -> None:
        letters = [chr(it) for it in range(0x20, 0x3000) if chr(it).isprintable()]
        sure = [it for it in letters if folding.fold_surely(it) is not None]
        words = [*sure, " ".join(sure), "".join(sure), *(f"{it}ươ" for it in sure)]

        async with leads_sessions.begin() as session:
            query = text("SELECT fold(it) FROM unnest(CAST(:them AS text[])) AS words (it)")
            folded = list(await session.scalars(query, {"them": words}))

        assert folded == [folding.fold_surely(it) for it in words]
        assert set("aàảãáạăằâầđêềơừỳ AĐỮỴ@.+-09") <= set(sure)
