"""Descriptions are sealed in their rows, shown to who may, and told to nobody else."""

from uuid import UUID

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from sqlalchemy import text

from chassis.scope import EVERYTHING
from chassis.sealing import MARK
from services.leads.domain.unreadable import SHOWN as UNREADABLE
from services.leads.storage import contacts as stored
from tests.integration.leads import contact_parts
from tests.integration.leads.conftest import Leads
from tests.integration.leads.erasing_parts import order
from tests.integration.leads.sealed_parts import SECRET, Turned, made, plain, rows
from tests.integration.leads.sealed_parts import leads_sessions as leads_sessions
from tests.integration.leads.sealed_parts import turned as turned


class TestReading:
    async def test_nobody_reads_it_in_the_table(self, leads: Leads) -> None:
        one = await made(leads)

        lies = (await rows(leads))[one.id]

        assert lies.startswith(f"{MARK}one{MARK}")
        assert "xanh" not in lies

    async def test_who_may_reads_it_everywhere(self, leads: Leads) -> None:
        one = await made(leads)

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=one.id))
        listed = await leads.contacts.ListContacts(pb.ListContactsRequest())
        several = await leads.contacts.BatchGetContacts(pb.BatchGetContactsRequest(ids=[one.id]))

        assert one.description == got.description == SECRET
        assert [it.description for it in (*listed.contacts, *several.contacts)] == [SECRET] * 2

    async def test_a_change_of_something_else_keeps_it(self, leads: Leads) -> None:
        one = await made(leads)

        changed = await contact_parts.update(
            leads, contact_pb2.Contact(id=one.id, company="Chợ Lớn"), "company"
        )

        assert changed.description == SECRET
        assert (await rows(leads))[one.id].startswith(MARK)

    async def test_one_that_was_cleared_is_empty(self, leads: Leads) -> None:
        one = await made(leads)

        await contact_parts.update(leads, contact_pb2.Contact(id=one.id), "description")

        assert (await rows(leads))[one.id] == ""

    async def test_who_is_erased_leaves_nothing_that_is_sealed(self, leads: Leads) -> None:
        one = await made(leads)

        await order(leads, one)

        assert one.id not in await rows(leads)
        async with leads.sessions.begin() as session:
            left = await session.execute(text("SELECT erasures::text FROM erasures"))
        assert MARK not in left.scalar_one()

    async def test_one_of_before_there_were_keys_is_read(self, leads: Leads) -> None:
        its_id = await plain(leads, "như cũ")

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=its_id))

        assert got.description == "như cũ"

    async def test_a_value_in_anothers_row_is_not_shown(self, leads: Leads) -> None:
        one, two = await made(leads), await made(leads, "khác")
        async with leads.sessions.begin() as session:
            moved = text(
                "UPDATE contacts SET description ="
                " (SELECT description FROM contacts WHERE id = :one) WHERE id = :two"
            )
            await session.execute(moved, {"one": one.id, "two": two.id})

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=two.id))
        listed = await leads.contacts.ListContacts(pb.ListContactsRequest())

        assert got.description == UNREADABLE
        assert sorted(it.description for it in listed.contacts) == [SECRET, UNREADABLE]

    async def test_one_that_does_not_open_is_changed_without_being_lost(
        self, leads: Leads, turned: Turned
    ) -> None:
        one = await made(leads)
        turned.add("two")
        turned.drop("one")
        lay = (await rows(leads))[one.id]

        for mask in (("company",), ("company", "description")):
            shown = contact_pb2.Contact(id=one.id, company="Chợ Lớn", description=UNREADABLE)
            changed = await contact_parts.update(leads, shown, *mask)
            assert (changed.company, changed.description) == ("Chợ Lớn", UNREADABLE)

        assert (await rows(leads))[one.id] == lay

    @pytest.mark.parametrize("way", ["delete", "erase"])
    async def test_one_that_does_not_open_is_deleted_and_erased_as_ever(
        self, leads: Leads, turned: Turned, way: str
    ) -> None:
        one = await made(leads)
        turned.add("two")
        turned.drop("one")

        if way == "delete":
            await leads.contacts.DeleteContact(pb.DeleteContactRequest(id=one.id))
        else:
            await order(leads, one)

        assert await rows(leads) == {}

    async def test_it_is_in_no_event_and_no_audit_entry(self, leads: Leads) -> None:
        one = await made(leads)
        await contact_parts.update(
            leads, contact_pb2.Contact(id=one.id, description=f"{SECRET} nữa"), "description"
        )

        async with leads.sessions.begin() as session:
            told = list(await session.scalars(text("SELECT payload FROM outbox")))
        assert len(told) >= 4
        assert not any(b"xanh" in bytes(it) for it in told)
        assert any(b"changed" in bytes(it) for it in told)

    async def test_what_is_copied_in_is_sealed_too(self, leads: Leads) -> None:
        one = await made(leads)
        async with leads.sessions.begin() as session:
            (held,) = await stored.batch_get(session, [UUID(one.id)], EVERYTHING)
            await session.execute(text("DELETE FROM contacts"))
            await stored.insert_many(session, [held])

        assert (await rows(leads))[one.id].startswith(f"{MARK}one{MARK}")
        got = await leads.contacts.GetContact(pb.GetContactRequest(id=one.id))
        assert got.description == SECRET
