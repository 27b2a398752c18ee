"""Segments: each condition finds whom it should among those it should not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, segment_pb2

from tests.integration.leads.conftest import Leads
from tests.integration.leads.consent_parts import stamp
from tests.integration.leads.segment_parts import (
    ABSENT,
    ANY,
    CONTAINS,
    EQUALS,
    LAPSED,
    NEVER,
    NONE,
    PRESENT,
    STAGE,
    STARTS_WITH,
    WITHIN,
    ZALO,
    bought,
    field,
    group,
    preview,
    who,
)
from tests.integration.leads.test_leads_transactions import sale


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
