"""Reports, progress and pages touch the partition of their run's day and no other, by the plan."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.campaigns.storage import partitions, plans, recipients, runs
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House
from tests.integration.campaigns.test_campaigns_runs_rpc import handed_over, tell
from tests.integration.explained import Explained, explain


async def test_reports_and_pages_stay_in_their_day(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, ids = await handed_over(house, 20)
    async with house.sessions.begin() as session:
        stored = (await runs.get(session, UUID(run.id))).run
        days = (
            await session.scalars(text("SELECT date '2027-03-01' + generate_series(0, 3)"))
        ).all()
    for day in days:
        async with house.sessions.begin() as session:
            await partitions.make(session, day)
    seen, by_index = Explained(), plans.by_index

    async def explaining(session: AsyncSession, statement: str, given: Mapping[str, Any]) -> Any:
        ((plan,),) = await by_index(session, f"{explain(False)} {statement}", given)
        seen.note(statement, plan)
        return await by_index(session, statement, given)

    monkeypatch.setattr(plans, "by_index", explaining)

    assert await tell(house, run, ids, desks.ACCEPTED) == 20
    async with house.sessions.begin() as session:
        for page in (Page(10), Page(10, (5,))):
            query = recipients.of_run(page, stored, (), "")
            compiled = query.compile(dialect=session.get_bind().dialect)
            raw = await session.connection()
            found = await raw.exec_driver_sql(
                f"{explain(True)} {compiled.string}", compiled.construct_params()
            )
            seen.note("page of recipients", found.scalar_one())

    assert len(seen.days) >= 3
    assert seen.beyond(f"{stored.run_date:%Y%m%d}") == []
