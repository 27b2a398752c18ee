"""How late messages of follow-ups are, as an operator is told."""

import json
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from services.interactions.storage import deliveries
from services.interactions.workers import measure_due
from tests.integration.interactions.test_interactions_due import PARENT, put

CONTACT = "'00000000-0000-4000-8000-00000000000{}'"


@pytest.fixture(autouse=True)
async def follow_up(house: Any) -> None:
    await put(house, "follow_ups", {"id": PARENT, "status": "'open'"})


async def deliver(house: Any, number: int, due: str, tried: str, state: str = "waiting") -> None:
    """Store the delivery to a contact: both times as intervals from now."""
    times = {"due_time": f"now() + interval '{due}'", "try_time": f"now() + interval '{tried}'"}
    who = {"contact_id": CONTACT.format(number), "state": f"'{state}'"}
    await put(house, "deliveries", {**who, **times})


async def age(house: Any) -> float:
    """Measure once, and return what is told."""
    await measure_due(house.sessions)._do()
    found = REGISTRY.get_sample_value("mekong_interactions_deliveries_due_age_seconds")
    assert found is not None
    return found


class TestLateDeliveries:
    async def test_none_is_late_before_its_time_nor_once_it_was_handed_over(
        self, house: Any
    ) -> None:
        await deliver(house, 1, "1 minute", "1 minute")
        await deliver(house, 2, "-1 day", "-1 day", "handed_over")

        assert await age(house) == 0

    async def test_one_that_is_put_off_again_and_again_counts_from_when_it_was_due(
        self, house: Any
    ) -> None:
        await deliver(house, 1, "-3 hours", "2 hours")
        await deliver(house, 2, "-1 second", "-1 second")

        assert 3 * 3_600 <= await age(house) < 3 * 3_600 + 60

    async def test_the_oldest_is_found_by_an_index_among_many(self, house: Any) -> None:
        many = """
            INSERT INTO deliveries (follow_up_id, contact_id, due_time, try_time, state)
            SELECT CAST(:parent AS uuid), gen_random_uuid(), now() - interval '1 hour', now(),
                CASE WHEN n % 10 = 0 THEN 'waiting' ELSE 'sent' END
            FROM generate_series(1, 20000) AS n
        """
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {deliveries._BACKLOG.text}"
        async with house.sessions.begin() as session:
            await session.execute(text(many), {"parent": PARENT.strip("'")})
        async with house.sessions.begin() as session:
            await session.execute(text("ANALYZE deliveries"))
            found = json.dumps((await session.execute(text(explain))).scalar_one())

        assert "deliveries_late" in found
        assert "Sort" not in found
