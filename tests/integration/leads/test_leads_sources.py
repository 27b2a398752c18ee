"""Sources and life stages, as they are kept."""

from typing import Any

from crm.leads.v1 import source_pb2
from crm.leads.v1 import source_service_pb2 as source_service
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import (
    Aborted,
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from tests.integration.leads.conftest import ALICE, NOBODY, Leads, user
from tests.integration.serving import refused

FACEBOOK = "01980000-0000-7000-8000-000000000001"


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
