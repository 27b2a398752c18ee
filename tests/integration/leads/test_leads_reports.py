"""Report R2: equal to what is computed from an export, and each figure opens its rows."""

from typing import Any

import pytest
from crm.leads.v1 import contact_service_pb2, report_pb2
from crm.leads.v1 import report_service_pb2 as pb
from sqlalchemy import text

from chassis.errors import InvalidArgument, PermissionDenied, ResourceExhausted
from services.leads.usecases import sources as stage_rules
from tests.integration.leads import report_parts as parts
from tests.integration.leads.conftest import ALICE, NOBODY, SALES, Leads, user
from tests.integration.leads.report_parts import SOURCES, Export, by_source, conversion
from tests.integration.leads.test_leads_sources import stage
from tests.integration.serving import refused

CELLS = ("leads", "converted", "first_sale", "hand", "lost", "open")
DAYS = ("2026-03-12", "2026-04-05")


def grouping(name: str) -> Any:
    return report_pb2.ConversionGrouping.Value(f"CONVERSION_GROUPING_{name}")


async def of(leads: Leads, name: str, **more: Any) -> Any:
    return await leads.reports.GetConversionReport(conversion(grouping=grouping(name), **more))


@pytest.mark.parametrize("name", ["OWNER", "SOURCE", "STAGE"])
class TestConversion:
    async def test_it_is_what_an_export_computes_and_every_figure_opens_its_rows(
        self, leads: Leads, name: str
    ) -> None:
        await parts.generate(leads)
        export = await Export.of(leads)
        cohort = export.cohort(*DAYS)
        expected = export.conversions(cohort, name)

        report = await of(leads, name)

        told = {
            row.group_id: {cell: getattr(row, cell).count for cell in CELLS}
            | {"rate": row.rate.value}
            for row in report.rows
        }
        assert told == {
            group: {cell: row.get(cell, 0) for cell in (*CELLS, "rate")}
            for group, row in expected.items()
        }
        assert report.total.leads.count == len(cohort) > 30
        for row in (*report.rows, report.total):
            for cell in CELLS:
                figure = getattr(row, cell)
                rows = await parts.listed(leads, figure.rows)
                assert len(rows) == figure.count, (row.group_id, cell)

    async def test_it_counts_nothing_that_its_reader_may_not_see(
        self, leads: Leads, name: str
    ) -> None:
        await parts.generate(leads, 30)
        for level in ("own", "team"):
            reader = leads.as_(user(ALICE, SALES, contacts=level, sources="all"))
            seen = (await Export.of(reader)).cohort(*DAYS)

            report = await of(reader, name)

            assert report.total.leads.count == len(seen)
            assert 0 < len(seen) < 20
            for row in report.rows:
                assert len(await parts.listed(reader, row.leads.rows)) == row.leads.count

    async def test_filters_narrow_it(self, leads: Leads, name: str) -> None:
        await parts.generate(leads, 30)
        cohort = (await Export.of(leads)).cohort(*DAYS)
        mine = [it for it in cohort if it.source_id in ("", SOURCES[0])]
        mine = [it for it in mine if it.owner_ids[:1] == [ALICE]]

        report = await of(leads, name, source_ids=["", SOURCES[0]], owner_ids=[ALICE])

        assert report.total.leads.count == len(mine) > 0
        assert sum(row.leads.count for row in report.rows) >= len(mine)
        for row in report.rows:
            assert len(await parts.listed(leads, row.leads.rows)) == row.leads.count

    async def test_its_file_has_the_same_lines(self, leads: Leads, name: str) -> None:
        await parts.generate(leads, 12)
        report = await of(leads, name)
        request = pb.ExportConversionReportRequest(
            start_date=DAYS[0], end_date=DAYS[1], grouping=grouping(name)
        )

        lines = [
            line
            async for part in leads.reports.ExportConversionReport(request)
            for line in part.lines
        ]

        assert [(it.group_id, it.leads, it.converted, it.rate) for it in lines[:-1]] == [
            (it.group_id, it.leads.count, it.converted.count, it.rate.value) for it in report.rows
        ]
        assert (lines[-1].name, lines[-1].leads) == ("total", report.total.leads.count)


class TestThePeriod:
    async def test_a_day_begins_and_ends_at_midnight_of_its_zone(self, leads: Leads) -> None:
        for _ in range(3):  # 10 March 2026, 23:00, 23:59 and 00:58 in Vietnam
            await leads.contact(source_id=SOURCES[0])
            leads.clock.pass_(minutes=59)
        leads.clock.time = leads.clock.time.replace(hour=16, minute=59)
        await leads.contact(source_id=SOURCES[1])
        leads.clock.pass_(minutes=1)
        await leads.contact(source_id=SOURCES[2])

        async def counted(zone: str) -> dict[str, int]:
            asked = conversion(
                "2026-03-10", "2026-03-11", grouping=grouping("SOURCE"), time_zone=zone
            )
            report = await leads.reports.GetConversionReport(asked)
            return {it.group_id: it.leads.count for it in report.rows}

        assert await counted("Asia/Ho_Chi_Minh") == {SOURCES[0]: 3, SOURCES[1]: 1}
        assert await counted("UTC") == {SOURCES[0]: 3, SOURCES[1]: 1, SOURCES[2]: 1}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"start_date": ""}, "start_date"),
            ({"start_date": "2026-02-30"}, "start_date"),
            ({"start_date": "20260301"}, "start_date"),
            ({"start_date": "0001-01-01"}, "start_date"),
            ({"end_date": "9999-12-31"}, "end_date"),
            ({"end_date": "2026-03-12"}, "end_date"),
            ({"end_date": "2026-03-01"}, "end_date"),
            ({"start_date": "2010-01-01"}, "end_date"),
            ({"time_zone": "Asia/Hue"}, "time_zone"),
            ({"source_ids": ["x"]}, "source_ids[0]"),
            ({"source_ids": ["", NOBODY]}, "source_ids[1]"),
            ({"owner_ids": ["Lan"]}, "owner_ids[0]"),
            ({"owner_ids": [ALICE] * 101}, "owner_ids"),
        ],
    )
    async def test_what_makes_no_sense_is_named(
        self, leads: Leads, given: dict[str, Any], field: str
    ) -> None:
        asked = {"start_date": DAYS[0], "end_date": DAYS[1], **given}
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.reports.GetConversionReport(
                pb.GetConversionReportRequest(grouping=grouping("OWNER"), **asked)
            )
        assert refusal.fields() == [field]
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.reports.GetSourceReport(pb.GetSourceReportRequest(**asked))
        assert refusal.fields() == [field]

    async def test_without_a_grouping_it_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.reports.GetConversionReport(conversion())
        assert refusal.fields() == ["grouping"]

    async def test_who_may_read_no_contacts_gets_none(self, leads: Leads) -> None:
        nobody = leads.as_(user(ALICE, sources="all"))
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await of(nobody, "OWNER")
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await nobody.reports.GetSourceReport(by_source())
        with refused(PermissionDenied, "RIGHT_MISSING"):
            reader = leads.as_(user(ALICE, contacts="all"))
            await reader.reports.GetSourceReport(by_source())


class TestWhatReportsCountBy:
    async def test_a_contact_says_how_it_became_a_customer(self, leads: Leads) -> None:
        lead, entered = await leads.contact(), await leads.contact(kind=2)
        by_hand = await leads.contacts.ConvertContact(
            contact_service_pb2.ConvertContactRequest(id=(await leads.contact()).id)
        )

        assert [it.conversion for it in (lead, by_hand, entered)] == [1, 2, 4]

    async def test_life_stages_are_so_many_that_an_index_has_room(
        self, leads: Leads, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stage_rules, "MOST_STAGES", 6)

        with refused(ResourceExhausted, "TOO_LARGE"):
            await stage(leads, name="Một nữa")

    async def test_a_contact_of_every_stage_and_owner_can_be_written(self, leads: Leads) -> None:
        ids = [f"01980000-0000-7000-8000-{n:012x}" for n in range(0x1000, 0x1000 + 94)]
        owners = [f"01980000-0000-7000-8000-{n:012x}" for n in range(20)]
        person = await leads.contact(owner_ids=owners, team_id="đ" * 64, source_id=SOURCES[0])
        async with leads.sessions.begin() as session:
            every = [*parts.STAGES, *ids]
            await session.execute(
                text("UPDATE contacts SET passed_stage_ids = CAST(:ids AS uuid[])"), {"ids": every}
            )

        rows = await parts.listed(
            leads,
            contact_service_pb2.ListContactsRequest(passed_life_stage_ids=[ids[-1]]),
        )
        assert [it.id for it in rows] == [person.id]
