"""Chunks become rows, whoever brings them at the same time."""

import asyncio
from datetime import date, timedelta

from services.notifier.usecases import intake
from tests.integration.notifier.notifier_parts import House


class TestPartitions:
    async def test_those_who_want_a_days_first_partition_at_once_wait_for_one(
        self, house: House
    ) -> None:
        async def make(day: date) -> None:
            async with house.sessions.begin() as session:
                await intake.make_room(session, day)

        for number in range(5):
            day = date(2031, 1, 1) + timedelta(days=number)
            await asyncio.gather(*[make(day) for _ in range(4)])

        made = await house.sql("SELECT 1 FROM pg_class WHERE relname LIKE 'messages_203101__'")
        assert len(made) == 5
