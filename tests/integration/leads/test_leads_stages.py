"""Statuses, life stages, conversion and their history, and the lists people shape themselves."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, events_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.db.outbox import Class
from chassis.errors import (
    Aborted,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
)
from tests.integration.leads.conftest import ALICE, NOBODY, SERVICE, Leads, user
from tests.integration.serving import refused

NEW, CONTACTED, QUALIFIED, CONVERTED, LOST = range(1, 6)
STAGE = "01980000-0000-7000-8000-00000000001"  # and a digit: 1 to 6, as the migration made them


async def status(leads: Leads, contact_id: str, to: int, **more: Any) -> contact_pb2.Contact:
    request = pb.ChangeStatusRequest(id=contact_id, status=to, **more)  # type: ignore[arg-type]
    changed: contact_pb2.Contact = await leads.contacts.ChangeStatus(request)
    return changed


async def move(leads: Leads, contact_id: str, stage: str, **more: Any) -> contact_pb2.Contact:
    request = pb.MoveToLifeStageRequest(id=contact_id, life_stage_id=stage, **more)
    moved: contact_pb2.Contact = await leads.contacts.MoveToLifeStage(request)
    return moved


async def history(leads: Leads, contact_id: str) -> list[contact_pb2.StageChange]:
    request = pb.ListStageChangesRequest(contact_id=contact_id)
    return list((await leads.contacts.ListStageChanges(request)).changes)


class TestStatus:
    async def test_it_moves_forward_and_is_remembered(self, leads: Leads) -> None:
        lead = await leads.contact()
        await leads.contact()
        for to in (CONTACTED, QUALIFIED):
            leads.clock.pass_(minutes=1)
            changed = await status(leads, lead.id, to)

        assert (changed.status, changed.revision) == (QUALIFIED, 3)
        moves = await history(leads, lead.id)
        assert [(it.from_status, it.to_status) for it in moves] == [(2, 3), (1, 2)]
        assert {it.actor for it in moves} == {SERVICE.subject}
        told = await leads.told(Class.FACTS, events_pb2.ContactStageChanged)
        assert [(it.contact.revision, it.change.to_status) for it in told] == [(2, 2), (3, 3)]

    @pytest.mark.parametrize("to", [CONTACTED, QUALIFIED])
    async def test_it_never_moves_back(self, leads: Leads, to: int) -> None:
        lead = await leads.contact()
        await status(leads, lead.id, QUALIFIED)
        await status(leads, lead.id, LOST, lost_reason="giá")

        with refused(FailedPrecondition, "STATE_FORBIDS") as refusal:
            await status(leads, lead.id, to)

        assert refusal.error.metadata["state"] == "LOST"

    async def test_the_same_again_changes_nothing(self, leads: Leads) -> None:
        lead = await leads.contact()
        once = await status(leads, lead.id, CONTACTED)

        assert await status(leads, lead.id, CONTACTED) == once

    async def test_a_loss_has_a_reason_and_nothing_else_has(self, leads: Leads) -> None:
        lead = await leads.contact()

        with refused(InvalidArgument, "FIELDS_INVALID") as without:
            await status(leads, lead.id, LOST)
        with refused(InvalidArgument, "FIELDS_INVALID") as needless:
            await status(leads, lead.id, CONTACTED, lost_reason="x")

        assert without.fields() == needless.fields() == ["lost_reason"]
        assert (await status(leads, lead.id, LOST, lost_reason="giá")).lost_reason == "giá"

    @pytest.mark.parametrize("to", [0, NEW, CONVERTED, 9])
    async def test_only_some_can_be_asked_for(self, leads: Leads, to: int) -> None:
        lead = await leads.contact()

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await status(leads, lead.id, to)

        assert refusal.fields() == ["status"]

    async def test_the_stage_follows(self, leads: Leads) -> None:
        lead = await leads.contact()

        assert lead.life_stage_id == f"{STAGE}1"
        assert (await status(leads, lead.id, QUALIFIED)).life_stage_id == f"{STAGE}3"

    async def test_a_stale_etag_and_an_unknown_contact_are_refused(self, leads: Leads) -> None:
        lead = await leads.contact()

        with refused(Aborted, "ETAG_STALE"):
            await status(leads, lead.id, CONTACTED, etag="9")
        with refused(NotFound, "RESOURCE_MISSING"):
            await status(leads, NOBODY, CONTACTED)


class TestConverting:
    async def test_a_lead_becomes_a_customer_in_the_stage_of_customers(self, leads: Leads) -> None:
        lead = await leads.contact()
        await move(leads, lead.id, f"{STAGE}2")

        customer = await leads.contacts.ConvertContact(pb.ConvertContactRequest(id=lead.id))

        assert (customer.kind, customer.status) == (2, CONVERTED)
        assert customer.life_stage_id == f"{STAGE}4"
        assert customer.HasField("convert_time")
        told = await leads.told(Class.FACTS, events_pb2.ContactConverted)
        assert [(it.contact.id, it.by) for it in told] == [(lead.id, "hand")]

    async def test_a_customer_stays_as_it_is(self, leads: Leads) -> None:
        lead = await leads.contact()
        request = pb.ConvertContactRequest(id=lead.id)
        once = await leads.contacts.ConvertContact(request)

        assert await leads.contacts.ConvertContact(request) == once
        assert len(await leads.told(Class.FACTS, events_pb2.ContactConverted)) == 1

    async def test_a_lost_lead_may_return_as_a_customer(self, leads: Leads) -> None:
        lead = await leads.contact()
        await status(leads, lead.id, LOST, lost_reason="giá")

        customer = await leads.contacts.ConvertContact(pb.ConvertContactRequest(id=lead.id))

        assert (customer.status, customer.lost_reason) == (CONVERTED, "")

    async def test_a_customer_is_never_a_lost_lead(self, leads: Leads) -> None:
        customer = await leads.contact(kind=2)

        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await status(leads, customer.id, LOST, lost_reason="x")

    async def test_one_who_reaches_only_the_own_converts_only_that(self, leads: Leads) -> None:
        theirs = await leads.contact()
        alice = leads.as_(user(ALICE, contacts="own"))

        with refused(NotFound, "RESOURCE_MISSING"):
            await alice.contacts.ConvertContact(pb.ConvertContactRequest(id=theirs.id))


class TestMovingToAStage:
    async def test_the_status_follows_what_the_stage_implies(self, leads: Leads) -> None:
        lead = await leads.contact()

        moved = await move(leads, lead.id, f"{STAGE}3", reason="đã gọi")

        assert (moved.life_stage_id, moved.status) == (f"{STAGE}3", QUALIFIED)
        (change,) = await history(leads, lead.id)
        assert (change.from_life_stage_id, change.to_life_stage_id) == (f"{STAGE}1", f"{STAGE}3")
        assert change.reason == "đã gọi"
        assert await leads.names(life_stage_ids=[f"{STAGE}3"]) == [lead.display_name]

    async def test_a_stage_of_customers_converts(self, leads: Leads) -> None:
        lead = await leads.contact()

        assert (await move(leads, lead.id, f"{STAGE}5")).kind == contact_pb2.CONTACT_KIND_CUSTOMER
        assert len(await leads.told(Class.FACTS, events_pb2.ContactConverted)) == 1

    async def test_a_stage_that_implies_an_earlier_status_is_refused(self, leads: Leads) -> None:
        lead = await leads.contact()
        await status(leads, lead.id, QUALIFIED)

        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await move(leads, lead.id, f"{STAGE}1")

    async def test_out_of_every_stage_keeps_the_status(self, leads: Leads) -> None:
        lead = await leads.contact()
        await move(leads, lead.id, f"{STAGE}2")

        moved = await move(leads, lead.id, "")

        assert (moved.life_stage_id, moved.status) == ("", CONTACTED)

    async def test_the_stage_of_the_lost_wants_a_reason(self, leads: Leads) -> None:
        lead = await leads.contact()

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await move(leads, lead.id, f"{STAGE}6")

        assert refusal.fields() == ["reason"]
        assert (await move(leads, lead.id, f"{STAGE}6", reason="giá")).lost_reason == "giá"

    async def test_a_request_that_comes_again_overrides_no_later_hand(self, leads: Leads) -> None:
        lead = await leads.contact()
        late = {"request_id": "one", "reason": "BG-1"}
        first = await move(leads, lead.id, f"{STAGE}2", **late)
        await move(leads, lead.id, f"{STAGE}3")

        assert await move(leads, lead.id, f"{STAGE}2", **late) == first
        assert len(await history(leads, lead.id)) == 2

    async def test_what_is_done_late_is_refused_when_somebody_moved_them_since(
        self, leads: Leads
    ) -> None:
        lead, decided = await leads.contact(), Timestamp()
        await move(leads, lead.id, f"{STAGE}2")
        leads.clock.pass_(minutes=1)
        decided.FromDatetime(leads.clock())

        moved = await move(leads, lead.id, f"{STAGE}3", unless_moved_since=decided)
        with refused(Aborted, "ETAG_STALE"):
            await move(leads, lead.id, f"{STAGE}4", unless_moved_since=decided)
        same = await move(leads, lead.id, f"{STAGE}3", unless_moved_since=decided)

        assert same == moved

    async def test_an_unknown_stage_is_missing(self, leads: Leads) -> None:
        lead = await leads.contact()

        with refused(NotFound, "RESOURCE_MISSING") as refusal:
            await move(leads, lead.id, NOBODY)

        assert refusal.error.metadata["resource"] == "life_stage"


class TestHistory:
    async def test_it_is_paged_newest_first(self, leads: Leads) -> None:
        lead = await leads.contact()
        for stage in ("2", "3", "4", "5"):
            await move(leads, lead.id, f"{STAGE}{stage}")

        request = pb.ListStageChangesRequest(contact_id=lead.id, page_size=3)
        first = await leads.contacts.ListStageChanges(request)
        request.page_token = first.next_page_token
        second = await leads.contacts.ListStageChanges(request)

        seen = [it.to_life_stage_id[-1] for it in (*first.changes, *second.changes)]
        assert seen == ["5", "4", "3", "2"]
        assert not second.next_page_token

    async def test_that_of_an_unseen_contact_is_missing(self, leads: Leads) -> None:
        lead = await leads.contact()

        with refused(NotFound, "RESOURCE_MISSING"):
            await history(leads.as_(user(ALICE, contacts="own")), lead.id)
