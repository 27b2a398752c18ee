"""The audit chain: one writer, sealed values, erasure, and what the broker brings."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import audit_service_pb2 as pb2
from sqlalchemy import text

from chassis import context, errors
from chassis.context import Principal
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from services import topology
from services.accounts import consumers
from services.accounts.config import Settings
from services.accounts.messages import audit as messages
from tests.integration.accounts.audit_entry_parts import chain, listed, told
from tests.integration.serving import refused


async def verify(house: Any) -> Any:
    return await house.audit().VerifyAudit(pb2.VerifyAuditRequest())


class TestChain:
    async def test_entries_are_listed_newest_first_with_their_values(self, house: Any) -> None:
        await chain(house, told("1"), told("2", "contact.delete", after=None))

        page = await listed(house)

        assert [entry.sequence for entry in page.entries] == [2, 1]
        newest, oldest = page.entries
        assert (newest.action, newest.subject_id, newest.actor_id) == ("contact.delete", "2", "u1")
        assert not newest.HasField("after")
        assert dict(oldest.after) == {"name": "Lan Anh", "score": 4}
        verdict = await verify(house)
        assert (verdict.intact, verdict.entries) == (True, 2)
        assert verdict.head == newest.hash

    async def test_writers_at_once_make_one_chain_without_gap(self, house: Any) -> None:
        await asyncio.gather(*(chain(house, told(str(number % 3))) for number in range(12)))

        verdict = await verify(house)
        assert (verdict.intact, verdict.entries) == (True, 12)

    async def test_those_that_come_together_are_chained_in_order_and_once(self, house: Any) -> None:
        await chain(house, told("1"))
        twice = told("2")
        payloads = [told("1"), twice, told("3", after=None), twice, told("2")]
        async with house.sessions.begin() as session:
            await house.trail.chain(session, [messages.happening(each) for each in payloads])
            await house.trail.chain(session, [messages.happening(twice)])

        entries = sorted((await listed(house)).entries, key=lambda it: -it.sequence)
        verdict = await verify(house)
        assert [entry.subject_id for entry in entries] == ["2", "3", "2", "1", "1"]
        assert dict(entries[0].after) == dict(entries[3].after) == {
            "name": "Lan Anh", "score": 4,
        }  # fmt: skip
        assert (verdict.intact, verdict.entries) == (True, 5)

    async def test_what_comes_twice_is_chained_once(self, house: Any) -> None:
        payload = told()

        await chain(house, payload, told("2"), payload)

        assert (await verify(house)).entries == 2

    @pytest.mark.parametrize(
        ("statement", "broken_at"),
        [
            ("UPDATE audit_entries SET action = 'x' WHERE sequence = 2", 2),
            ("UPDATE audit_entries SET sealed = sealed || 'x' WHERE sequence = 1", 1),
            ("UPDATE audit_entries SET time = time + interval '1 us' WHERE sequence = 3", 3),
            ("DELETE FROM audit_entries WHERE sequence = 2", 2),
        ],
    )
    async def test_any_change_shows_where_it_was_made(
        self, house: Any, statement: str, broken_at: int
    ) -> None:
        await chain(house, *(told(str(number)) for number in range(4)))
        async with house.sessions.begin() as session:
            await session.execute(text(statement))

        verdict = await verify(house)

        assert (verdict.intact, verdict.broken_at) == (False, broken_at)


class TestErasure:
    async def test_values_of_one_subject_go_and_the_chain_holds(self, house: Any) -> None:
        await chain(house, told("1"), told("2"), told("1"))
        before = (await verify(house)).head

        for _ in range(2):
            request = pb2.EraseAuditValuesRequest(subject_type="contact", subject_id="1")
            await house.audit().EraseAuditValues(request)
        await chain(house, told("1"))

        entries = (await listed(house)).entries
        shown = [(entry.subject_id, entry.HasField("after")) for entry in entries]
        assert shown == [("1", True), ("1", False), ("2", True), ("1", False)]
        assert [entry.erased for entry in entries] == [False, True, False, True]
        assert entries[1].hash == before
        assert (await verify(house)).intact

    async def test_no_value_is_readable_in_the_database(self, house: Any) -> None:
        await chain(house, told())

        async with house.sessions.begin() as session:
            query = text("SELECT sealed FROM audit_entries")
            (sealed,) = (await session.execute(query)).scalars()
        assert b"Lan" not in bytes(sealed)

    async def test_it_needs_a_subject_and_the_right(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.audit().EraseAuditValues(pb2.EraseAuditValuesRequest())
        assert refusal.fields() == ["subject_type", "subject_id"]

        odd = pb2.EraseAuditValuesRequest(subject_type="con\0tact", subject_id="x" * 501)
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.audit().EraseAuditValues(odd)
        assert refusal.fields() == ["subject_type", "subject_id"]

        reader = Principal(str(uuid4()), "user", rights={"audit": {"read": "all"}})
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(reader).EraseAuditValues(pb2.EraseAuditValuesRequest())


class TestOverTheBroker:
    async def test_a_services_own_change_arrives_in_the_chain_and_garbage_stops_nobody(
        self, house: Any, settings: Settings, nats_url: str
    ) -> None:
        connected = settings.model_copy(update={"nats_url": nats_url})
        nats = Connection(connected, "accounts")
        await nats.connected(within=10)
        await topology.apply(topology.Settings(nats_url=nats_url))
        tasks = [
            asyncio.create_task(work())
            for work in (
                Relay(house.sessions, nats, Class.AUDIT),
                consume(
                    connected,
                    nats,
                    house.sessions,
                    stream="AUDIT",
                    durable="accounts-audit",
                    handlers=consumers.audit_handlers(house.trail),
                    batch=50,
                    batch_handler=consumers.audit_batch_handler(house.trail),
                ),
            )
        ]
        try:
            for subject in ("1", "2"):
                await nats.js.publish("audit.leads", told(subject))
                await nats.js.publish("audit.leads", b"\xff garbage")
            with context.bind(principal=house.admin, request_id="r7"):
                lan = await house.add("Lan")

            entry = await eventually(lambda: of_subject(house, lan.id))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await nats.close()
        assert (entry.service, entry.action, entry.actor_id) == (
            "accounts",
            "user.create",
            house.admin_id,
        )
        first = [it.subject_id for it in (await listed(house, service="leads")).entries]
        assert sorted(first) == ["1", "2"]
        assert (await verify(house)).intact


async def of_subject(house: Any, subject_id: str) -> Any:
    (entry,) = (await listed(house, subject_id=subject_id)).entries
    return entry


async def eventually(holds: Callable[[], Any]) -> Any:
    async with asyncio.timeout(20):
        while True:
            try:
                return await holds()
            except ValueError:
                await asyncio.sleep(0.05)
