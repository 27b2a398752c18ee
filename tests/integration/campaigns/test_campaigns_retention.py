"""Rows of old runs are let go by the day; figures and a short row a contact stay."""

from crm.campaigns.v1 import run_pb2
from crm.campaigns.v1 import run_service_pb2 as pb
from sqlalchemy import text

from chassis.errors import FailedPrecondition
from services.campaigns.workers.retention import Retention
from tests.integration.campaigns.house import House, member
from tests.integration.serving import refused

DAY = "20200102"


async def do(house: House, statement: str, **given: object) -> None:
    async with house.sessions.begin() as session:
        await session.execute(text(statement), given)


async def old_run(house: House, people: int, *, ended: bool = True) -> run_pb2.Run:
    """A run of a day long ago with everybody accepted but one, who is excluded."""
    run = await house.planned(
        [member(n) for n in range(1, people + 1)] + [member(people + 1, consented=False)]
    )
    await do(
        house,
        f"""
        DO $$ BEGIN
            IF to_regclass('recipients_{DAY}') IS NULL THEN
                CREATE TABLE recipients_{DAY} PARTITION OF recipients
                FOR VALUES FROM ('2020-01-02') TO ('2020-01-03');
            END IF;
        END $$
    """,
    )
    await do(
        house,
        "UPDATE recipients SET run_date = '2020-01-02', state = CASE state WHEN 'EXCLUDED'"
        " THEN state ELSE 'ACCEPTED' END WHERE run_id = :r",
        r=run.id,
    )
    await do(
        house,
        "UPDATE runs SET run_date = '2020-01-02', end_time = CASE WHEN :e THEN"
        " timestamptz '2020-01-03' END WHERE id = :r",
        r=run.id,
        e=ended,
    )
    return run


async def is_there(house: House) -> bool:
    ((found,),) = await house.rows(f"SELECT to_regclass('recipients_{DAY}') IS NOT NULL")
    return bool(found)


class TestOldRuns:
    async def test_their_day_is_dropped_and_a_short_row_of_each_contact_stays(
        self, house: House
    ) -> None:
        run = await old_run(house, 3)
        today = await house.planned([member(1)])

        assert await Retention(house.sessions, 30).round()

        assert not await is_there(house)
        kept = await house.rows("SELECT run_id::text, channel, state FROM past_recipients")
        assert kept == [(run.id, "EMAIL", "ACCEPTED")] * 3
        assert await house.rows("SELECT count(*) FROM recipients") == [(1,)]
        shown = await house.get(run)
        assert (shown.audience, shown.planned) == (4, 3)
        assert shown.HasField("rows_gone_time")
        assert not (await house.get(today)).HasField("rows_gone_time")
        entries = await house.rows(
            "SELECT count(*) FROM outbox WHERE subject = 'audit.campaigns'"
            " AND position(convert_to('recipients.let_go', 'UTF8') IN payload) > 0"
        )
        assert entries == [(1,)]
        assert await house.rows("SELECT id::text FROM runs WHERE rows_gone_at IS NULL") == [
            (today.id,)
        ]
        assert not await Retention(house.sessions, 30).round()

    async def test_who_asks_for_their_rows_is_told_that_they_are_gone(self, house: House) -> None:
        run = await old_run(house, 3)
        ((contact,),) = await house.rows(
            "SELECT contact_id::text FROM recipients WHERE state = 'ACCEPTED' ORDER BY ordinal"
            " LIMIT 1"
        )
        assert await Retention(house.sessions, 30).round()

        with refused(FailedPrecondition, "ROWS_GONE"):
            await house.runs.ListRecipients(pb.ListRecipientsRequest(run_id=run.id))
        with refused(FailedPrecondition, "ROWS_GONE"):
            async for _ in house.runs.ExportRecipients(pb.ExportRecipientsRequest(run_id=run.id)):
                pass
        # What a contact got is still listed.
        listed = await house.runs.ListContactRecipients(
            pb.ListContactRecipientsRequest(contact_id=contact)
        )
        (kept,) = listed.recipients
        assert (kept.run_id, kept.message_id, kept.address) == (run.id, "", "")
        assert kept.state == run_pb2.RECIPIENT_STATE_ACCEPTED

    async def test_a_run_of_that_day_that_is_open_keeps_it(self, house: House) -> None:
        await old_run(house, 2)
        await old_run(house, 2, ended=False)

        assert not await Retention(house.sessions, 30).round()

        assert await is_there(house)
        assert await house.rows("SELECT count(*) FROM past_recipients") == [(0,)]

    async def test_killed_between_keeping_and_dropping_it_is_done_again(self, house: House) -> None:
        await old_run(house, 3)
        retention = Retention(house.sessions, 30)
        ((day,),) = await house.rows("SELECT DISTINCT run_date FROM recipients")
        await retention.keep_short(day)  # type: ignore[arg-type]
        await do(house, "DELETE FROM past_recipients WHERE ctid = '(0,1)'")

        assert await retention.round()

        assert await house.rows("SELECT count(*) FROM past_recipients") == [(3,)]
        assert not await is_there(house)

    async def test_without_a_number_of_days_nothing_goes(self, house: House) -> None:
        await old_run(house, 1)

        assert not await Retention(house.sessions, 0).round()

        assert await is_there(house)
