"""Messages that go straight count by their rows, and nobody looks at them while few runs sent."""

import asyncio
import random
import uuid
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chassis import db
from services.notifier.domain.doubts import TO, Act
from services.notifier.domain.states import Channel, Purpose, Reason, Verdict
from services.notifier.domain.work import Claimed
from services.notifier.storage import attempts, caps, doubts, runs
from services.notifier.storage.intake import New
from services.notifier.usecases import claiming, compliance, straight
from services.notifier.usecases.claiming import Batch
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.counting_parts import (
    ADDRESS,
    fill,
    held,
    judge,
)
from tests.integration.notifier.notifier_parts import DAY, House, make_chunk
from tests.integration.notifier.straight_parts import (
    TERMS,
    WINDOW,
    end,
    new_run,
    send,
    sent_by,
    take,
    take_chunk,
)
from tests.integration.notifier.test_notifier_caps import agreement


class TestStraight:
    async def test_the_fourth_waits_for_the_first_and_no_entry_was_made(self, house: House) -> None:
        first, *_ = await sent_by(house, 3, ADDRESS, "mai@example.vn")

        (fourth,) = await sent_by(house, 1, ADDRESS, "an@example.vn")

        assert len(first) == 2
        assert [it.address for it in fourth] == ["an@example.vn"]
        assert await house.sql("SELECT FROM caps") == []
        ((until, rule),) = await house.sql(
            "SELECT not_before, rule FROM messages WHERE reason = 'CAP'"
        )
        ((began,),) = await house.sql("SELECT min(attempt_started_at) FROM messages")
        assert (until, rule) == (began + WINDOW, "vn.email.cap")

    @pytest.mark.parametrize(("moved", "passes"), [(-1, False), (1, True)])
    async def test_what_is_older_than_the_window_counts_no_more(
        self, house: House, moved: int, passes: bool
    ) -> None:
        await sent_by(house, 3)
        # Their runs are noted on, whoever else they sent to.
        await house.sql(
            "UPDATE messages SET attempt_started_at = clock_timestamp() - CAST(:age AS interval)",
            age=WINDOW + timedelta(seconds=moved * 20),
        )

        (fourth,) = await sent_by(house, 1)

        assert bool(fourth) is passes

    async def test_a_run_is_noted_a_window_longer_than_it_sent(self, house: House) -> None:
        run = await new_run(house)
        await send(house, run, "mai@example.vn")
        await house.sql("UPDATE cap_runs SET until = now() - interval '1 second'")

        await send(house, run, ADDRESS)

        late = "SELECT FROM cap_runs c JOIN messages m USING (run_id) WHERE attempt_started_at >"
        assert len(await house.sql(f"{late} until")) == 0
        assert len(await house.sql(f"{late} until - interval '2 minutes'")) == 2

    @pytest.mark.parametrize(
        ("verdict", "counts"),
        [
            (None, True),
            (Verdict.TAKEN, True),
            (Verdict.UNKNOWN, True),
            (Verdict.REFUSED, False),
            (Verdict.BUSY, False),
            (Verdict.NOT_WRITTEN, False),
        ],
    )
    async def test_what_was_or_may_have_been_taken_counts(
        self, house: House, verdict: Verdict | None, counts: bool
    ) -> None:
        ((message,), *_) = await sent_by(house, 3)
        if verdict is not None:
            await end(house, message, verdict)

        (fourth,) = await sent_by(house, 1)

        assert bool(fourth) is not counts

    async def test_a_message_of_which_a_part_was_taken_counts(self, house: House) -> None:
        ((message,), *_) = await sent_by(house, 3)
        await end(house, message, Verdict.REFUSED, reason=Reason.PARTLY_REFUSED)

        assert await sent_by(house, 1) == [()]

    async def test_what_a_person_says_of_a_doubt_frees_no_place(self, house: House) -> None:
        ((message,), *_) = await sent_by(house, 3)
        await end(house, message, Verdict.UNKNOWN)
        async with house.sessions.begin() as session:
            moved = await doubts.lock(session, message.key.message_id)
            assert moved is not None
            await doubts.move(session, moved[0], TO[Act.FAILED])

        assert await sent_by(house, 1) == [()]

    async def test_what_a_lost_worker_left_in_doubt_counts(self, house: House) -> None:
        await sent_by(house, 3)
        await house.sql("UPDATE claims SET lease_until = now() - interval '1 second'")
        await Sweeper(house.settings, house.sessions)._often()
        assert len(await house.sql("SELECT FROM messages WHERE state = 7")) == 3

        assert await sent_by(house, 1) == [()]

    async def test_one_tried_again_the_ordinary_way_counts_once(self, house: House) -> None:
        ((message,),) = await sent_by(house, 1)
        assert message.run_id is not None
        await house.sql("UPDATE cursors SET claimed_to = 100")
        await end(house, message, Verdict.BUSY)
        await house.sql("UPDATE ready SET due_at = now()")
        (again,) = await held(house, message.run_id)
        assert (await judge(house, [again], datetime.now(UTC))).may_go == (again,)
        async with house.sessions.begin() as session:
            await attempts.open_all(session, [again], provider="smtp", worker="w")
        await end(house, again, Verdict.TAKEN, 2)

        assert [len(it) for it in await sent_by(house, 3)] == [1, 1, 0]

    async def test_a_worker_killed_while_it_stores_has_counted_nothing(self, house: House) -> None:
        run = await new_run(house)

        async def killed() -> None:
            async with house.sessions.begin() as session:
                assert (await take(session, run, [ADDRESS])).messages
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await killed()

        assert await house.sql("SELECT FROM cap_runs") == []

    async def test_an_agreement_is_looked_up_for_its_address_alone(self, house: House) -> None:
        async with house.sessions.begin() as session:
            await compliance.agree(session, agreement(most=1))
        await sent_by(house, 1)

        (second,) = await sent_by(house, 1, ADDRESS, "mai@example.vn")

        assert [it.address for it in second] == ["mai@example.vn"]
        found = await house.sql("SELECT rule FROM messages WHERE state = 3")
        assert [it.rule for it in found] == ["agreement.cap"]

    async def test_of_two_messages_of_a_run_to_an_address_each_counts(self, house: House) -> None:
        await sent_by(house, 2)
        run = await new_run(house)
        recipients = [
            New(uuid.uuid4(), None, address, ADDRESS, "", "vi", ["Đào"])
            for address in (ADDRESS, ADDRESS.upper())
        ]
        chunk = make_chunk(run, [], purpose=Purpose.MARKETING)

        async with house.sessions.begin() as session:
            taken = await take_chunk(session, replace(chunk, recipients=tuple(recipients)))

        assert [it.address for it in taken.messages] == [ADDRESS]


class TestBothWays:
    async def test_claims_count_what_went_straight(self, house: House) -> None:
        await sent_by(house, 2)
        third, fourth = await fill(house, 2)

        decided = await judge(house, [third, fourth], datetime.now(UTC))

        assert decided.may_go == (third,)
        assert [to.reason for _, to in decided.diverted] == [Reason.CAP]
        assert len(await house.sql("SELECT FROM caps")) == 1
        assert await sent_by(house, 1) == [()]

    async def test_what_goes_straight_counts_claims_and_messages_without_a_run(
        self, house: House
    ) -> None:
        messages = await fill(house, 3)
        singles = [it._replace(kind=it.kind._replace(run_id=None)) for it in messages]
        await judge(house, singles, datetime.now(UTC))

        (taken,) = await sent_by(house, 1, ADDRESS, "mai@example.vn")

        assert [it.address for it in taken] == ["mai@example.vn"]

    async def test_a_probe_counts_both(self, house: House) -> None:
        now = datetime.now(UTC)
        await sent_by(house, 2)
        (third,) = await fill(house, 1)
        await judge(house, [third], now)
        asked = [
            third._replace(key=third.key._replace(message_id=uuid.uuid4()), address_key=it)
            for it in (ADDRESS, "mai@example.vn")
        ]

        async with house.sessions.begin() as session:
            uses = [caps.Use(it, 3) for it in asked]
            full = await caps.full(session, Channel.EMAIL, uses, 24, now)

        assert list(full) == [asked[0].key.message_id]

    async def test_runs_are_forgotten_once_they_no_longer_matter(self, house: House) -> None:
        await sent_by(house, 2)
        await house.sql(
            "UPDATE cap_runs SET until = now() - interval '25 hours'"
            " WHERE run_id = (SELECT max(run_id::text)::uuid FROM cap_runs)"
        )

        await Sweeper(house.settings, house.sessions)._slowly()

        assert len(await house.sql("SELECT FROM cap_runs")) == 1


class TestManyReplicas:
    async def test_of_two_runs_that_want_the_last_place_one_gets_it(self, house: House) -> None:
        await sent_by(house, 2)
        one, other = [await new_run(house) for _ in range(2)]
        replica = db.sessions(house.settings, "notifier")

        async def late() -> Batch:
            async with replica.begin() as session:
                return await take(session, other, [ADDRESS])

        async with house.sessions.begin() as session:
            assert len((await take(session, one, [ADDRESS])).messages) == 1
            task = asyncio.create_task(late())
            await house.eventually(
                "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )

        assert (await task).messages == ()
        await db.dispose(replica)

    async def test_no_address_gets_more_than_its_cap_whichever_way_runs_go(
        self, house: House
    ) -> None:
        chance = random.Random(20261122)
        addresses = [f"nguoi{n}@example.vn" for n in range(12)]
        ids = [await new_run(house) for _ in range(7)]
        replicas = [house.sessions, db.sessions(house.settings, "notifier")]
        gone: list[Claimed] = []

        async def replica(number: int, run_id: uuid.UUID) -> None:
            sessions = replicas[number % 2]
            wanted = chance.sample(addresses, len(addresses))
            for at in range(0, len(wanted), 3):
                some = wanted[at : at + 3]
                if chance.random() < 0.3:
                    await house.take(some, run_id=run_id, purpose=Purpose.MARKETING)
                async with sessions.begin() as session:
                    run = await runs.get(session, run_id)
                    assert run is not None
                    if run.last_seq > 1 + at and chance.random() < 0.9:
                        messages = (await claiming.claim_run(session, run, 9, TERMS)).messages
                    else:
                        try:
                            messages = (await take(session, run_id, some)).messages
                        except straight.Declined:
                            await session.rollback()
                            continue
                    await asyncio.sleep(chance.random() / 50)
                gone.extend(messages)

        await asyncio.gather(*(replica(*it) for it in enumerate(ids)))
        # What still waits in a line goes now, as far as there is room.
        for run_id in ids:
            async with house.sessions.begin() as session:
                run = await runs.get(session, run_id)
                assert run is not None
                gone.extend((await claiming.claim_run(session, run, 99, TERMS)).messages)
        await db.dispose(replicas[1])

        taken = Counter(it.address for it in gone if it.address in addresses)
        assert set(taken.values()) == {3}
        assert len({it.key for it in gone}) == len(gone)
        assert {it.key.run_date for it in gone} == {DAY}
