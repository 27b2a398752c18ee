"""The audit chain: one writer, sealed values, erasure, and what breaks it."""

import asyncio
import json
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
from services.accounts import consumers
from services.accounts.config import Settings
from services.accounts.messages import audit as messages
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

        reader = Principal(str(uuid4()), "user", rights={"audit": {"read": "all"}})
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(reader).EraseAuditValues(pb2.EraseAuditValuesRequest())


LATE = datetime(2026, 5, 1, tzinfo=UTC)


def stamp(at: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(at)
    return made


class TestListAuditEntries:
    async def test_filters_hold_together_and_pages_follow(self, house: Any) -> None:
        await chain(
            house,
            *(told("1", time=LATE.replace(day=day).isoformat()) for day in (1, 2, 3, 4)),
            told("2", time=LATE.isoformat()),
            told("1", "contact.delete", time=LATE.isoformat()),
        )
        wanted = {"subject_id": "1", "action": "contact.update", "actor_id": "u1", "page_size": 1}
        wanted |= {"from": stamp(LATE.replace(day=2)), "until": stamp(LATE.replace(day=4))}

        first = await listed(house, **wanted)
        token = first.next_page_token
        second = await listed(house, **wanted, page_token=token)

        assert [entry.sequence for entry in (*first.entries, *second.entries)] == [3, 2]
        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await listed(house, page_token=token)

    async def test_what_happened_last_comes_first_whenever_it_arrived(self, house: Any) -> None:
        days = (3, 1, 4, 1, 5)
        await chain(
            house,
            *(told(str(day), time=LATE.replace(day=day).isoformat()) for day in days),
        )

        pages = [await listed(house, page_size=2)]
        while token := pages[-1].next_page_token:
            pages.append(await listed(house, page_size=2, page_token=token))

        shown = [(it.subject_id, it.sequence) for page in pages for it in page.entries]
        assert shown == [("5", 5), ("4", 3), ("3", 1), ("1", 4), ("1", 2)]

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ({"action_prefix": "contact."}, [4, 2, 1]),
            ({"action_prefix": "contact.u"}, [2, 1]),
            ({"action_prefix": "contact.", "service": "leads"}, [4, 2]),
            ({"action_prefix": "contact.", "subject_id": "1", "subject_type": "contact"}, [2]),
            ({"action_prefix": "%"}, []),
            ({"service": "campaigns"}, [3, 1]),
            ({"actor_id": "u2"}, [3]),
        ],
    )
    async def test_each_filter_finds_its_own(
        self, house: Any, wanted: dict[str, Any], found: list[int]
    ) -> None:
        other = {"subject": "u2", "kind": "user", "actor": "gateway"}
        await chain(
            house,
            told("3", service="campaigns"),
            told("1"),
            told("1", "run.pause", service="campaigns", subject_type="run", actor=other),
            told("2", "contact.delete"),
        )

        shown = [await listed(house, **wanted, page_size=2)]
        while token := shown[-1].next_page_token:
            shown.append(await listed(house, **wanted, page_size=2, page_token=token))

        assert [it.sequence for page in shown for it in page.entries] == found

    async def test_it_says_who_acted_for_whom(self, house: Any) -> None:
        await chain(house, told(actor={"subject": "u2", "kind": "user", "actor": "gateway"}))

        (entry,) = (await listed(house)).entries

        assert (entry.actor_id, entry.actor_kind, entry.acting_service) == ("u2", "user", "gateway")

    async def test_a_filter_that_no_entry_can_have_is_refused(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await listed(house, action_prefix="a\0", subject_id="\0")

        assert set(refusal.fields()) == {"action_prefix", "subject_id"}

    async def test_without_the_right_it_is_refused(self, house: Any) -> None:
        nobody = Principal(str(uuid4()), "user")

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(nobody).ListAuditEntries(pb2.ListAuditEntriesRequest())
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.audit(nobody).VerifyAudit(pb2.VerifyAuditRequest())


class TestExport:
    async def test_all_that_a_list_would_have_is_sent_and_noted(
        self, house: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.accounts.rpc.audit._BATCH", 2)
        await chain(house, *(told(str(number), after=None) for number in range(5)))
        await chain(house, told("9", "run.pause", subject_type="run"))

        asked = pb2.ExportAuditEntriesRequest(action_prefix="contact.")
        parts = [part async for part in house.audit().ExportAuditEntries(asked)]

        lines = [it for part in parts for it in part.entries]
        assert [it.sequence for it in lines] == [5, 4, 3, 2, 1]
        assert json.loads(lines[0].before) == {"name": "Lan", "score": 3}
        assert (lines[0].after, lines[0].action) == ("", "contact.update")
        assert lines[0].hash == (await listed(house, subject_id="4")).entries[0].hash
        (noted,) = await outbox_of(house, "audit.export")
        assert dict(noted["after"]) == {"action_prefix": "contact.", "entries": 5.0}
        assert dict(noted["actor"])["subject"] == house.admin_id

    async def test_it_is_noted_even_where_nothing_is_sent(self, house: Any) -> None:
        asked = pb2.ExportAuditEntriesRequest(service="leads")

        assert [part async for part in house.audit().ExportAuditEntries(asked)] == []

        (noted,) = await outbox_of(house, "audit.export")
        assert dict(noted["after"]) == {"service": "leads", "entries": 0.0}

    async def test_to_read_is_not_to_take_away(self, house: Any) -> None:
        reader = Principal(str(uuid4()), "user", rights={"audit": {"read": "all"}})

        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            asked = pb2.ExportAuditEntriesRequest()
            _ = [it async for it in house.audit(reader).ExportAuditEntries(asked)]

        assert await outbox_of(house, "audit.export") == []


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


async def outbox_of(house: Any, action: str) -> list[dict[str, Any]]:
    """The audit entries of an action that wait in the service's own outbox."""
    async with house.sessions.begin() as session:
        query = text("SELECT payload FROM outbox WHERE class = 'audit' ORDER BY id")
        told = [Struct.FromString(bytes(it)) for it in await session.scalars(query)]
    return [dict(it) for it in told if it["action"] == action]


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
