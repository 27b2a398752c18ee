"""What sources brought: their leads, what those bought, and what the sources cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID

from services.leads.domain import report, source_cost
from services.leads.domain.listing import Filter
from services.leads.domain.report import Cell, Conversions, Names, Period, Rate


class Sold(NamedTuple):
    """What the leads of a source bought and sent back, in minor units of one currency."""

    source_id: UUID | None
    currency: str
    sales: int
    returned: int


@dataclass(frozen=True)
class SourceFigures:
    """What a source brought; amounts are minor units by currency."""

    source_id: UUID | None
    leads: Cell
    customers: Cell
    rate: Rate
    buyers: Cell
    sold: list[Sold]
    cost: Mapping[str, int]

    @property
    def cost_per_customer(self) -> dict[str, int]:
        """The cost for each of the customers by currency, empty without any."""
        count = self.customers.count
        found = {it: source_cost.each(amount, count) for it, amount in self.cost.items()}
        return {it: amount for it, amount in found.items() if amount is not None}


@dataclass(frozen=True)
class SourceReport:
    """The total and a line for each source; `costs_left_out` where it is of a part of the leads."""

    period: Period
    total: SourceFigures
    rows: list[SourceFigures]
    names: Names
    costs_left_out: bool


def figures(
    of: Conversions, buyers: int, sold: Sequence[Sold], cost: Mapping[str, int]
) -> SourceFigures:
    """Return the line of one source."""
    return SourceFigures(
        source_id=of.group,
        leads=of.leads,
        customers=of.converted,
        rate=of.rate,
        buyers=Cell(buyers, replace(of.leads.rows, with_sale=True)),
        sold=sorted(sold, key=lambda it: it.currency),
        cost=dict(sorted(cost.items())),
    )


def total(wanted: Filter, rows: Sequence[SourceFigures]) -> SourceFigures:
    """Return the sum of all sources: every lead has one, or none."""
    leads = sum(it.leads.count for it in rows)
    customers = sum(it.customers.count for it in rows)
    sales: dict[str, tuple[int, int]] = {}
    cost: dict[str, int] = {}
    for row in rows:
        for it in row.sold:
            before = sales.get(it.currency, (0, 0))
            sales[it.currency] = (before[0] + it.sales, before[1] + it.returned)
        for currency, amount in row.cost.items():
            cost[currency] = cost.get(currency, 0) + amount
    return SourceFigures(
        source_id=None,
        leads=Cell(leads, wanted),
        customers=Cell(customers, replace(wanted, conversions=report.CONVERTED)),
        rate=report.wilson(customers, leads),
        buyers=Cell(sum(it.buyers.count for it in rows), replace(wanted, with_sale=True)),
        sold=[Sold(None, currency, *both) for currency, both in sorted(sales.items())],
        cost=dict(sorted(cost.items())),
    )
