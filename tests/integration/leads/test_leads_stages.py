"""Statuses, life stages, conversion and their history, and the lists people shape themselves."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, events_pb2, source_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from crm.leads.v1 import source_service_pb2 as source_service
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.db.outbox import Class
from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from tests.integration.leads.conftest import ALICE, NOBODY, SERVICE, Leads, user
from tests.integration.serving import refused

NEW, CONTACTED, QUALIFIED, CONVERTED, LOST = range(1, 6)
STAGE = "01980000-0000-7000-8000-00000000001"  # and a digit: 1 to 6, as the migration made them
FACEBOOK = "01980000-0000-7000-8000-000000000001"


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


async def source(leads: Leads, **fields: Any) -> source_pb2.Source:
    request = source_service.CreateSourceRequest(source=source_pb2.Source(**fields))
    made: source_pb2.Source = await leads.sources.CreateSource(request)
    return made


class TestSources:
    async def test_an_organisation_starts_with_six(self, leads: Leads) -> None:
        found = await leads.sources.ListSources(source_service.ListSourcesRequest())

        assert [it.code for it in found.sources] == [
            *("facebook", "referral", "event", "flyer", "website", "zalo")
        ]

    async def test_one_is_added_read_and_renamed(self, leads: Leads) -> None:
        made = await source(leads, name="TikTok", code="tiktok")

        changed = await leads.sources.UpdateSource(
            source_service.UpdateSourceRequest(
                source=source_pb2.Source(id=made.id, etag=made.etag, name="Tik Tok")
            )
        )

        read = await leads.sources.GetSource(source_service.GetSourceRequest(id=made.id))
        assert read == changed
        assert (read.name, read.code, read.revision) == ("Tik Tok", "tiktok", 2)

    async def test_a_name_and_a_code_are_taken_once(self, leads: Leads) -> None:
        with refused(AlreadyExists, "RESOURCE_EXISTS") as name:
            await source(leads, name="FACEBOOK")
        with refused(AlreadyExists, "RESOURCE_EXISTS") as code:
            await source(leads, name="Meta", code="facebook")

        assert [it.error.metadata["field"] for it in (name, code)] == ["name", "code"]

    async def test_bad_fields_are_named(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await source(leads, name="", code="Ô nô")

        assert set(refusal.fields()) == {"source.name", "source.code"}

    async def test_a_retired_one_takes_nothing_new_and_frees_its_name(self, leads: Leads) -> None:
        request = source_service.RetireSourceRequest(id=FACEBOOK)
        retired = await leads.sources.RetireSource(request)

        assert await leads.sources.RetireSource(request) == retired
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contact(source_id=FACEBOOK)
        assert refusal.fields() == ["contact.source_id"]
        assert (await source(leads, name="Facebook")).name == "Facebook"
        every = source_service.ListSourcesRequest(include_retired=True)
        assert len((await leads.sources.ListSources(every)).sources) == 7

    async def test_a_retired_one_cannot_be_changed(self, leads: Leads) -> None:
        await leads.sources.RetireSource(source_service.RetireSourceRequest(id=FACEBOOK))

        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await leads.sources.UpdateSource(
                source_service.UpdateSourceRequest(source=source_pb2.Source(id=FACEBOOK, name="X"))
            )

    async def test_unknown_stale_and_forbidden_are_refused(self, leads: Leads) -> None:
        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.sources.GetSource(source_service.GetSourceRequest(id=NOBODY))
        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.sources.RetireSource(source_service.RetireSourceRequest(id=NOBODY))
        stale = source_pb2.Source(id=FACEBOOK, etag="99", name="X")
        with refused(Aborted, "ETAG_STALE"):
            await leads.sources.UpdateSource(source_service.UpdateSourceRequest(source=stale))
        with refused(InvalidArgument, "UPDATE_MASK_INVALID"):
            mask = FieldMask(paths=["retire_time"])
            await leads.sources.UpdateSource(
                source_service.UpdateSourceRequest(
                    source=source_pb2.Source(id=FACEBOOK), update_mask=mask
                )
            )
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await source(leads.as_(user(ALICE, contacts="all")), name="X")

    async def test_pages_go_by_name(self, leads: Leads) -> None:
        request = source_service.ListSourcesRequest(page_size=4)
        first = await leads.sources.ListSources(request)
        request.page_token = first.next_page_token
        second = await leads.sources.ListSources(request)

        assert [it.code for it in second.sources] == ["website", "zalo"]


async def stage(leads: Leads, **fields: Any) -> source_pb2.LifeStage:
    request = source_service.CreateLifeStageRequest(life_stage=source_pb2.LifeStage(**fields))
    made: source_pb2.LifeStage = await leads.stages.CreateLifeStage(request)
    return made


class TestLifeStages:
    async def test_they_come_by_position(self, leads: Leads) -> None:
        found = await leads.stages.ListLifeStages(
            source_service.ListLifeStagesRequest(page_size=1_000)
        )

        assert [it.position for it in found.life_stages] == [1, 2, 3, 4, 5, 6]
        assert [it.implied_status for it in found.life_stages] == [1, 2, 3, 4, 4, 5]

    async def test_one_is_added_last_and_changed(self, leads: Leads) -> None:
        made = await stage(leads, name="Chờ hàng", color="#AABBCC", probability=70)

        changed = await leads.stages.UpdateLifeStage(
            source_service.UpdateLifeStageRequest(
                life_stage=source_pb2.LifeStage(id=made.id, probability=80, name="Chờ"),
                update_mask=FieldMask(paths=["probability"]),
            )
        )

        read = await leads.stages.GetLifeStage(source_service.GetLifeStageRequest(id=made.id))
        assert read == changed
        assert (made.position, made.color) == (7, "#aabbcc")
        assert (read.name, read.probability, read.revision) == ("Chờ hàng", 80, 2)

    async def test_bad_fields_are_named(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await stage(leads, color="blue", position=-1, probability=101, implied_status=9)

        assert set(refusal.fields()) == {
            f"life_stage.{it}"
            for it in ("name", "color", "position", "probability", "implied_status")
        }

    async def test_taken_unknown_and_forbidden_are_refused(self, leads: Leads) -> None:
        with refused(AlreadyExists, "RESOURCE_EXISTS"):
            await stage(leads, name="đã gặp")
        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.stages.GetLifeStage(source_service.GetLifeStageRequest(id=NOBODY))
        with refused(NotFound, "RESOURCE_MISSING"):
            unknown = source_pb2.LifeStage(id=NOBODY, name="X")
            await leads.stages.UpdateLifeStage(
                source_service.UpdateLifeStageRequest(life_stage=unknown)
            )
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stage(leads.as_(user(ALICE, contacts="all")), name="X")
