"""Report R1: equal to what is computed from the lists, and each figure opens its rows."""

import random
from collections import Counter, defaultdict
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2, report_pb2
from crm.interactions.v1 import report_service_pb2 as pb2
from sqlalchemy import text

from chassis import errors
from tests.integration.interactions.house import person, stamp
from tests.integration.serving import refused

DAYS = ("2026-03-10", "2026-03-20")
ASSIGNEE = report_pb2.FOLLOW_UP_GROUPING_ASSIGNEE
CONTACT = report_pb2.FOLLOW_UP_GROUPING_CONTACT
STATUSES = {1: "scheduled", 2: "open", 3: "completed", 4: "cancelled"}
TYPES = {1: "calls", 2: "sms", 3: "emails", 4: "meetings"}
ANNA, BINH, CHI = (f"01980000-0000-7000-8000-00000000000{n}" for n in "abc")

_SET_SOME = """
    UPDATE follow_ups SET {} WHERE id IN
        (SELECT id FROM follow_ups ORDER BY start_time, id OFFSET {} LIMIT 3)
"""


def asked(grouping: Any = ASSIGNEE, **more: Any) -> Any:
    given = {"start_date": DAYS[0], "end_date": DAYS[1], **more}
    return pb2.GetFollowUpReportRequest(grouping=grouping, **given)


async def listed(house: Any, rows: Any, who: Any) -> list[Any]:
    found: list[Any] = []
    request = follow_up_service_pb2.ListFollowUpsRequest()
    request.CopyFrom(rows)
    request.page_size = 13
    while True:
        page = await house.follow_ups(who).ListFollowUps(request)
        found += page.follow_ups
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def expected(plans: list[Any], groups: Any, now: datetime) -> dict[str, Counter[str]]:
    """What the figures are, in plain Python over the follow-ups that the list has."""
    first, after = (date.fromisoformat(it) for it in DAYS)
    rows: dict[str, Counter[str]] = defaultdict(Counter)
    for it in plans:
        day = it.start_time.ToDatetime(tzinfo=UTC).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date()
        if not first <= day < after:
            continue
        late = it.status in (1, 2) and it.end_time.ToDatetime(tzinfo=UTC) < now
        for group in groups(it):
            names = ["total", STATUSES[it.status], TYPES[it.type], f"{it.type}/{it.status}"]
            rows[group].update([*names, *(["overdue"] if late else [])])
    return rows


def told(row: Any) -> Counter[str]:
    names = ["total", "overdue", *STATUSES.values(), *TYPES.values()]
    counts = {it: getattr(row, it).count for it in names}
    counts |= {f"{it.type}/{it.status}": it.follow_ups.count for it in row.cells}
    return +Counter(counts)


def figures(row: Any) -> list[Any]:
    names = ["total", "overdue", *STATUSES.values(), *TYPES.values()]
    return [*(getattr(row, it) for it in names), *(it.follow_ups for it in row.cells)]


@pytest.fixture
async def plans(house: Any) -> Any:
    """Follow-ups around the days, of several people, types, statuses and ends."""
    chance = random.Random(3)
    contacts = [house.contact().id for _ in range(4)]
    for _ in range(70):
        start = datetime(2026, 3, 8, tzinfo=UTC) + timedelta(minutes=chance.randrange(14 * 1440))
        length = timedelta(days=chance.choice([0, 0, 30_000]))
        planned = await house.plan(
            chance.choice(contacts),
            type=chance.choice([1, 1, 2, 3, 4]),
            start_time=stamp(start),
            end_time=stamp(start + length),
            assignee_ids=chance.choice([[ANNA], [BINH], [ANNA, CHI]]),
        )
        way = chance.random()
        if way < 0.3:
            done = follow_up_service_pb2.CompleteFollowUpRequest(id=planned.id, outcome="xong")
            await house.follow_ups().CompleteFollowUp(done)
        elif way < 0.4:
            stop = follow_up_service_pb2.CancelFollowUpRequest(id=planned.id)
            await house.follow_ups().CancelFollowUp(stop)
    async with house.sessions.begin() as session:  # some to many, and some that nobody is to do
        await session.execute(text(_SET_SOME.format("contact_id = NULL", 30)))
        await session.execute(text(_SET_SOME.format("assignee_ids = '{}'", 40)))
    return contacts


class TestFollowUps:
    @pytest.mark.parametrize("grouping", [ASSIGNEE, CONTACT])
    async def test_it_is_what_the_lists_compute_and_every_figure_opens_its_rows(
        self, house: Any, plans: Any, grouping: Any
    ) -> None:
        who = person("all")
        every = await listed(house, follow_up_service_pb2.ListFollowUpsRequest(), who)

        report = await house.reports(who).GetFollowUpReport(asked(grouping))

        now = report.as_of_time.ToDatetime(tzinfo=UTC)
        by_user = grouping == ASSIGNEE
        of = (lambda it: it.assignee_ids or [""]) if by_user else (lambda it: it.contact_ids)
        rows = expected(every, of, now)
        assert {it.group_id: told(it) for it in report.rows} == rows
        assert told(report.total) == expected(every, lambda _: [""], now)[""]
        for row in (*report.rows, report.total):
            for figure in figures(row):
                assert len(await listed(house, figure.rows, who)) == figure.count
        assert len(await listed(house, report.many.rows, who)) == report.many.count > 0
        assert [it.total.count for it in report.rows] == sorted(
            (it.total.count for it in report.rows), reverse=True
        )

    @pytest.mark.parametrize("grouping", [ASSIGNEE, CONTACT])
    async def test_pages_and_the_file_have_every_line_once(
        self, house: Any, plans: Any, grouping: Any
    ) -> None:
        whole = await house.reports().GetFollowUpReport(asked(grouping))
        seen: list[tuple[str, int]] = []
        request = asked(grouping, page_size=1)
        while True:
            page = await house.reports().GetFollowUpReport(request)
            seen += [(it.group_id, it.total.count) for it in page.rows]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        export = pb2.ExportFollowUpReportRequest(
            start_date=DAYS[0], end_date=DAYS[1], grouping=grouping
        )
        lines = [
            line
            async for part in house.reports().ExportFollowUpReport(export)
            for line in part.lines
        ]

        assert seen == [(it.group_id, it.total.count) for it in whole.rows]
        assert [(it.group_id, it.total) for it in lines[:-1]] == seen
        assert (lines[-1].name, lines[-1].total) == ("total", whole.total.total.count)

    async def test_of_one_user_it_counts_what_that_user_does(self, house: Any, plans: Any) -> None:
        who = person("all")
        for grouping in (ASSIGNEE, CONTACT):
            report = await house.reports(who).GetFollowUpReport(asked(grouping, assignee_id=CHI))

            for row in (*report.rows, report.total):
                rows = await listed(house, row.total.rows, who)
                assert len(rows) == row.total.count > 0
                assert all(CHI in it.assignee_ids for it in rows)
            assert grouping == CONTACT or [it.group_id for it in report.rows] == [CHI]

    async def test_it_counts_nothing_that_its_reader_may_not_see(
        self, house: Any, plans: Any
    ) -> None:
        reader = person("own", user_id=CHI, contacts="all")
        seen = await listed(house, follow_up_service_pb2.ListFollowUpsRequest(), reader)

        report = await house.reports(reader).GetFollowUpReport(asked())

        now = report.as_of_time.ToDatetime(tzinfo=UTC)
        assert told(report.total) == expected(seen, lambda _: [""], now)[""]
        assert 0 < report.total.total.count < 40
        for row in report.rows:
            assert len(await listed(house, row.total.rows, reader)) == row.total.count

    async def test_who_may_read_no_follow_ups_gets_none(self, house: Any) -> None:
        nobody = person("all", follow_ups="none")
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.reports(nobody).GetFollowUpReport(asked())


class TestBadInput:
    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"start_date": ""}, "start_date"),
            ({"start_date": "2026-02-30"}, "start_date"),
            ({"start_date": "1900-01-01"}, "start_date"),
            ({"end_date": DAYS[0]}, "end_date"),
            ({"end_date": "2026-03-01"}, "end_date"),
            ({"start_date": "2010-01-01"}, "end_date"),
            ({"time_zone": "Asia/Hue"}, "time_zone"),
            ({"assignee_id": "Lan"}, "assignee_id"),
            ({"grouping": 0}, "grouping"),
            ({"grouping": 9}, "grouping"),
            ({"page_size": -1}, "page_size"),
        ],
    )
    async def test_what_makes_no_sense_is_named(
        self, house: Any, given: dict[str, Any], field: str
    ) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.reports().GetFollowUpReport(asked(**{"grouping": ASSIGNEE, **given}))

        assert refusal.fields() == [field]

    async def test_a_token_of_another_report_is_refused(self, house: Any, plans: Any) -> None:
        page = await house.reports().GetFollowUpReport(asked(page_size=1))

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            other = asked(CONTACT, page_size=1, page_token=page.next_page_token)
            await house.reports().GetFollowUpReport(other)


def test_the_types_and_statuses_here_are_all_there_are() -> None:
    assert set(STATUSES) == set(follow_up_pb2.FollowUpStatus.values()) - {0}
    assert set(TYPES) == set(follow_up_pb2.FollowUpType.values()) - {0}
