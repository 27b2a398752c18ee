"""Reports, progress and pages touch the partition of their run's day and no other, by the plan."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.campaigns.domain.clock import utc_now
from services.campaigns.storage import news, partitions, plans, recipients, runs
from services.campaigns.storage.news import News, Told
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House
from tests.integration.campaigns.run_parts import handed_over, tell
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


@pytest.mark.parametrize("groups", [1, 500])
async def test_a_report_finds_its_messages_by_id_where_nothing_is_known_of_a_day(
    house: House, monkeypatch: pytest.MonkeyPatch, groups: int
) -> None:
    by_index = plans.by_index
    run_id, day = UUID(int=7), date(2027, 4, 1)
    ids = [UUID(int=n).bytes for n in range(1, 501)]
    step = 500 // groups
    told = [
        Told(b"".join(ids[at : at + step]), News("ACCEPTED", "", 1, utc_now()))
        for at in range(0, 500, step)
    ]
    async with house.sessions.begin() as session:
        await partitions.make(session, day)
    async with house.sessions.begin() as session:
        await session.execute(
            text("""
            INSERT INTO recipients (run_date, run_id, contact_id, ordinal, message_id, channel,
                                    state, region, address)
            SELECT :day, :run_id, id, n, id, 'EMAIL', 'PLANNED', 'vn', 'a@b.example'
            FROM generate_series(1, 2000) AS n, LATERAL (
                SELECT CAST(lpad(to_hex(n), 32, '0') AS uuid) AS id) AS made
            """),
            {"day": day, "run_id": run_id},
        )

        seen: list[str] = []

        async def explaining(session: AsyncSession, statement: str, given: Any) -> Any:
            seen.append(str(await by_index(session, f"{explain(False)} {statement}", given)))
            return await by_index(session, statement, given)

        monkeypatch.setattr(plans, "by_index", explaining)
        ((*_, people),) = await news.apply(session, run_id, day, told)

    assert people == 500
    assert "_message_id_" in seen[0]
    assert "_ordinal_" not in seen[0]


async def test_statistics_of_a_day_are_taken_of_few_rows(house: House) -> None:
    day = date(2027, 4, 2)
    async with house.sessions.begin() as session:
        await partitions.make(session, day)

    found = await house.rows(
        "SELECT DISTINCT attstattarget FROM pg_attribute "
        "WHERE attnum > 0 AND attrelid = CAST(:name AS regclass)",
        name=partitions.partition(day),
    )

    assert found == [(10,)]
