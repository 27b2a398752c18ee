"""Pages of reports: figures that open their rows, files, filters, and what they say."""

import csv
import io
from datetime import date
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from crm.interactions.v1 import (
    agenda_service_pb2,
    follow_up_service_pb2,
    lead_report_pb2,
    lead_report_service_pb2,
)
from crm.interactions.v1 import report_pb2 as follow_up_report_pb2
from crm.leads.v1 import (
    contact_pb2,
    contact_service_pb2,
    report_pb2,
    source_pb2,
    source_service_pb2,
)
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.web import report_filters
from tests.unit.gateway.web_parts import ID, shown

CUSTOM = "period=custom&from=2026-03-01&to=2026-03-31"


def count(number: int, **rows: Any) -> report_pb2.ContactCount:
    asked = contact_service_pb2.ListContactsRequest(**rows)
    asked.created_from.FromSeconds(1_772_298_000)
    return report_pb2.ContactCount(count=number, rows=asked)


def conversion_row(**given: Any) -> report_pb2.ConversionRow:
    rate = report_pb2.Rate(value=0.25, low=0.1, high=0.5, small=True)
    return report_pb2.ConversionRow(
        leads=count(4, conversions=[1, 2, 3]),
        converted=count(1, conversions=[2, 3], source_ids=[""]),
        first_sale=count(0),
        rate=rate,
        **given,
    )


def task_count(number: int, **rows: Any) -> follow_up_report_pb2.FollowUpCount:
    asked = follow_up_service_pb2.ListFollowUpsRequest(**rows)
    return follow_up_report_pb2.FollowUpCount(count=number, rows=asked)


def lead_count(number: int, **rows: Any) -> lead_report_pb2.LeadCount:
    asked = lead_report_pb2.ListReportedLeadsRequest(**rows)
    return lead_report_pb2.LeadCount(count=number, rows=asked)


@pytest.fixture
def http_(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser, and reports with a line each."""
    sources = source_service_pb2.ListSourcesResponse(
        sources=[source_pb2.Source(id=ID, name="Zalo")]
    )
    line = report_pb2.SourceRow(
        source_id=ID,
        name="=cmd|' /C calc'!A0",
        leads=count(4),
        customers=count(1),
        rate=report_pb2.Rate(value=0.25, low=0.1, high=0.5),
        buyers=count(1, with_sale=True),
        revenue=[report_pb2.Revenue(currency="VND", sales=1500, returned=500, net=1000)],
        cost=[report_pb2.Money(currency="VND", amount=300)],
        cost_per_customer=[report_pb2.Money(currency="VND", amount=300)],
    )
    tasks = follow_up_report_pb2.FollowUpRow(
        group_id="u1", total=task_count(3, assignee_id="u1"), overdue=task_count(2, to_many=True)
    )
    untouched = lead_count(3, owner_ids=[""], touch=lead_report_pb2.LEAD_TOUCH_UNTOUCHED)
    touches = lead_report_pb2.LeadReportRow(
        leads=lead_count(4), touched=lead_count(1), untouched=untouched, answered=lead_count(0)
    )
    someone = contact_pb2.Contact(id=ID, display_name="Lê Thị Bưởi")
    peers.answers.update(
        ListSources=sources,
        GetLeadReport=lead_report_pb2.LeadReport(rows=[touches], total=touches),
        ListReportedLeads=lead_report_service_pb2.ListReportedLeadsResponse(
            contact_ids=[ID, "gone"], next_page_token="more"
        ),
        BatchGetStandings=agenda_service_pb2.BatchGetStandingsResponse(),
        BatchGetContacts=contact_service_pb2.BatchGetContactsResponse(contacts=[someone]),
        GetConversionReport=report_pb2.ConversionReport(
            rows=[conversion_row(group_id="u1")], total=conversion_row()
        ),
        GetSourceReport=report_pb2.SourceReport(rows=[line], total=line),
        GetFollowUpReport=follow_up_report_pb2.FollowUpReport(
            rows=[tasks], total=tasks, next_page_token="next"
        ),
        ListContacts=contact_service_pb2.ListContactsResponse(
            contacts=[someone], next_page_token="more"
        ),
        ListFollowUps=follow_up_service_pb2.ListFollowUpsResponse(),
    )
    return signed_in


def links(page: str, path: str) -> list[str]:
    return [
        part.split('"')[0].replace("&amp;", "&")
        for part in page.split('href="')
        if part.startswith(path)
    ]


class TestConversion:
    def test_each_figure_opens_exactly_the_rows_that_were_counted(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        page = shown(http_, f"/reports/conversion?{CUSTOM}&by=owner")

        opened = links(page, "/reports/contacts?")
        assert len(opened) == 4  # two figures of two lines; a 0 opens nothing
        shown(http_, opened[1])
        asked = peers.named("ListContacts")[-1].request
        asked.page_size = 0
        assert asked == conversion_row().converted.rows

    def test_it_asks_for_whole_days_in_the_readers_zone(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        shown(http_, f"/reports/conversion?{CUSTOM}&by=stage&source=none&owner={ID}")

        asked = peers.named("GetConversionReport")[-1].request
        assert (asked.start_date, asked.end_date) == ("2026-03-01", "2026-04-01")
        assert asked.time_zone == "Asia/Ho_Chi_Minh"
        assert asked.grouping == report_pb2.CONVERSION_GROUPING_STAGE
        assert (list(asked.source_ids), list(asked.owner_ids)) == ([""], [ID])

    @pytest.mark.parametrize(("language", "few"), [("en", "Few"), ("vi", "Ít")])
    def test_it_warns_of_few_and_says_what_the_figures_mean(
        self, http_: FlaskClient, language: str, few: str
    ) -> None:
        page = shown(http_, f"/reports/conversion?lang={language}")

        assert f">{few}</span>" in page
        assert "Wilson" in page
        assert "25.0 %" in page or "25,0 %" in page
        assert 'role="img"' in page

    def test_bad_days_are_named_at_their_input(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["GetConversionReport"] = errors.InvalidArgument(
            "FIELDS_INVALID",
            "no",
            violations=[FieldViolation("end_date", "is not after start_date")],
        )

        page = shown(http_, "/reports/conversion?period=custom&from=2026-03-09&to=x&lang=vi", 400)

        assert "Phải sau ngày bắt đầu" in page
        assert peers.named("GetConversionReport")[-1].request.end_date == "x"
        assert 'value="2026-03-09"' in page

    def test_without_leads_it_says_what_to_do(self, http_: FlaskClient, peers: Any) -> None:
        peers.answers["GetConversionReport"] = report_pb2.ConversionReport()

        assert "Choose other days" in shown(http_, "/reports/conversion")


class TestFiles:
    @pytest.mark.parametrize("report", ["conversion", "sources", "follow-ups", "leads"])
    def test_a_report_is_a_file_too(self, http_: FlaskClient, report: str) -> None:
        with http_.get(f"/reports/{report}?{CUSTOM}&format=csv") as answer:  # frees its place
            rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))

        assert answer.mimetype == "text/csv"
        assert len({len(row) for row in rows}) == 1
        assert rows[-1][0] == "Total"

    def test_no_cell_is_computed(self, http_: FlaskClient) -> None:
        with http_.get(f"/reports/sources?{CUSTOM}&format=csv") as answer:
            text = answer.get_data(as_text=True)

        assert "'=cmd" in text
        assert "\r\n=cmd" not in text


class TestSources:
    def test_money_is_shown_by_currency(self, http_: FlaskClient) -> None:
        page = shown(http_, "/reports/sources?lang=vi")

        assert "1.000 ₫" in page
        assert "300 ₫" in page
        assert "Chi phí mỗi khách" in page

    def test_costs_of_a_part_are_left_out_and_it_says_why(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        part = peers.answers["GetSourceReport"]
        part.costs_left_out = True

        page = shown(http_, "/reports/sources")

        assert "Costs are left out" in page
        assert "300 ₫" not in page


class TestFollowUps:
    def test_figures_open_follow_ups_and_lines_go_on(self, http_: FlaskClient, peers: Any) -> None:
        page = shown(http_, "/reports/follow-ups?by=assignee")

        (first, *_) = links(page, "/reports/follow-ups/rows?")
        assert parse_qs(urlsplit(first).query) == {"assignee_id": ["u1"]}
        shown(http_, links(page, "/reports/follow-ups/rows?")[1])
        assert peers.named("ListFollowUps")[-1].request.to_many is True
        assert "page=next" in page


class TestLeads:
    @pytest.mark.parametrize(
        ("language", "said"), [("en", "Not counted as a touch"), ("vi", "Không tính là tiếp cận")]
    )
    def test_figures_open_leads_and_it_says_what_a_touch_is(
        self, http_: FlaskClient, peers: Any, language: str, said: str
    ) -> None:
        page = shown(http_, f"/reports/leads?lang={language}&owner=none")

        assert list(peers.named("GetLeadReport")[-1].request.owner_ids) == [""]
        assert said in page
        opened = links(page, "/reports/leads/rows?")
        assert len(opened) == 6  # three figures of two lines; a 0 opens nothing
        rows = shown(http_, f"{opened[2]}&page=there")
        asked = peers.named("ListReportedLeads")[-1].request
        assert (asked.touch, list(asked.owner_ids)) == (lead_report_pb2.LEAD_TOUCH_UNTOUCHED, [""])
        assert asked.page_token == "there"
        assert "Lê Thị Bưởi" in rows
        assert "page=more" in rows


class TestRows:
    def test_a_filter_that_is_none_is_refused(self, http_: FlaskClient) -> None:
        shown(http_, "/reports/contacts?conversions=NO", 400)
        shown(http_, "/reports/contacts?created_from=yesterday", 400)

    def test_more_rows_are_asked_for_with_the_same_filter(
        self, http_: FlaskClient, peers: Any
    ) -> None:
        page = shown(http_, "/reports/contacts?conversions=CONVERSION_HAND&page=there")

        asked = peers.named("ListContacts")[-1].request
        assert (list(asked.conversions), asked.page_token) == ([2], "there")
        assert "Behind this figure" in page
        assert "Lê Thị Bưởi" in page


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ("this_month", "2026-05-01", "2026-05-17"),
        ("last_month", "2026-04-01", "2026-04-30"),
        ("last_30", "2026-04-18", "2026-05-17"),
        ("this_quarter", "2026-04-01", "2026-05-17"),
        ("this_year", "2026-01-01", "2026-05-17"),
    ],
)
def test_periods_are_whole_days(period: str, first: str, last: str) -> None:
    found = report_filters._preset(period, date(2026, 5, 17))

    assert [it.isoformat() for it in found] == [first, last]
