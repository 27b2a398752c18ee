"""The audit chain: one writer, sealed values, erasure, and what breaks it."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import audit_service_pb2 as pb2
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from chassis import context, errors
from chassis.context import Principal
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from services import topology
from services.accounts import consumers, messages
from services.accounts.config import Settings
from tests.integration.serving import refused


def told(subject: str = "1", action: str = "contact.update", **more: Any) -> bytes:
    entry = Struct()
    entry.update(
        {
            "id": str(uuid4()),
            "time": datetime.now(UTC).isoformat(),
            "service": "leads",
            "actor": {"subject": "u1", "kind": "user", "actor": None},
            "action": action,
            "subject_type": "contact",
            "subject_id": subject,
            "before": {"name": "Lan", "score": 3},
            "after": {"name": "Lan Anh", "score": 4},
            "request_id": "r",
            **more,
        }
    )
    return entry.SerializeToString()


async def chain(house: Any, *payloads: bytes) -> None:
    for payload in payloads:
        async with house.sessions.begin() as session:
            await house.trail.chain(session, [messages.happening(payload)])


async def verify(house: Any) -> Any:
    return await house.audit().VerifyAudit(pb2.VerifyAuditRequest())


async def listed(house: Any, **wanted: Any) -> Any:
    return await house.audit().ListAuditEntries(pb2.ListAuditEntriesRequest(**wanted))


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

        page = await listed(house)
        verdict = await verify(house)
        assert [entry.subject_id for entry in page.entries] == ["2", "3", "2", "1", "1"]
        assert dict(page.entries[0].after) == dict(page.entries[3].after) == {
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

        reader = Principal(str(uuid4()), "user", rights={"audit": {"read": "all"}})
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(reader).EraseAuditValues(pb2.EraseAuditValuesRequest())


class TestListAuditEntries:
    async def test_filters_hold_together_and_pages_follow(self, house: Any) -> None:
        late = datetime(2026, 5, 1, tzinfo=UTC)
        await chain(
            house,
            *(told("1", time=late.replace(day=day).isoformat()) for day in (1, 2, 3, 4)),
            told("2", time=late.isoformat()),
            told("1", "contact.delete", time=late.isoformat()),
        )
        since, until = Timestamp(), Timestamp()
        since.FromDatetime(late.replace(day=2))
        until.FromDatetime(late.replace(day=4))
        wanted = {"subject_id": "1", "action": "contact.update", "actor_id": "u1", "page_size": 1}

        first = await listed(house, **wanted, **{"from": since}, until=until)
        token = first.next_page_token
        second = await listed(house, **wanted, **{"from": since}, until=until, page_token=token)

        assert [entry.sequence for entry in (*first.entries, *second.entries)] == [3, 2]
        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await listed(house, page_token=token)

    async def test_without_the_right_it_is_refused(self, house: Any) -> None:
        nobody = Principal(str(uuid4()), "user")

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(nobody).ListAuditEntries(pb2.ListAuditEntriesRequest())
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(nobody).VerifyAudit(pb2.VerifyAuditRequest())


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
                ),
            )
        ]
        try:
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
