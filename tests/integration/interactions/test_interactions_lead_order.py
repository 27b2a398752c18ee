"""Open leads by next follow-up and by last interaction, against plain Python."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.interactions.v1 import agenda_pb2
from crm.interactions.v1 import agenda_service_pb2 as pb2
from crm.interactions.v1 import follow_up_service_pb2 as follow_up_pb2s
from crm.leads.v1 import contact_pb2, events_pb2
from sqlalchemy import insert, select

from chassis import errors
from services.interactions.storage.tables import contacts, follow_ups
from tests.integration.interactions.house import later, person
from tests.integration.serving import refused

EARLIEST = agenda_pb2.STANDING_ORDER_NEXT_EARLIEST
LATEST = agenda_pb2.STANDING_ORDER_NEXT_LATEST
OLDEST = agenda_pb2.STANDING_ORDER_LAST_OLDEST
ME, OTHER, TEAM = uuid4(), uuid4(), uuid4()
NOW = datetime(2026, 11, 20, tzinfo=UTC)
# Few, so that many are the same.
TIMES = [None, *(NOW + timedelta(hours=each) for each in (-30, -1, 0, 5, 90))]


async def listed(house: Any, who: Any, **more: Any) -> Any:
    return await house.agenda(who).ListStandings(pb2.ListStandingsRequest(**more))


async def every(house: Any, who: Any, **more: Any) -> list[Any]:
    """All standings of a list, page after page."""
    found, token = [], ""
    while True:
        page = await listed(house, who, page_token=token, **more)
        found += page.standings
        token = page.next_page_token
        if not token:
            return found
        assert len(page.standings) == more["page_size"]


def in_order(rows: Sequence[Any], order: Any) -> list[str]:
    """The ids of rows in an order, by Python's own sorting."""
    name = "last_interaction_time" if order == OLDEST else "next_follow_up_time"
    timed = [it for it in rows if getattr(it, name) is not None]
    untimed = [it for it in rows if getattr(it, name) is None]
    backwards = order == LATEST
    timed.sort(key=lambda it: (getattr(it, name), it.id), reverse=backwards)
    untimed.sort(key=lambda it: it.id, reverse=backwards)
    return [str(it.id) for it in (untimed + timed if order == OLDEST else timed + untimed)]


@pytest.fixture
async def rows(house: Any) -> Any:
    """Leads of every kind, many with the same times, of one and several owners."""
    rng = random.Random(20261122)
    leads, planned = [], []
    for number in range(240):
        owners = rng.sample([ME, OTHER, uuid4()], rng.choice([0, 1, 1, 2, 3]))
        next_time, last_time = rng.choice(TIMES), rng.choice(TIMES)
        lead = {
            "id": uuid4(),
            "revision": 1,
            "owner_ids": owners,
            "team_id": rng.choice([TEAM, uuid4(), None]),
            "open_lead": rng.random() < 0.8,
            "deleted": rng.random() < 0.1,
            "next_follow_up_id": uuid4() if next_time else None,
            "next_follow_up_time": next_time,
            "last_interaction_time": last_time,
            "last_interaction_kind": "call" if last_time else "",
        }
        leads.append(lead)
        if next_time:
            planned.append(follow_up(lead, f"Gọi {number}"))
    async with house.sessions.begin() as session:
        await session.execute(insert(contacts), leads)
        await session.execute(insert(follow_ups), planned)
        return (await session.execute(select(contacts))).all()


def follow_up(lead: Any, title: str) -> dict[str, Any]:
    """The row of what is next with a lead."""
    start = lead["next_follow_up_time"]
    return {
        "id": lead["next_follow_up_id"],
        "title": title,
        "type": "call",
        "status": "scheduled",
        "contact_id": lead["id"],
        "assignee_ids": lead["owner_ids"],
        "start_time": start,
        "end_time": start + timedelta(minutes=30),
        "time_zone": "UTC",
        "creator_id": "test",
    }


@dataclass(frozen=True)
class Case:
    """Who asks for whose leads, and which of them are to be listed."""

    level: str
    sees: Callable[[Any], bool]
    user_id: UUID | None = None
    team_id: UUID | None = None


def mine(it: Any) -> bool:
    return ME in it.owner_ids


def teams(it: Any) -> bool:
    return bool(it.team_id == TEAM)


CASES = [
    Case("all", lambda it: True),
    Case("all", mine, user_id=ME),
    Case("all", teams, team_id=TEAM),
    Case("team", teams),
    Case("team", lambda it: OTHER in it.owner_ids and (teams(it) or mine(it)), user_id=OTHER),
    Case("own", mine),
    Case("own", lambda it: mine(it) and OTHER in it.owner_ids, user_id=OTHER),
    Case("own", lambda it: mine(it) and teams(it), team_id=TEAM),
]


class TestOrder:
    @pytest.mark.parametrize("order", [EARLIEST, LATEST, OLDEST])
    async def test_pages_are_what_python_sorts_within_every_reach(
        self, house: Any, rows: Any, order: Any
    ) -> None:
        for number, case in enumerate(CASES):
            who = person(case.level, str(TEAM), str(ME))
            open_ = [it for it in rows if it.open_lead and not it.deleted and case.sees(it)]
            size = (1, 7, 50)[number % 3]

            found = await every(
                house,
                who,
                order=order,
                page_size=size,
                user_id=str(case.user_id or ""),
                team_id=str(case.team_id or ""),
            )

            assert open_
            assert [it.contact_id for it in found] == in_order(open_, order), case

    async def test_unsaid_is_the_earliest_next_follow_up(self, house: Any, rows: Any) -> None:
        who = person()

        unsaid = await every(house, who, page_size=100)

        assert unsaid == await every(house, who, page_size=100, order=EARLIEST)

    async def test_each_says_where_it_stands(self, house: Any, rows: Any) -> None:
        known = {str(it.id): it for it in rows}

        found = await every(house, person(), page_size=100)

        for it in found:
            row = known[it.contact_id]
            assert it.next_follow_up_id == str(row.next_follow_up_id or "")
            assert it.last_interaction_kind == row.last_interaction_kind
            assert bool(it.next_follow_up_title) is bool(row.next_follow_up_id)
            assert it.HasField("last_interaction_time") is bool(row.last_interaction_time)
            if row.next_follow_up_time:
                start = it.next_follow_up_time.ToDatetime(tzinfo=UTC)
                end = it.next_follow_up_end_time.ToDatetime(tzinfo=UTC)
                assert (start, end - start) == (row.next_follow_up_time, timedelta(minutes=30))

    async def test_a_plan_moves_its_lead_and_a_cancelled_one_moves_it_back(
        self, house: Any
    ) -> None:
        me = person()
        made = []
        for _ in range(3):
            given = {"kind": contact_pb2.CONTACT_KIND_LEAD, "status": contact_pb2.LEAD_STATUS_NEW}
            contact = house.contact(me.subject, **given)
            await house.tell(events_pb2.ContactCreated(contact=contact))
            made.append(contact.id)
        first, second, third = sorted(made)
        await house.plan(third, me, start_time=later(90))
        early = await house.plan(second, me, start_time=later(30))

        async def order() -> list[str]:
            page = await listed(house, me, user_id=me.subject)
            return [it.contact_id for it in page.standings]

        assert await order() == [second, third, first]
        cancel = follow_up_pb2s.CancelFollowUpRequest(id=early.id)
        await house.follow_ups(me).CancelFollowUp(cancel)
        assert await order() == [third, first, second]


class TestRights:
    async def test_titles_are_left_out_without_the_right_to_follow_ups(
        self, house: Any, rows: Any
    ) -> None:
        found = await every(house, person(follow_ups="none"), page_size=100)

        assert any(it.next_follow_up_id for it in found)
        assert not any(it.next_follow_up_title for it in found)

    async def test_nobody_lists_without_the_right_to_contacts(self, house: Any) -> None:
        with refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await listed(house, person(contacts="none"))


class TestRefusals:
    async def test_every_bad_field_is_named_at_once(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await listed(house, person(), user_id="x", team_id="y", order=99)

        assert set(refusal.fields()) == {"order", "user_id", "team_id"}

    async def test_a_page_of_another_order_is_refused(self, house: Any, rows: Any) -> None:
        page = await listed(house, person(), order=EARLIEST, page_size=2)

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await listed(
                house, person(), order=LATEST, page_size=2, page_token=page.next_page_token
            )
