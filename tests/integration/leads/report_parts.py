"""A generated house of leads for reports, and the same figures computed in plain Python.

What is computed here knows nothing of the code under test: it reads what the API and the tables
export, and counts with dicts and fractions.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from crm.leads.v1 import (
    contact_pb2,
    contact_service_pb2,
    source_cost_pb2,
    source_cost_service_pb2,
    transaction_pb2,
    transaction_service_pb2,
)
from crm.leads.v1 import report_service_pb2 as pb
from google.protobuf.timestamp_pb2 import Timestamp

from tests.integration.leads.conftest import ALICE, BOB, CARE, SALES, Leads

ZONE = "Asia/Ho_Chi_Minh"
SOURCES = [f"01980000-0000-7000-8000-00000000000{n}" for n in range(1, 5)]
STAGES = [f"01980000-0000-7000-8000-00000000001{n}" for n in range(1, 7)]
MET, TALKING, WON, LOST_STAGE = STAGES[1], STAGES[2], STAGES[3], STAGES[5]
OWNERS = ([], [ALICE], [BOB], [ALICE, BOB], [BOB, ALICE])
CANCELLED = ("cancelled", "Đã hủy")


def stamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


async def generate(leads: Leads, people: int = 60, seed: int = 7) -> None:
    """Make people over some weeks who are met, lost, converted and sold to, at random."""
    chance = random.Random(seed)
    made: list[contact_pb2.Contact] = []
    for _ in range(people):
        leads.clock.pass_(hours=chance.randrange(1, 20))
        kind = contact_pb2.CONTACT_KIND_CUSTOMER if chance.random() < 0.1 else 0
        source = chance.choice([*SOURCES[:3], ""])
        owners = chance.choice(OWNERS)
        team = chance.choice(["", SALES, CARE])
        made.append(
            await leads.contact(kind=kind, source_id=source, owner_ids=owners, team_id=team)
        )
    for it in made:
        leads.clock.pass_(minutes=5)
        await _live(leads, it, chance)
    await sell(leads, made, chance)


async def _live(leads: Leads, it: contact_pb2.Contact, chance: random.Random) -> None:
    move, pb_ = leads.contacts.MoveToLifeStage, contact_service_pb2
    if it.kind == contact_pb2.CONTACT_KIND_CUSTOMER:
        return
    for stage in (MET, TALKING):
        if chance.random() < 0.4:
            await move(pb_.MoveToLifeStageRequest(id=it.id, life_stage_id=stage))
    way = chance.random()
    if way < 0.15:
        await leads.contacts.ConvertContact(pb_.ConvertContactRequest(id=it.id))
    elif way < 0.25:
        await move(pb_.MoveToLifeStageRequest(id=it.id, life_stage_id=WON))
    elif way < 0.4:
        gone = pb_.ChangeStatusRequest(id=it.id, status=5, lost_reason="giá")
        await leads.contacts.ChangeStatus(gone)
    elif way < 0.45:
        await move(pb_.MoveToLifeStageRequest(id=it.id))


async def sell(leads: Leads, made: list[contact_pb2.Contact], chance: random.Random) -> None:
    """Let some of them buy and send back, in two currencies; some of it is cancelled."""
    told = []
    for number in range(len(made) * 2):
        type_ = chance.choice([1, 1, 2, 3, 4])
        told.append(
            transaction_pb2.Transaction(
                system="pos",
                external_id=str(number),
                type=type_,
                contact_id=chance.choice(made[: len(made) // 2]).id,
                amount=chance.randrange(1, 10_000_000),
                currency=chance.choice(["VND", "VND", "USD"]),
                time=stamp(leads.clock()),
                status=chance.choice(["", "", "", *CANCELLED]),
            )
        )
    request = transaction_service_pb2.IngestTransactionsRequest(transactions=told)
    outcome = await leads.transactions.IngestTransactions(request)
    assert not outcome.rejected


async def cost(leads: Leads, source_id: str, first: str, after: str, **more: Any) -> Any:
    given = {"amount": 1_000_000, **more}
    wanted = source_cost_pb2.SourceCost(
        source_id=source_id, start_date=first, end_date=after, **given
    )
    request = source_cost_service_pb2.CreateSourceCostRequest(source_cost=wanted)
    return await leads.source_costs.CreateSourceCost(request)


async def listed(leads: Leads, rows: Any) -> list[contact_pb2.Contact]:
    """Return every contact that the list has for a figure, page by page."""
    found: list[contact_pb2.Contact] = []
    request = contact_service_pb2.ListContactsRequest()
    request.CopyFrom(rows)
    request.page_size = 17
    while True:
        page = await leads.contacts.ListContacts(request)
        found += page.contacts
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def conversion(first: str = "2026-03-12", after: str = "2026-04-05", **more: Any) -> Any:
    return pb.GetConversionReportRequest(start_date=first, end_date=after, **more)


def by_source(first: str = "2026-03-12", after: str = "2026-04-05", **more: Any) -> Any:
    return pb.GetSourceReportRequest(start_date=first, end_date=after, **more)


class Export:
    """Everything there is, as the API gives it, and the figures computed from it."""

    def __init__(self, contacts: list[Any], changes: dict[str, list[Any]], sold: list[Any]) -> None:
        self.contacts, self.changes, self.sold = contacts, changes, sold

    @classmethod
    async def of(cls, leads: Leads) -> "Export":
        contacts = await listed(leads, contact_service_pb2.ListContactsRequest())
        changes: dict[str, list[Any]] = {}
        sold: list[Any] = []
        for it in contacts:
            request = contact_service_pb2.ListStageChangesRequest(contact_id=it.id)
            changes[it.id] = list((await leads.contacts.ListStageChanges(request)).changes)
            request = transaction_service_pb2.ListTransactionsRequest(contact_id=it.id)
            sold += (await leads.transactions.ListTransactions(request)).transactions
        return cls(contacts, changes, sold)

    def cohort(self, first: str, after: str, zone: str = ZONE) -> list[Any]:
        """The leads created on the local days; who was entered as a customer has no history."""
        days = date.fromisoformat(first), date.fromisoformat(after)
        return [
            it
            for it in self.contacts
            if days[0] <= _local(it.create_time, zone) < days[1] and not self._entered(it)
        ]

    def _entered(self, it: Any) -> bool:
        converts = [each for each in self.changes[it.id] if each.to_status == 4]
        return it.status == 4 and not converts

    def stages(self, it: Any) -> set[str]:
        """Where it is now, and where its history says that it came from and went to."""
        known = {it.life_stage_id}
        for each in self.changes[it.id]:
            known |= {each.from_life_stage_id, each.to_life_stage_id}
        return (known - {""}) or {""}

    def groups(self, it: Any, grouping: str) -> Iterable[str]:
        return {
            "OWNER": lambda: [it.owner_ids[0] if it.owner_ids else ""],
            "SOURCE": lambda: [it.source_id],
            "STAGE": lambda: self.stages(it),
        }[grouping]()

    def conversions(self, cohort: list[Any], grouping: str) -> dict[str, dict[str, Any]]:
        rows: dict[str, dict[str, Any]] = defaultdict(lambda: defaultdict(int))
        for it in cohort:
            for group in self.groups(it, grouping):
                rows[group]["leads"] += 1
                for name in self._became(it):
                    rows[group][name] += 1
        for row in rows.values():
            row["rate"] = float(Fraction(row["converted"], row["leads"]))
        return {group: dict(row) for group, row in rows.items()}

    def _became(self, it: Any) -> list[str]:
        if it.status == 4:
            (change,) = [each for each in self.changes[it.id] if each.to_status == 4]
            return ["converted", "first_sale" if change.actor == "first_sale" else "hand"]
        return ["lost" if it.status == 5 else "open"]

    def revenue(self, cohort: list[Any]) -> dict[tuple[str, str], tuple[int, int]]:
        """Sales and returns by source and currency."""
        source = {it.id: it.source_id for it in cohort}
        sums: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for it in self.sold:
            if it.contact_id in source and it.status not in CANCELLED and it.type != 3:
                sums[source[it.contact_id], it.currency][it.type == 4] += it.amount
        return {key: (both[0], both[1]) for key, both in sums.items()}

    def buyers(self, cohort: list[Any]) -> dict[str, int]:
        bought = {
            it.contact_id for it in self.sold if it.type in (1, 2) and it.status not in CANCELLED
        }
        counts: dict[str, int] = defaultdict(int)
        for it in cohort:
            counts[it.source_id] += it.id in bought
        return dict(counts)


def prorated(amount: int, first: str, after: str, start: str, end: str) -> Fraction:
    """What the days from `start` until `end` bear of a cost, exactly, day by day."""
    paid = [date.fromisoformat(it) for it in (first, after)]
    asked = [date.fromisoformat(it) for it in (start, end)]
    days = [paid[0] + timedelta(n) for n in range((paid[1] - paid[0]).days)]
    return Fraction(amount, len(days)) * sum(asked[0] <= it < asked[1] for it in days)


def _local(time: Timestamp, zone: str) -> date:
    return time.ToDatetime(tzinfo=UTC).astimezone(ZoneInfo(zone)).date()
