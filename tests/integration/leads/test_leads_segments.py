"""Segments: each condition finds whom it should among those it should not."""

from datetime import UTC, datetime, timedelta
from typing import Any

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
from tests.integration.leads.test_leads_consents import stamp
from tests.integration.leads.test_leads_transactions import sale
from tests.integration.serving import refused

EQUALS, CONTAINS, STARTS_WITH, PRESENT, ABSENT = range(1, 6)
ALL, ANY, NONE = range(1, 4)
WITHIN, LAPSED, NEVER = range(1, 4)
ZALO = "01980000-0000-7000-8000-000000000002"
STAGE = "01980000-0000-7000-8000-000000000012"


def field(name: str, comparison: int, *values: str) -> segment_pb2.Condition:
    told = segment_pb2.FieldCondition(field=name, comparison=comparison, values=values)  # type: ignore[arg-type]
    return segment_pb2.Condition(field=told)


def group(*conditions: segment_pb2.Condition, match: int = ALL) -> segment_pb2.Group:
    return segment_pb2.Group(match=match, conditions=conditions)  # type: ignore[arg-type]


def bought(question: int, days: int = 0) -> segment_pb2.Condition:
    told = segment_pb2.TransactionCondition(question=question, days=days)  # type: ignore[arg-type]
    return segment_pb2.Condition(transaction=told)


def consented(advertiser_id: str) -> segment_pb2.ConsentCondition:
    return segment_pb2.ConsentCondition(
        purpose=contact_pb2.PURPOSE_MARKETING,
        channel=contact_pb2.CHANNEL_EMAIL,
        advertiser_id=advertiser_id,
    )


async def preview(leads: Leads, definition: segment_pb2.Group) -> pb.PreviewSegmentResponse:
    request = pb.PreviewSegmentRequest(definition=definition, sample_size=100)
    found: pb.PreviewSegmentResponse = await leads.segments.PreviewSegment(request)
    return found


async def who(leads: Leads, *conditions: segment_pb2.Condition, match: int = ALL) -> set[str]:
    found = await preview(leads, group(*conditions, match=match))
    names = {it.display_name for it in found.sample}
    assert found.count == len(found.sample)
    return names


async def create(leads: Leads, name: str, definition: segment_pb2.Group) -> segment_pb2.Segment:
    segment = segment_pb2.Segment(name=name, definition=definition)
    made: segment_pb2.Segment = await leads.segments.CreateSegment(
        pb.CreateSegmentRequest(segment=segment)
    )
    return made


class TestFields:
    @pytest.mark.parametrize(
        ("name", "comparison", "value"),
        [
            ("display_name", EQUALS, "dao thi hoa"),
            ("display_name", CONTAINS, "Thị"),
            ("display_name", STARTS_WITH, "ĐÀO"),
            ("family_name", EQUALS, "đào"),
            ("company", CONTAINS, "cuu"),
            ("job_title", STARTS_WITH, "giam"),
            ("province", EQUALS, "thành phố huế"),
            ("locale", EQUALS, "en"),
            ("region", EQUALS, "sg"),
            ("gender", EQUALS, "female"),
            ("kind", EQUALS, "Customer"),
            ("status", EQUALS, "converted"),
            ("reference_code", STARTS_WITH, "kh"),
            ("email", CONTAINS, "@HOA."),
            ("email", STARTS_WITH, "h_a"),
            ("phone", EQUALS, "0912 345 678"),
            ("phone", STARTS_WITH, "0912"),
            ("phone", CONTAINS, "345"),
            ("phone", PRESENT, ""),
            ("job_title", PRESENT, ""),
        ],
    )
    async def test_a_field_is_compared_without_accents_and_case(
        self, leads: Leads, name: str, comparison: int, value: str
    ) -> None:
        await leads.contact(
            display_name="Đào Thị Hoa",
            family_name="Đào",
            given_name="Thị Hoa",
            company="Sông Cửu",
            job_title="Giám đốc",
            address=contact_pb2.Address(province="Huế"),
            locale="en",
            region="sg",
            gender=contact_pb2.GENDER_FEMALE,
            kind=contact_pb2.CONTACT_KIND_CUSTOMER,
            reference_code="KH-9",
            email="h_a@hoa.example",
            phone="+84912345678",
        )
        await leads.contact(display_name="Trần Bình", email="hxa@noise.example")

        found = await who(leads, field(name, comparison, *([value] if value else [])))

        assert found == {"Đào Thị Hoa"}

    async def test_absent_finds_those_without(self, leads: Leads) -> None:
        await leads.contact(display_name="Có", company="A", email="a@a.example")
        await leads.contact(display_name="Không")

        assert await who(leads, field("company", ABSENT)) == {"Không"}
        assert await who(leads, field("email", ABSENT)) == {"Không"}
        assert await who(leads, field("gender", ABSENT)) == {"Có", "Không"}

    async def test_any_of_the_values_is_enough(self, leads: Leads) -> None:
        for company in ("A", "B", "C"):
            await leads.contact(display_name=company, company=company)

        assert await who(leads, field("company", EQUALS, "a", "c")) == {"A", "C"}


class TestOtherConditions:
    async def test_tags_sources_and_stages(self, leads: Leads) -> None:
        await leads.contact(display_name="Nhãn", tags=["vip", "x"])
        await leads.contact(display_name="Nguồn", source_id=ZALO)
        await leads.contact(display_name="Không")

        tag = segment_pb2.Condition(tag=segment_pb2.TagCondition(tags=["vip", "y"]))
        source = segment_pb2.Condition(source=segment_pb2.SourceCondition(source_ids=[ZALO]))
        in_stage = segment_pb2.StageCondition(life_stage_ids=[STAGE])

        assert await who(leads, tag) == {"Nhãn"}
        assert await who(leads, source) == {"Nguồn"}
        assert await who(leads, tag, source, match=ANY) == {"Nhãn", "Nguồn"}
        assert await who(leads, tag, source, match=NONE) == {"Không"}
        assert await who(leads, segment_pb2.Condition(life_stage=in_stage)) == set()

    async def test_dates_within_the_last_days_and_between(self, leads: Leads) -> None:
        await leads.contact(display_name="Cũ")
        leads.clock.pass_(days=10)
        await leads.contact(display_name="Mới")
        now = leads.clock()

        recent = segment_pb2.DateCondition(field="create_time", within_days=5)
        old = segment_pb2.DateCondition(field="create_time", until=stamp(now - timedelta(days=1)))
        never = segment_pb2.DateCondition(field="convert_time", within_days=100)

        assert await who(leads, segment_pb2.Condition(date=recent)) == {"Mới"}
        assert await who(leads, segment_pb2.Condition(date=old)) == {"Cũ"}
        assert await who(leads, segment_pb2.Condition(date=never)) == set()
        nobody_converted = await who(leads, segment_pb2.Condition(date=never), match=NONE)
        assert nobody_converted == {"Cũ", "Mới"}

    async def test_birthdays_of_the_coming_days_over_a_year_s_end(self, leads: Leads) -> None:
        leads.clock.time = datetime(2026, 12, 30, 3, tzinfo=UTC)
        born = {"Hôm nay": (12, 30), "Năm mới": (1, 3), "Hôm qua": (12, 29), "Sau": (1, 10)}
        for name, (month, day) in born.items():
            birthday = contact_pb2.PartialDate(year=1990, month=month, day=day)
            await leads.contact(display_name=name, birthday=birthday)
        await leads.contact(display_name="Không rõ")

        soon = segment_pb2.DateCondition(field="birthday", within_days=7)

        assert await who(leads, segment_pb2.Condition(date=soon)) == {"Hôm nay", "Năm mới"}

    async def test_the_29th_of_february_is_kept_on_the_28th(self, leads: Leads) -> None:
        leads.clock.time = datetime(2026, 2, 27, 3, tzinfo=UTC)
        await leads.contact(birthday=contact_pb2.PartialDate(month=2, day=29), display_name="Nhuận")

        soon = segment_pb2.DateCondition(field="birthday", within_days=1)

        assert await who(leads, segment_pb2.Condition(date=soon)) == {"Nhuận"}

    async def test_groups_nest(self, leads: Leads) -> None:
        for name, company, tags in (("1", "A", ["x"]), ("2", "A", ["y"]), ("3", "B", ["x"])):
            await leads.contact(display_name=name, company=company, tags=tags)

        tagged = segment_pb2.Condition(tag=segment_pb2.TagCondition(tags=["y"]))
        inner = segment_pb2.Condition(group=group(tagged, match=NONE))

        assert await who(leads, field("company", EQUALS, "A"), inner) == {"1"}
        assert await who(leads) == {"1", "2", "3"}


class TestBuying:
    async def test_the_three_questions_have_three_answers(self, leads: Leads) -> None:
        now = leads.clock()
        for name, days_ago in (("Mới mua", 3), ("Đã lâu", 100), ("Chưa mua", None)):
            person = await leads.contact(display_name=name)
            if days_ago is not None:
                await sale(leads, person.id, time=now - timedelta(days=days_ago))

        assert await who(leads, bought(WITHIN, 30)) == {"Mới mua"}
        assert await who(leads, bought(LAPSED, 30)) == {"Đã lâu"}
        assert await who(leads, bought(NEVER)) == {"Chưa mua"}
        neither = await who(leads, bought(LAPSED, 30), bought(NEVER), match=ANY)
        assert neither == {"Đã lâu", "Chưa mua"}

    @pytest.mark.parametrize(
        "fields", [{"type": 3}, {"type": 4}, {"status": "Đã huỷ"}, {"status": "CANCELLED"}]
    )
    async def test_only_sales_count(self, leads: Leads, fields: dict[str, Any]) -> None:
        person = await leads.contact(display_name="An")
        await sale(leads, person.id, time=leads.clock() - timedelta(days=1), **fields)

        assert await who(leads, bought(NEVER)) == {"An"}

    async def test_windows_are_told(self, leads: Leads) -> None:
        found = await preview(leads, group(bought(WITHIN, 30), bought(NEVER)))

        (window,) = found.windows
        assert window.condition == "transaction: bought within 30 days"
        assert window.until.ToDatetime(tzinfo=UTC) == leads.clock()
        since = getattr(window, "from").ToDatetime(tzinfo=UTC)
        assert leads.clock() - since == timedelta(days=30)


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
