"""Reports about the leads that the caller may read."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import FieldViolation
from services.leads.domain import fields, report, source_cost, source_report
from services.leads.domain.report import Asked, ConversionReport, Conversions, Grouping, Names
from services.leads.domain.source_report import SourceReport
from services.leads.storage import reports as storage
from services.leads.storage import segments, source_costs, sources
from services.leads.usecases import access


async def conversion(session: AsyncSession, asked: Asked, grouping: Grouping) -> ConversionReport:
    """Count the leads of a period and what became of them, of one moment; call it first."""
    scope = access.scope("read")
    await segments.one_moment(session)
    await storage.make_room(session)
    await _known(session, asked)
    counted = await storage.leads(session, asked.wanted, grouping, scope)
    total = report.spread(("", how, status, number) for _, how, status, number in counted)
    names = await _names(session, grouping, (key for key, *_ in counted))
    if grouping is Grouping.STAGE:
        counted = [
            (it, how, status, number)
            for passed, how, status, number in counted
            for it in passed or (None,)
        ]
    rows = [
        report.conversions(group, report.of_group(asked.wanted, grouping, group), counts)
        for group, counts in report.spread(counted).items()
    ]
    return ConversionReport(
        asked.period,
        grouping,
        report.conversions(None, asked.wanted, total.get("", {})),
        _ordered(rows, grouping, names),
        names,
    )


async def by_source(session: AsyncSession, asked: Asked) -> SourceReport:
    """Say what sources brought of the leads of a period, and cost; of one moment, call it first.

    Costs are of all leads of a source: they are left out where only a part of those is counted.
    """
    scope = access.scope("read")
    await segments.one_moment(session)
    await storage.make_room(session)
    await _known(session, asked)
    wanted, period = asked.wanted, asked.period
    counted, buyers = await storage.by_source(session, wanted, scope)
    counts = report.spread(counted)
    sold = await storage.sold(session, wanted, scope)
    part = bool(asked.owner_ids) or not scope.is_all
    touching = [] if part else await source_costs.touching(session, period.start, period.end)
    asked_for = [it for it in touching if not asked.source_ids or it.source_id in asked.source_ids]
    costs = source_cost.shares(asked_for, period.start, period.end)
    names = await _names(session, Grouping.SOURCE, [*counts, *costs])
    rows = []
    for it in dict.fromkeys([*counts, *costs]):
        listed = report.of_group(wanted, Grouping.SOURCE, it)
        became = report.conversions(it, listed, counts.get(it, {}))
        bought = [each for each in sold if each.source_id == it]
        cost = costs.get(it, {}) if it else {}
        rows.append(source_report.figures(became, buyers.get(it, 0), bought, cost))
    rows.sort(key=lambda it: (-it.leads.count, names.get(it.source_id, "~")))
    return SourceReport(period, source_report.total(wanted, rows), rows, names, part)


async def _known(session: AsyncSession, asked: Asked) -> None:
    """Raise `InvalidArgument` naming each source asked for that is none."""
    known = await sources.existing(session, [it for it in asked.source_ids if it])
    fields.refuse(
        [
            FieldViolation(f"source_ids[{place}]", "is no source")
            for place, it in enumerate(asked.source_ids)
            if it is not None and it not in known
        ]
    )


async def _names(session: AsyncSession, grouping: Grouping, keys: Iterable[Any]) -> Names:
    if grouping is Grouping.STAGE:
        return {it.id: it.name for it in await sources.stages(session)}
    if grouping is Grouping.SOURCE:
        found = await sources.existing(session, [it for it in keys if it])
        return {it.id: it.name for it in found.values()}
    return {}


def _ordered(rows: list[Conversions], grouping: Grouping, names: Names) -> list[Conversions]:
    if grouping is Grouping.STAGE:
        place = {it: number for number, it in enumerate(names)}
        return sorted(rows, key=lambda it: place.get(it.group, len(place)))
    return sorted(rows, key=lambda it: (-it.leads.count, names.get(it.group, str(it.group))))
