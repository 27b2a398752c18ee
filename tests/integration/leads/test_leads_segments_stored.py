"""Segments as they are stored, and definitions that cannot be."""

import pytest
from crm.leads.v1 import contact_pb2, events_pb2, segment_pb2
from crm.leads.v1 import segment_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.db.outbox import Class
from chassis.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from tests.integration.leads.conftest import ALICE, NOBODY, Leads, user
from tests.integration.leads.consent_parts import stamp
from tests.integration.leads.segment_parts import (
    ANY,
    CONTAINS,
    EQUALS,
    LAPSED,
    NONE,
    PRESENT,
    STAGE,
    WITHIN,
    ZALO,
    bought,
    create,
    field,
    group,
    preview,
    who,
)
from tests.integration.serving import refused


def consented(advertiser_id: str) -> segment_pb2.ConsentCondition:
    return segment_pb2.ConsentCondition(
        purpose=contact_pb2.PURPOSE_MARKETING,
        channel=contact_pb2.CHANNEL_EMAIL,
        advertiser_id=advertiser_id,
    )


class TestBadDefinitions:
    @pytest.mark.parametrize(
        ("condition", "path"),
        [
            (segment_pb2.Condition(), ""),
            (field("nonsense", EQUALS, "x"), ".field.field"),
            (field("company", 0, "x"), ".field.comparison"),
            (field("company", EQUALS), ".field.values"),
            (field("company", PRESENT, "x"), ".field.values"),
            (field("gender", EQUALS, "robot"), ".field.values[0]"),
            (field("gender", CONTAINS, "male"), ".field.comparison"),
            (field("phone", EQUALS, "12"), ".field.values[0]"),
            (segment_pb2.Condition(tag=segment_pb2.TagCondition()), ".tag.tags"),
            (segment_pb2.Condition(source=segment_pb2.SourceCondition()), ".source.source_ids"),
            (
                segment_pb2.Condition(life_stage=segment_pb2.StageCondition(life_stage_ids=["x"])),
                ".life_stage.life_stage_ids[0]",
            ),
            (segment_pb2.Condition(date=segment_pb2.DateCondition(field="birthday")), ".date"),
            (bought(WITHIN), ".transaction.days"),
            (bought(0, 3), ".transaction.question"),
            (
                segment_pb2.Condition(consent=consented("")),
                ".consent.advertiser_id",
            ),
        ],
    )
    async def test_what_is_wrong_is_named_by_its_path(
        self, leads: Leads, condition: segment_pb2.Condition, path: str
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await preview(leads, group(field("company", PRESENT), condition))

        assert refusal.fields() == [f"definition.conditions[1]{path}"]

    async def test_nesting_too_deep_is_refused(self, leads: Leads) -> None:
        deep = group(field("company", PRESENT))
        for _ in range(20):
            deep = group(segment_pb2.Condition(group=deep))

        with refused(InvalidArgument, "FIELDS_INVALID"):
            await preview(leads, deep)

    async def test_values_are_never_sql(self, leads: Leads) -> None:
        await leads.contact(display_name="An")

        assert await who(leads, field("company", EQUALS, "' OR 1=1 --")) == set()

    async def test_more_conditions_than_are_taken_in_all_are_refused(self, leads: Leads) -> None:
        forty = group(*[field("company", PRESENT)] * 39)
        most = [segment_pb2.Condition(group=forty)] * 5

        assert (await preview(leads, group(*most))).count == 0
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await preview(leads, group(*most, field("company", PRESENT)))

        said = [(it.field, it.description) for it in refusal.error.violations]
        assert said == [("definition", "has more than 200 conditions in all")]


class TestStoring:
    async def test_it_comes_back_as_written(self, leads: Leads) -> None:
        everything = group(
            field("company", EQUALS, "A"),
            segment_pb2.Condition(group=group(bought(LAPSED, 9), match=NONE)),
            segment_pb2.Condition(tag=segment_pb2.TagCondition(tags=["x"])),
            segment_pb2.Condition(source=segment_pb2.SourceCondition(source_ids=[ZALO])),
            segment_pb2.Condition(life_stage=segment_pb2.StageCondition(life_stage_ids=[STAGE])),
            segment_pb2.Condition(
                date=segment_pb2.DateCondition(field="create_time", until=stamp(leads.clock()))
            ),
            segment_pb2.Condition(consent=consented(NOBODY)),
            match=ANY,
        )

        made = await create(leads, "Mọi điều", everything)

        read = await leads.segments.GetSegment(pb.GetSegmentRequest(id=made.id))
        assert read == made
        assert read.definition == everything
        (told,) = await leads.told(Class.FACTS, events_pb2.SegmentChanged)
        assert told.segment == made

    async def test_only_the_masked_fields_change(self, leads: Leads) -> None:
        made = await create(leads, "Một", group(field("company", PRESENT)))

        changed = await leads.segments.UpdateSegment(
            pb.UpdateSegmentRequest(
                segment=segment_pb2.Segment(id=made.id, etag=made.etag, name="Hai"),
                update_mask=FieldMask(paths=["name"]),
            )
        )

        assert (changed.name, changed.revision) == ("Hai", 2)
        assert changed.definition == made.definition

    async def test_it_is_deleted_and_told_so(self, leads: Leads) -> None:
        made = await create(leads, "Một", group())

        await leads.segments.DeleteSegment(pb.DeleteSegmentRequest(id=made.id))

        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.segments.GetSegment(pb.GetSegmentRequest(id=made.id))
        told = await leads.told(Class.FACTS, events_pb2.SegmentChanged)
        assert [(it.segment.revision, it.deleted) for it in told] == [(1, False), (2, True)]

    async def test_they_are_listed_by_name(self, leads: Leads) -> None:
        for name in ("Ổn", "An", "Đủ"):
            await create(leads, name, group())

        request = pb.ListSegmentsRequest(page_size=2)
        first = await leads.segments.ListSegments(request)
        request.page_token = first.next_page_token
        second = await leads.segments.ListSegments(request)

        names = [it.name for it in (*first.segments, *second.segments)]
        assert names == ["An", "Đủ", "Ổn"]

    async def test_taken_bad_stale_unknown_and_forbidden_are_refused(self, leads: Leads) -> None:
        made = await create(leads, "Một", group())

        with refused(AlreadyExists, "RESOURCE_EXISTS"):
            await create(leads, "MỘT", group())
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await create(leads, "", group(bought(WITHIN)))
        assert set(refusal.fields()) == {
            "segment.name",
            "segment.definition.conditions[0].transaction.days",
        }
        with refused(Aborted, "ETAG_STALE"):
            await leads.segments.DeleteSegment(pb.DeleteSegmentRequest(id=made.id, etag="9"))
        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.segments.UpdateSegment(
                pb.UpdateSegmentRequest(segment=segment_pb2.Segment(id=NOBODY, name="X"))
            )
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await create(leads.as_(user(ALICE, contacts="all")), "X", group())

    async def test_a_preview_shows_what_the_caller_may_read(self, leads: Leads) -> None:
        await leads.contact(display_name="Của Alice", owner_ids=[ALICE])
        await leads.contact(display_name="Khác")

        alice = leads.as_(user(ALICE, contacts="own", segments="all"))

        assert await who(alice) == {"Của Alice"}
