"""How long messages that somebody needs to sign in have waited, as an operator is told."""

import json
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from services.accounts.config import Settings
from services.accounts.usecases.contact_letters import CustomerMail
from services.accounts.usecases.letters import Scribe, StaffMail
from services.accounts.workers.gauges import Gauges
from tests.integration.accounts import post_parts
from tests.integration.accounts.post_parts import URL, Post

KEY = bytes(range(32))
SCRIBES = {
    "password_letters": Scribe(KEY, StaffMail(URL)),
    "contact_letters": Scribe(KEY, CustomerMail(KEY, URL)),
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return post_parts.mailing(settings)


@pytest.fixture
async def post(house: Any, settings: Settings, serve: Any) -> Post:
    return await post_parts.post(house, settings, serve)


async def age(house: Any, table: str) -> float:
    """Measure once, and return what is told."""
    scribe = SCRIBES[table]
    await Gauges(house.sessions, [scribe]).measure(scribe)
    labels = {"letters": scribe.kin}
    found = REGISTRY.get_sample_value("mekong_accounts_letters_waiting_age_seconds", labels)
    assert found is not None
    return found


@pytest.mark.parametrize("table", SCRIBES)
class TestLateLetters:
    async def test_the_oldest_that_waits_tells_though_it_was_put_off(
        self, house: Any, table: str
    ) -> None:
        add = f"""
            INSERT INTO {table} (id, kind, recipient, state, create_time, next_time) VALUES
                (:a, 'invitation', 'a', 'waiting', now() - interval '1 h', now() + interval '1 h'),
                (:b, 'invitation', 'b', 'waiting', now(), now()),
                (:c, 'invitation', 'c', 'failed', now() - interval '1 day', now())
        """  # noqa: S608
        none = await age(house, table)
        await house.sql(add, a=uuid4(), b=uuid4(), c=uuid4())

        assert none == 0
        assert 3_600 <= await age(house, table) < 3_700

    async def test_it_is_found_by_an_index_among_many_that_went(
        self, house: Any, table: str
    ) -> None:
        await house.sql(
            f"INSERT INTO {table} (id, kind, recipient, state)"  # noqa: S608
            " SELECT gen_random_uuid(), 'invitation', n, CASE WHEN n % 10 = 0 THEN 'waiting'"
            " ELSE 'handed_over' END FROM generate_series(1, 20000) AS n"
        )
        asked = SCRIBES[table].queue._sql["OLDEST"].text
        async with house.sessions.begin() as session:
            await session.execute(text(f"ANALYZE {table}"))
            explained = await session.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}"))
            found = json.dumps(explained.scalar_one())

        assert f"{table}_oldest" in found
        assert "Sort" not in found


class TestHandingOver:
    async def test_nothing_is_late_once_the_notifier_has_it(self, house: Any, post: Post) -> None:
        await post.invite("lan")
        await house.sql("UPDATE password_letters SET create_time = now() - interval '5 minutes'")
        before = await age(house, "password_letters")

        await post.make().round()

        assert 300 <= before < 400
        assert await age(house, "password_letters") == 0
