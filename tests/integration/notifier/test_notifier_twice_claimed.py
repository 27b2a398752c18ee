"""A worker that stalls claims again what it holds already: each message goes out once."""

import asyncio

import pytest

from services.notifier.domain.states import State
from services.notifier.domain.work import Prepared
from services.notifier.usecases import claiming
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


class TestAWorkerThatStallsBeyondItsLease:
    async def test_what_it_left_of_a_claim_is_sent_when_the_rest_of_it_ends_late(
        self, house: House, mail: MailServer
    ) -> None:
        mail.hold.clear()
        run = await house.take(list(people(40)))
        engine = house.engine(mail.wire(), lease_seconds=LEASE_SECONDS)
        take = engine._held.take

        async def late() -> None:
            """Nothing is renewed in time, as after a stall."""

        def few(room: int, bulk_room: int) -> list[Prepared]:
            return [] if len(engine._leases) else take(min(room, 4), min(bulk_room, 4))

        engine._renew_all = late  # type: ignore[method-assign]
        engine._held.take = few  # type: ignore[method-assign]
        async with asyncio.timeout(20):
            while not (len(engine._leases) and len(engine._held)):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await house.eventually("SELECT 1 FROM claims WHERE lease_until < clock_timestamp()")
        engine._held.take = take  # type: ignore[method-assign]
        async with asyncio.timeout(20):
            while len(engine._held):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        mail.hold.set()
        async with asyncio.timeout(20):
            while len(engine._leases):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

        house.sweeper()

        await house.until(run, {State.ACCEPTED: 40})
        assert sorted(mail.taken) == sorted(people(40))

    async def test_what_could_not_be_given_back_is_sent(
        self, house: House, mail: MailServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        run = await house.take(list(people(20)))
        engine = house.engine(mail.wire(), lease_seconds=LEASE_SECONDS)
        give_back, refused = claiming.give_back, asyncio.Event()

        async def fail(*_: object) -> None:
            refused.set()
            raise ConnectionError

        monkeypatch.setattr(claiming, "give_back", fail)
        monkeypatch.setattr(engine._fresh, "allows", lambda *_: refused.is_set())
        async with asyncio.timeout(20):
            await refused.wait()
        monkeypatch.setattr(claiming, "give_back", give_back)

        house.sweeper()

        await house.until(run, {State.ACCEPTED: 20})
        assert sorted(mail.taken) == sorted(people(20))

    async def test_what_could_not_be_made_is_claimed_again(
        self, house: House, mail: MailServer
    ) -> None:
        engine = house.engine(mail.wire(), lease_seconds=LEASE_SECONDS)
        workshop = engine._filler.workshop
        prepare, failed = workshop.prepare, asyncio.Event()

        async def fail(*_: object) -> None:
            failed.set()
            raise ConnectionError

        workshop.prepare = fail  # type: ignore[method-assign,assignment]
        run = await house.take(list(people(20)))
        async with asyncio.timeout(20):
            await failed.wait()
        workshop.prepare = prepare  # type: ignore[method-assign]

        house.sweeper()

        await house.until(run, {State.ACCEPTED: 20})
        assert sorted(mail.taken) == sorted(people(20))
