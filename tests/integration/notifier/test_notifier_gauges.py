"""What waits, is in doubt or expires is told to Prometheus."""

import asyncio
import contextlib
import math

from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis import db
from services.notifier.workers.gauges import Gauges
from tests.integration.notifier.notifier_parts import House, people


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"mekong_notifier_{name}", labels)


class TestGauges:
    async def test_each_lane_says_how_much_waits_and_for_how_long(self, house: House) -> None:
        run = await house.take(list(people(3)))
        await house.sql(
            "UPDATE messages SET created_at = now() - interval '60 s' WHERE run_id = :r", r=run
        )
        await house.sql(
            "INSERT INTO ready (message_id, run_date, channel, due_at) VALUES"
            " (gen_random_uuid(), current_date, 1, now() - interval '7 s'),"
            " (gen_random_uuid(), current_date, 1, now() + interval '7 s')"
        )

        await Gauges(house.sessions).measure()

        assert value("waiting", lane="bulk") == 3
        assert 59 < (value("waiting_age_seconds", lane="bulk") or 0) < 90
        assert value("waiting", lane="transactional") == 1
        assert 6 < (value("waiting_age_seconds", lane="transactional") or 0) < 40

    async def test_doubts_have_a_number_and_an_age(self, house: House) -> None:
        run = await house.take(list(people(3)))
        await house.sql(
            "UPDATE messages SET doubt_since = now() - interval '1 h'"
            " WHERE run_id = :r AND seq = 1",
            r=run,
        )

        await Gauges(house.sessions).measure()

        assert value("in_doubt") == 1
        assert 3_600 <= (value("in_doubt_age_seconds") or 0) < 3_700

    async def test_the_next_sender_to_expire_is_told(self, house: House) -> None:
        await Gauges(house.sessions).measure()
        none = value("sender_expiry_timestamp_seconds")
        await house.sql("UPDATE sender_identities SET expires_at = now() + interval '3 days'")

        await Gauges(house.sessions).measure()

        assert none == math.inf
        ((expected,),) = await house.sql(
            "SELECT extract(epoch FROM min(expires_at))::float FROM sender_identities"
        )
        assert value("sender_expiry_timestamp_seconds") == expected


class TestABusyDatabase:
    async def test_tells_its_figures_while_workers_hold_every_connection(
        self, house: House
    ) -> None:
        await house.sql(
            "INSERT INTO ready (message_id, run_date, channel, due_at) VALUES"
            " (gen_random_uuid(), current_date, 1, now() - interval '7 s')"
        )
        size = house.settings.database_pool_size
        async with contextlib.AsyncExitStack() as held:
            for _ in range(size):
                session = await held.enter_async_context(house.sessions.begin())
                await session.execute(text("SELECT 1"))
            async with asyncio.timeout(5):
                await Gauges(house.sessions).measure()

        assert value("waiting", lane="transactional") == 1

    async def test_keeps_no_other_figure_back_where_one_cannot_be_had(self, house: House) -> None:
        await house.sql(
            "INSERT INTO ready (message_id, run_date, channel, due_at) VALUES"
            " (gen_random_uuid(), current_date, 1, now() - interval '7 s')"
        )
        await house.sql("UPDATE sender_identities SET expires_at = now() + interval '3 days'")
        ((expected,),) = await house.sql(
            "SELECT extract(epoch FROM min(expires_at))::float FROM sender_identities"
        )
        bounds = {"database_statement_timeout_seconds": 0.4}
        hasty = db.sessions(house.settings.model_copy(update=bounds))
        async with house.sessions.begin() as session:
            await session.execute(text("LOCK TABLE ready IN ACCESS EXCLUSIVE MODE"))
            await Gauges(hasty).measure()
        await db.dispose(hasty)

        assert value("sender_expiry_timestamp_seconds") == expected
