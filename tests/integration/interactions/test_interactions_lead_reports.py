"""What was done with leads (R1): equal to plain Python over what is kept, row by row."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from crm.interactions.v1 import follow_up_service_pb2, interaction_pb2, interaction_service_pb2
from crm.interactions.v1 import lead_report_pb2 as pb2
from crm.interactions.v1 import lead_report_service_pb2 as pb2s
from crm.leads.v1 import contact_pb2, events_pb2
from sqlalchemy import text

from chassis import errors
from tests.integration.interactions.house import person, stamp
from tests.integration.serving import refused

DAYS = {"start_date": "2026-03-10", "end_date": "2026-03-20"}
ANNA, BINH, CHI = (f"01980000-0000-7000-8000-00000000000{n}" for n in "abc")
FIGURES = ("leads", "touched", "untouched", "answered")
LEAD, CUSTOMER = contact_pb2.CONTACT_KIND_LEAD, contact_pb2.CONTACT_KIND_CUSTOMER

# What no call of these tests makes: a template, a message with its state, a proposal's history.
_TEMPLATE = """
    INSERT INTO proposal_templates (id, name) VALUES (:id, 'x');
    INSERT INTO proposal_template_versions (template_id, version, blocks, author_id)
    VALUES (:id, 1, '[]', 'x')
"""
_MESSAGE = """
    WITH made AS (
        INSERT INTO follow_ups (id, title, type, status, assignee_ids, start_time, end_time,
            time_zone, creator_id)
        VALUES (gen_random_uuid(), 'x', 'sms', 'completed', '{}', now(), now(), 'UTC', 'x')
        RETURNING id
    )
    INSERT INTO deliveries (follow_up_id, contact_id, state, due_time, try_time)
    SELECT id, :contact, :state, now(), now() FROM made
"""
_PROPOSAL = """
    WITH made AS (
        INSERT INTO proposals (id, title, contact_id, template_id, template_version, currency,
            lines, totals, valid_until, expire_time, locale, state, creator_id)
        VALUES (gen_random_uuid(), 'x', :contact, :template, 1, 'VND', '[]', '{}', now(), now(),
            'vi', 'draft', 'x') RETURNING id
    )
    INSERT INTO proposal_events (id, proposal_id, kind, actor, issue)
    SELECT gen_random_uuid(), id, :kind, 'x', 1 FROM made
"""


async def lead(house: Any, create_time: datetime, *owners: str, **more: Any) -> str:
    """Tells of a contact as leads does; returns its id."""
    given = {"kind": LEAD, "conversion": contact_pb2.CONVERSION_NONE, **more}
    made = house.contact(*owners, **given)
    made.create_time.CopyFrom(stamp(create_time))
    await house.tell(events_pb2.ContactCreated(contact=made))
    return str(made.id)


async def imported(house: Any, create_time: datetime, *owners: str) -> str:
    told = events_pb2.ImportedContact(
        id=str(uuid4()),
        revision=1,
        created=True,
        owner_ids=owners,
        kind=LEAD,
        create_time=stamp(create_time),
        conversion=contact_pb2.CONVERSION_NONE,
    )
    house.leads.contacts[told.id] = contact_pb2.Contact(id=told.id, revision=1, owner_ids=owners)
    await house.tell(events_pb2.ContactsImported(import_id="i", contacts=[told]))
    return told.id


async def log(house: Any, contact: str, kind: int, direction: int, result: int) -> None:
    given: Any = {"kind": kind, "direction": direction, "result": result}
    logged = interaction_pb2.Interaction(contact_id=contact, **given)
    asked = interaction_service_pb2.CreateInteractionRequest(interaction=logged)
    await house.interactions().CreateInteraction(asked)


async def task(house: Any, contact: str, kind: int, end: str) -> None:
    """Plans a call or a meeting, which is then done, called off or left."""
    planned = await house.plan(contact, type=kind)
    if end == "completed":
        done = follow_up_service_pb2.CompleteFollowUpRequest(id=planned.id, outcome="xong")
        await house.follow_ups().CompleteFollowUp(done)
    elif end == "cancelled":
        stop = follow_up_service_pb2.CancelFollowUpRequest(id=planned.id)
        await house.follow_ups().CancelFollowUp(stop)


@pytest.fixture
async def leads(house: Any) -> list[str]:
    """Leads around the days, of several owners, to whom all there is happened, or nothing."""
    chance, template = random.Random(5), uuid4()
    async with house.sessions.begin() as session:
        for each in _TEMPLATE.split(";"):
            await session.execute(text(each), {"id": template})
    made = []
    for n in range(60):
        at = datetime(2026, 3, 8, tzinfo=UTC) + timedelta(minutes=chance.randrange(14 * 1440))
        owners = chance.choice([(ANNA,), (BINH,), (CHI, ANNA), ()])
        if n % 3:
            made.append(await lead(house, at, *owners, team=chance.choice(["", str(uuid4())])))
        else:
            made.append(await imported(house, at, *owners))
    entered = {"kind": CUSTOMER, "conversion": contact_pb2.CONVERSION_ENTERED}
    made.append(await lead(house, datetime(2026, 3, 12, tzinfo=UTC), ANNA, **entered))
    async with house.sessions.begin() as session:
        for contact in made[::2]:
            for _ in range(chance.choice([1, 1, 2])):
                values = {"contact": contact, "template": template}
                match chance.randrange(4):
                    case 0:
                        rolled = (chance.randint(1, n) for n in (4, 2, 3))
                        await log(house, contact, *rolled)
                    case 1:
                        ends = ["completed", "completed", "cancelled", "left"]
                        await task(house, contact, chance.choice([1, 4]), chance.choice(ends))
                    case 2:
                        states = ["sent", "delivered", "in_doubt", "skipped", "failed", "waiting"]
                        values["state"] = chance.choice(states)
                        await session.execute(text(_MESSAGE), values)
                    case 3:
                        values["kind"] = chance.choice(
                            ["sent", "send_failed", "viewed", "accepted", "declined", "commented"]
                        )
                        await session.execute(text(_PROPOSAL), values)
    gone = events_pb2.ContactDeleted(contact_id=made[2], revision=9)
    await house.tell(gone)
    return made


async def exported(house: Any) -> dict[str, list[Any]]:
    """Every row that is kept, as a file would have it."""
    tables = ("contacts", "interactions", "follow_ups", "deliveries", "proposals")
    async with house.sessions.begin() as session:
        return {
            it: list(await session.execute(text(f"SELECT * FROM {it}")))  # noqa: S608 (ours)
            for it in (*tables, "proposal_events")
        }


def deeds(rows: dict[str, list[Any]]) -> tuple[set[Any], set[Any]]:
    """Who was touched, and who answered, in plain Python."""
    touched, answered = set(), set()
    for it in rows["interactions"]:
        touched.add(it.contact_id)
        if it.direction == "inbound" or (it.result == "reached" and it.kind != "letter"):
            answered.add(it.contact_id)
    for it in rows["follow_ups"]:
        if it.status == "completed" and it.type in ("call", "meeting"):
            touched.add(it.contact_id)
        if it.status == "completed" and it.type == "meeting":
            answered.add(it.contact_id)
    touched |= {it.contact_id for it in rows["deliveries"] if it.state in ("sent", "delivered")}
    whose = {it.id: it.contact_id for it in rows["proposals"]}
    for it in rows["proposal_events"]:
        if it.kind in ("sent", "accepted", "declined", "commented"):
            touched.add(whose[it.proposal_id])
        if it.kind in ("accepted", "declined", "commented"):
            answered.add(whose[it.proposal_id])
    return touched, answered


def expected(rows: dict[str, list[Any]]) -> dict[str, Counter[str]]:
    """The figures by main owner, and of all under "total"."""
    first, after = (date.fromisoformat(it) for it in DAYS.values())
    touched, answered = deeds(rows)
    found: dict[str, Counter[str]] = {}
    for it in rows["contacts"]:
        if it.deleted or it.lead_time is None:
            continue
        day = it.lead_time.astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date()
        if first <= day < after:
            names = ["leads", "touched" if it.id in touched else "untouched"]
            names += ["answered"] if it.id in answered else []
            for group in ("total", str(it.owner_ids[0]) if it.owner_ids else ""):
                found.setdefault(group, Counter()).update(names)
    return found


def told(row: Any) -> Counter[str]:
    return +Counter({name: getattr(row, name).count for name in FIGURES})


async def listed(house: Any, rows: Any, who: Any) -> list[str]:
    found: list[str] = []
    request = pb2.ListReportedLeadsRequest()
    request.CopyFrom(rows)
    request.page_size = 7
    while True:
        page = await house.lead_reports(who).ListReportedLeads(request)
        found += page.contact_ids
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def asked(**more: Any) -> Any:
    return pb2s.GetLeadReportRequest(**{**DAYS, **more})


class TestLeads:
    async def test_it_is_what_plain_python_computes_and_every_figure_opens_its_rows(
        self, house: Any, leads: list[str]
    ) -> None:
        rows = await exported(house)
        wanted = expected(rows)
        touched, answered = deeds(rows)
        who = person("all")

        report = await house.lead_reports(who).GetLeadReport(asked())

        found = {it.owner_id: told(it) for it in report.rows}
        assert {**found, "total": told(report.total)} == wanted
        assert 0 < wanted["total"]["answered"] < wanted["total"]["touched"]
        assert set(wanted) == {ANNA, BINH, CHI, "", "total"}
        for row in (*report.rows, report.total):
            opened = {name: await listed(house, getattr(row, name).rows, who) for name in FIGURES}
            assert {name: len(it) for name, it in opened.items()} == {
                name: getattr(row, name).count for name in FIGURES
            }
            assert set(opened["leads"]) == {*opened["touched"], *opened["untouched"]}
            assert all(it in map(str, touched) for it in opened["touched"])
            assert all(it in map(str, answered) for it in opened["answered"])

    async def test_the_file_has_its_lines_and_owners_can_be_chosen(
        self, house: Any, leads: list[str]
    ) -> None:
        whole = await house.lead_reports().GetLeadReport(asked())
        export = pb2s.ExportLeadReportRequest(**DAYS, owner_ids=[CHI, ""])
        stream = house.lead_reports().ExportLeadReport(export)
        lines = [line async for part in stream for line in part.lines]

        of = {it.owner_id: it.leads.count for it in whole.rows}
        assert {it.owner_id: it.leads for it in lines[:-1]} == {CHI: of[CHI], "": of[""]}
        assert (lines[-1].name, lines[-1].leads) == ("total", of[CHI] + of[""])
        assert all(it.leads == it.touched + it.untouched for it in lines)

    async def test_it_counts_no_lead_that_its_reader_may_not_see(
        self, house: Any, leads: list[str]
    ) -> None:
        reader = person("own", user_id=ANNA)
        report = await house.lead_reports(reader).GetLeadReport(asked())

        seen = await listed(house, report.total.leads.rows, reader)
        mine = {
            str(it.id)
            for it in (await exported(house))["contacts"]
            if ANNA in map(str, it.owner_ids)
        }
        assert len(seen) == report.total.leads.count > 0
        assert set(seen) <= mine
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await house.lead_reports(person("none")).GetLeadReport(asked())

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"start_date": "2026-02-30"}, "start_date"),
            ({"time_zone": "Asia/Hue"}, "time_zone"),
            ({"owner_ids": ["", "Lan"]}, "owner_ids[1]"),
            ({"owner_ids": [ANNA] * 101}, "owner_ids"),
        ],
    )
    async def test_what_makes_no_sense_is_named(
        self, house: Any, given: dict[str, Any], field: str
    ) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.lead_reports().GetLeadReport(asked(**given))

        assert refusal.fields() == [field]

    async def test_a_list_refuses_what_is_no_choice_and_tokens_of_others(
        self, house: Any, leads: list[str]
    ) -> None:
        page = await house.lead_reports().ListReportedLeads(
            pb2.ListReportedLeadsRequest(page_size=1)
        )
        other: Any = {"touch": pb2.LEAD_TOUCH_TOUCHED, "page_token": page.next_page_token}

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await house.lead_reports().ListReportedLeads(pb2.ListReportedLeadsRequest(**other))
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            nothing: Any = 9
            wrong = pb2.ListReportedLeadsRequest(touch=nothing)
            await house.lead_reports().ListReportedLeads(wrong)
        assert refusal.fields() == ["touch"]
