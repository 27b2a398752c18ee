"""Entries of the audit log: listed by filters, a page at a time, and exported."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import audit_service_pb2 as pb2
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from chassis import errors
from chassis.context import Principal
from tests.integration.accounts.audit_entry_parts import chain, listed, told
from tests.integration.serving import refused

LATE = datetime(2026, 5, 1, tzinfo=UTC)
MAY = {"read": "all", "export": "all"}


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

    async def test_values_of_hidden_fields_are_left_out_of_pages_and_files(
        self, house: Any
    ) -> None:
        values = {"phones": [{"address": "+84912000333"}], "street": "1 Lê Lợi", "score": 4}
        await chain(house, told(before=values, after={**values, "emails": []}))
        hidden = frozenset({"contacts.phones", "contacts.emails"})
        who = Principal(str(uuid4()), "user", rights={"audit": MAY}, hidden=hidden)

        page = await house.audit(who).ListAuditEntries(pb2.ListAuditEntriesRequest())
        sent = house.audit(who).ExportAuditEntries(pb2.ExportAuditEntriesRequest())
        lines = [line async for part in sent for line in part.entries]
        whole = await listed(house, subject_type="contact")

        left = {"street": "1 Lê Lợi", "score": 4}
        assert (dict(page.entries[0].before), dict(page.entries[0].after)) == (left, left)
        (line,) = (it for it in lines if it.subject_type == "contact")
        assert (json.loads(line.before), json.loads(line.after)) == (left, left)
        assert set(whole.entries[0].after) == {"phones", "street", "score", "emails"}

    @pytest.mark.parametrize("kind", ["suppression", "agreement"])
    async def test_what_proves_something_may_quote_an_address_and_is_left_out_with_it(
        self, house: Any, kind: str
    ) -> None:
        values = {"channel": "EMAIL", "evidence": "550 <mai@example.vn> unknown"}
        await chain(house, told(subject_type=kind, after=values))

        for hidden in ("phones", "emails"):
            fields = frozenset({f"contacts.{hidden}"})
            who = Principal(str(uuid4()), "user", rights={"audit": MAY}, hidden=fields)
            page = await house.audit(who).ListAuditEntries(pb2.ListAuditEntriesRequest())
            assert dict(page.entries[0].after) == {"channel": "EMAIL"}

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


async def outbox_of(house: Any, action: str) -> list[dict[str, Any]]:
    """The audit entries of an action that wait in the service's own outbox."""
    async with house.sessions.begin() as session:
        query = text("SELECT payload FROM outbox WHERE class = 'audit' ORDER BY id")
        told = [Struct.FromString(bytes(it)) for it in await session.scalars(query)]
    return [dict(it) for it in told if it["action"] == action]
