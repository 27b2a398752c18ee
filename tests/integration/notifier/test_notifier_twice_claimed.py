"""A worker that stalls claims again what it holds already: each message goes out once."""

import asyncio

from services.notifier.domain.states import State
from tests.integration.notifier.notifier_parts import House, MailServer, people

LEASE_SECONDS = 1.0


class TestAWorkerThatHoldsAMessageTwice:
    async def test_only_the_claim_that_opened_the_attempt_speaks_for_it(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(20)))
        engine = house.engine(mail.wire(), lease_seconds=LEASE_SECONDS)
        renew, worth = engine._renew_all, engine._worth_opening

        async def late() -> None:
            """Nothing is renewed in time, as after a stall."""

        engine._renew_all = late  # type: ignore[method-assign]
        engine._worth_opening = lambda _: False  # type: ignore[method-assign,assignment]
        house.sweeper()
        async with asyncio.timeout(20):
            while len(engine._held) < 40:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        engine._renew_all = renew  # type: ignore[method-assign]
        engine._worth_opening = worth  # type: ignore[method-assign]

        await house.until(run, {State.ACCEPTED: 20})
        await house.eventually("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM claims)")

        assert sorted(mail.taken) == sorted(people(20))
