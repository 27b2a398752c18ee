"""Leases, late outcomes and doubts: who may still say what became of a message."""

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.notifier.domain.states import Next, Purpose, Reason, State
from services.notifier.domain.work import Claimed
from services.notifier.storage import attempts, claims, runs
from services.notifier.usecases import claiming
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.notifier_parts import (
    CONTENT,
    EMAIL_SENDER,
    House,
    MailServer,
    people,
)


async def claim(house: House, run_id: uuid.UUID, lease: float = 30.0) -> list[Claimed]:
    """Claims a run's messages as a worker does."""
    async with house.sessions.begin() as session:
        run = await runs.get(session, run_id)
        assert run is not None
        _, claimed = await claims.claim_run(session, run, 100, claims.Holder("w", lease))
        return claimed


async def lapsed(house: House, run_id: uuid.UUID) -> list[Claimed]:
    """Claims a run's messages, and has the claim lapse and swept."""
    stale = await claim(house, run_id, lease=0.2)
    await asyncio.sleep(0.3)
    await Sweeper(house.settings, house.sessions)._often()
    return stale


async def attempt(house: House, claimed: Sequence[Claimed]) -> dict[uuid.UUID, int]:
    """Opens attempts as a worker does."""
    async with house.sessions.begin() as session:
        opened = await attempts.open_all(session, claimed, provider="smtp", worker="w")
        return {id: it.number for id, it in opened.items()}


async def settle(house: House, claimed: Claimed, number: int, state: State) -> int:
    """Writes an outcome as a worker does; returns how many messages it moved."""
    async with house.sessions.begin() as session:
        return len(
            await attempts.settle(
                session, [attempts.Outcome(claimed.key, None, number, Next(state))]
            )
        )


class TestClaims:
    async def test_two_workers_never_hold_the_same_message(self, house: House) -> None:
        run = await house.take(list(people(50)))

        first, second = await asyncio.gather(claim(house, run), claim(house, run))

        ids = [it.key.message_id for it in [*first, *second]]
        assert len(ids) == len(set(ids)) == 50

    async def test_one_without_an_attempt_comes_back_when_its_lease_ends(
        self, house: House
    ) -> None:
        run = await house.take(list(people(3)))
        stale = await lapsed(house, run)

        fresh = await claim(house, run)

        assert len(fresh) == 3
        assert await attempt(house, stale) == {}
        assert len(await attempt(house, fresh)) == 3

    async def test_of_a_message_held_twice_the_claim_that_holds_has_the_attempt(
        self, house: House
    ) -> None:
        run = await house.take(list(people(3)))
        stale = await lapsed(house, run)
        fresh = await claim(house, run)

        async with house.sessions.begin() as session:
            opened = await attempts.open_all(session, [*stale, *fresh], provider="smtp", worker="w")

        assert {it.claim for it in opened.values()} == {fresh[0].claim} != {stale[0].claim}


class TestLateOutcomes:
    async def test_one_of_the_newest_attempt_settles_the_doubt(self, house: House) -> None:
        run = await house.take(list(people(1)))
        (claimed,) = await claim(house, run, lease=0.5)
        await attempt(house, [claimed])
        house.sweeper()
        await house.until(run, {State.IN_DOUBT: 1})

        assert await settle(house, claimed, 1, State.ACCEPTED) == 1

        assert await house.counts(run) == {State.ACCEPTED: 1}

    async def test_one_of_an_older_attempt_is_refused(self, house: House) -> None:
        run = await house.take(list(people(1)))
        (first,) = await claim(house, run)
        await attempt(house, [first])
        await settle(house, first, 1, State.QUEUED)
        (second,) = await claim(house, run)
        assert list((await attempt(house, [second])).values()) == [2]

        assert await settle(house, first, 1, State.FAILED) == 0

        assert await house.counts(run) == {State.SUBMITTING: 1}

    async def test_what_ended_is_never_moved_by_an_outcome(self, house: House) -> None:
        run = await house.take(list(people(1)))
        (claimed,) = await claim(house, run)
        await attempt(house, [claimed])
        await settle(house, claimed, 1, State.ACCEPTED)

        assert await settle(house, claimed, 1, State.QUEUED) == 0

    async def test_a_lease_that_ended_is_not_renewed(self, house: House) -> None:
        run = await house.take(list(people(2)))
        await claim(house, run, lease=0.2)
        (lapsing,) = await house.sql("SELECT id FROM claims")
        other = await house.take(list(people(2)))
        await claim(house, other, lease=30.0)
        await asyncio.sleep(0.3)

        every = [it.id for it in await house.sql("SELECT id FROM claims")]
        async with house.sessions.begin() as session:
            renewed = await claims.renew(session, every, claims.Holder("w", 30.0))

        assert renewed == set(every) - {lapsing.id}


class TestDoubts:
    async def test_marketing_and_care_are_given_up_and_transactional_is_sent_again(
        self, house: House, mail: MailServer
    ) -> None:
        care = await house.take(["care@example.vn"])
        transactional = await house.take(["code@example.vn"], purpose=Purpose.TRANSACTIONAL)
        young = await house.take(["young@example.vn"])
        await house.sql(
            "UPDATE messages SET state = 7, attempts = 1, attempt_started_at = now(),"
            " doubt_since = now() - CASE WHEN run_id = :young THEN interval '0'"
            " ELSE interval '2 days' END",
            young=young,
        )

        await Sweeper(house.settings, house.sessions)._slowly()

        assert await house.counts(care) == {State.ABANDONED: 1}
        assert await house.counts(young) == {State.IN_DOUBT: 1}
        house.engine(mail.wire())
        await house.until(transactional, {State.ACCEPTED: 1})
        numbers = await house.sql("SELECT number FROM attempts")
        assert [it.number for it in numbers] == [1]
        newest = await house.sql(
            "SELECT attempts FROM messages WHERE run_id = :id", id=transactional
        )
        assert [it.attempts for it in newest] == [2]

    async def test_deferred_messages_go_when_their_time_comes(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(2)))
        held = await claim(house, run)
        async with house.sessions.begin() as session:
            later = Next(
                State.DEFERRED, Reason.OUTSIDE_HOURS, datetime.now(UTC) + timedelta(seconds=1)
            )
            await claiming.divert(session, [(it, later) for it in held], "vn")
        house.engine(mail.wire())
        house.sweeper()
        began = datetime.now(UTC)

        await house.until(run, {State.ACCEPTED: 2})

        assert (datetime.now(UTC) - began).total_seconds() >= 0.8


class TestFairness:
    async def test_a_small_run_does_not_wait_for_a_big_one(
        self, house: House, mail: MailServer
    ) -> None:
        big = await house.take(list(people(400, "big")), run_id=uuid.UUID(int=1))
        await house.take(list(people(400, "more")), run_id=big)
        small = await house.take(list(people(20, "small")), run_id=uuid.UUID(int=2))
        house.engine(mail.wire(connections=1, window=8))

        await house.until(small, {State.ACCEPTED: 20})

        assert len([it for it in mail.taken if not it.startswith("small")]) < 500

    async def test_a_message_without_a_run_overtakes_all(
        self, house: House, mail: MailServer
    ) -> None:
        await house.take(list(people(500)))
        house.engine(mail.wire(connections=1, window=8))
        await mail.took(10)
        await house.sql(
            "WITH one AS (INSERT INTO messages (run_date, message_id, channel, purpose,"
            " advertiser_id, sender_identity_id, content_hash, address, address_key)"
            " SELECT run_date, gen_random_uuid(), 2, 3, advertiser_id, :sender, :content,"
            " 'code@example.vn', 'code@example.vn' FROM messages LIMIT 1 RETURNING *)"
            " INSERT INTO ready (message_id, run_date, channel, due_at)"
            " SELECT message_id, run_date, channel, now() FROM one",
            sender=EMAIL_SENDER,
            content=f"{CONTENT}2",
        )
        at = len(mail.taken)

        async with asyncio.timeout(10):
            while "code@example.vn" not in mail.taken:  # noqa: ASYNC110 (filled by a handler)
                await asyncio.sleep(0.01)

        assert mail.taken.index("code@example.vn") - at < 200

    async def test_a_run_keeps_its_own_rate(self, house: House, mail: MailServer) -> None:
        run = await house.take(list(people(100)), max_per_second=10)
        house.engine(mail.wire())
        await asyncio.sleep(2.0)

        assert 10 <= len(mail.taken) <= 45
        assert (await house.counts(run)).get(State.QUEUED, 0) > 0

    async def test_a_low_rate_of_the_provider_is_kept_and_used(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(list(people(60)))
        engine = house.engine(mail.wire(window=400), email_max_per_second=20)
        # What a fast server has let the window grow to; an eighth of it is more than the rate.
        engine._room._window._size = 400.0

        await house.until(run, {State.ACCEPTED: 60}, within=15)
