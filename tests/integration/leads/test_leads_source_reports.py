"""Reports of sources: equal to what is computed from an export, costs included."""

from fractions import Fraction

import pytest
from crm.leads.v1 import contact_service_pb2
from crm.leads.v1 import report_service_pb2 as pb

from tests.integration.leads import report_parts as parts
from tests.integration.leads.conftest import ALICE, SALES, Leads, user
from tests.integration.leads.report_parts import SOURCES, Export, by_source, cost

DAYS = ("2026-03-12", "2026-04-05")


class TestSources:
    async def test_it_is_what_an_export_computes_and_every_figure_opens_its_rows(
        self, leads: Leads
    ) -> None:
        await parts.generate(leads)
        # Half of its 30 days, all of its days, a thing in dollars, and two that are not of it.
        paid = [
            (SOURCES[0], "2026-03-21", "2026-04-20", 1_000_001, "VND"),
            (SOURCES[0], "2026-03-20", "2026-03-22", 500, "VND"),
            (SOURCES[1], "2026-03-12", "2026-04-05", 12_345, "USD"),
            (SOURCES[3], "2026-04-04", "2026-04-06", 77, "VND"),
            (SOURCES[2], "2026-04-05", "2026-04-06", 99, "VND"),
            (SOURCES[2], "2026-03-01", "2026-03-12", 99, "VND"),
        ]
        for source_id, first, after, amount, currency in paid:
            await cost(leads, source_id, first, after, amount=amount, currency=currency)
        export = await Export.of(leads)
        cohort = export.cohort(*DAYS)
        became = export.conversions(cohort, "SOURCE")

        report = await leads.reports.GetSourceReport(by_source())

        assert {it.source_id: it.leads.count for it in report.rows if it.leads.count} == {
            group: row["leads"] for group, row in became.items()
        }
        assert {it.source_id: it.customers.count for it in report.rows if it.leads.count} == {
            group: row.get("converted", 0) for group, row in became.items()
        }
        assert {it.source_id: it.buyers.count for it in report.rows if it.leads.count} == (
            export.buyers(cohort)
        )
        assert {
            (it.source_id, each.currency): (each.sales, each.returned)
            for it in report.rows
            for each in it.revenue
        } == export.revenue(cohort)
        shares: dict[tuple[str, str], Fraction] = {}
        for source_id, first, after, amount, currency in paid:
            key = source_id, currency
            shares[key] = shares.get(key, Fraction()) + parts.prorated(amount, first, after, *DAYS)
        told = {(it.source_id, m.currency): m.amount for it in report.rows for m in it.cost}
        assert set(told) == {key for key, share in shares.items() if share}
        for key, amount in told.items():  # to the minor unit, for each cost entered
            assert abs(shares[key] - amount) < 2
        assert not report.costs_left_out
        for row in (*report.rows, report.total):
            for name in ("leads", "customers", "buyers"):
                figure = getattr(row, name)
                assert len(await parts.listed(leads, figure.rows)) == figure.count
        assert report.total.leads.count == len(cohort)

    async def test_the_revenue_is_what_the_buyers_behind_it_bought(self, leads: Leads) -> None:
        await parts.generate(leads, 30)
        report = await leads.reports.GetSourceReport(by_source())

        for row in report.rows:
            behind = {it.id for it in await parts.listed(leads, row.buyers.rows)}
            export = await Export.of(leads)
            of_them = [it for it in export.contacts if it.id in behind]
            sales = {
                currency: both[0]
                for (_, currency), both in export.revenue(of_them).items()
                if both[0]
            }
            assert {it.currency: it.sales for it in row.revenue if it.sales} == sales

    async def test_a_customer_costs_its_part_and_nobody_nothing(self, leads: Leads) -> None:
        for _ in range(3):
            it = await leads.contact(source_id=SOURCES[0])
            await leads.contacts.ConvertContact(contact_service_pb2.ConvertContactRequest(id=it.id))
        await leads.contact(source_id=SOURCES[1])
        days = "2026-03-10", "2026-03-11"
        await cost(leads, SOURCES[0], *days, amount=500)
        await cost(leads, SOURCES[1], *days, amount=500)

        report = await leads.reports.GetSourceReport(by_source(*days))

        rows = {it.source_id: it for it in report.rows}
        assert [it.amount for it in rows[SOURCES[0]].cost_per_customer] == [167]  # 166.67
        assert list(rows[SOURCES[1]].cost_per_customer) == []
        assert [it.amount for it in report.total.cost] == [1_000]
        assert [it.amount for it in report.total.cost_per_customer] == [333]

    async def test_days_after_each_other_sum_to_the_whole_cost(self, leads: Leads) -> None:
        await cost(leads, SOURCES[0], "2026-03-01", "2026-04-01", amount=1_000_003)
        sums = 0
        for day in range(1, 32):
            last = f"2026-03-{day + 1:02d}" if day < 31 else "2026-04-01"
            report = await leads.reports.GetSourceReport(by_source(f"2026-03-{day:02d}", last))
            sums += report.total.cost[0].amount

        assert sums == 1_000_003

    @pytest.mark.parametrize("level", ["own", "team"])
    async def test_costs_are_left_out_of_a_part_of_the_leads(
        self, leads: Leads, level: str
    ) -> None:
        await parts.generate(leads, 12)
        await cost(leads, SOURCES[0], *DAYS)
        reader = leads.as_(user(ALICE, SALES, contacts=level, sources="all"))

        for part in (
            await reader.reports.GetSourceReport(by_source()),
            await leads.reports.GetSourceReport(by_source(owner_ids=[ALICE])),
        ):
            assert part.costs_left_out
            assert not [it for it in (*part.rows, part.total) if it.cost]

    async def test_its_file_has_a_line_for_each_currency(self, leads: Leads) -> None:
        await parts.generate(leads, 20)
        await cost(leads, SOURCES[0], *DAYS)
        report = await leads.reports.GetSourceReport(by_source())
        request = pb.ExportSourceReportRequest(start_date=DAYS[0], end_date=DAYS[1])

        lines = [
            line async for part in leads.reports.ExportSourceReport(request) for line in part.lines
        ]

        told = {(it.source_id, it.currency): it.revenue for it in lines if it.name != "total"}
        for row in report.rows:
            for each in row.revenue:
                assert told[row.source_id, each.currency] == each.net
        totals = [it for it in lines if it.name == "total"]
        assert {it.leads for it in totals} == {report.total.leads.count}
        assert {it.cost for it in totals if it.currency == "VND"} == {"1000000"}
