"""What is counted stays exact on several replicas and through the engine; what is put off waits."""

import asyncio
import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

from chassis import db
from services.notifier.domain.states import (
    Next,
    Reason,
    State,
)
from services.notifier.domain.work import Claimed
from services.notifier.storage import claims, lookups, runs
from services.notifier.usecases import claiming
from tests.integration.notifier.counting_parts import (
    ADDRESS,
    RULES,
    STANDARDS,
    advertise,
    fill,
    held,
    judge,
)
from tests.integration.notifier.notifier_parts import (
    House,
    MailServer,
    heartbeats,
)


class TestManyReplicas:
    async def test_no_address_gets_more_than_its_cap_however_claims_interleave(
        self, house: House
    ) -> None:
        chance = random.Random(20261121)
        addresses = [f"nguoi{n}@example.vn" for n in range(12)]
        ids = []
        for _ in range(7):
            chance.shuffle(addresses)
            ids.append(await advertise(house, *addresses))
        replicas = [house.sessions, db.sessions(house.settings, "notifier")]
        gone: list[Claimed] = []

        async def replica(number: int) -> None:
            sessions = replicas[number % 2]
            terms = claiming.Terms(claims.Holder(f"w{number}", 30.0), STANDARDS, "vn")
            for id in chance.sample(ids, len(ids)):
                async with sessions.begin() as session:
                    run = await runs.get(session, id)
                    assert run is not None
                    batch = await claiming.claim_run(session, run, chance.randint(1, 5), terms)
                    await asyncio.sleep(chance.random() / 50)
                if chance.random() < 0.2 and batch.messages:
                    async with sessions.begin() as session:
                        await claiming.give_back(session, batch.messages, RULES)
                else:
                    gone.extend(batch.messages)

        for _ in range(4):
            await asyncio.gather(*(replica(number) for number in range(8)))
        await db.dispose(replicas[1])

        taken = Counter(it.address for it in gone)
        assert max(taken.values()) == 3
        assert set(taken.values()) == {3}
        assert len({it.key for it in gone}) == len(gone)
        rows = await house.sql("SELECT count(*) AS n FROM caps GROUP BY address")
        assert [it.n for it in rows] == [3] * len(addresses)


class TestThroughTheEngine:
    async def test_the_first_three_arrive_and_the_next_says_which_rule_it_waits_for(
        self, house: House, mail: MailServer
    ) -> None:
        await lookups.note_heartbeats(house.sessions, heartbeats())
        all_runs = [await advertise(house, ADDRESS) for _ in range(4)]
        for _ in range(2):
            house.engine(mail.wire(), control_max_age_seconds=3600.0)

        await mail.took(3)
        found = await house.eventually(
            "SELECT run_id, reason, rule, not_before FROM messages WHERE state = 3"
        )

        assert [(it.reason, it.rule) for it in found] == [("CAP", "vn.email.cap")]
        assert found[0].run_id in all_runs
        assert found[0].not_before > datetime.now(UTC) + timedelta(hours=24)
        assert mail.taken == [ADDRESS] * 3


class TestSuppressions:
    async def test_one_whose_time_has_passed_stops_nothing(self, house: House) -> None:
        (message,) = await fill(house, 1)
        await house.sql(
            "INSERT INTO suppressions (id, version, channel, address, address_key, advertiser_id,"
            " purpose, reason, expires_at) VALUES (gen_random_uuid(), 1, 2, :key, :key, :nobody,"
            " 0, 'by hand', now() + interval '1 hour')",
            key=ADDRESS,
            nobody=uuid.UUID(int=0),
        )

        before = await judge(house, [message])
        await house.sql("UPDATE suppressions SET expires_at = now() - interval '1 second'")
        after = await judge(house, [message])

        assert [to.rule for _, to in before.diverted] == ["suppression.by_hand"]
        assert after.may_go == (message,)


class TestDeferrals:
    async def test_they_come_back_in_their_order(self, house: House) -> None:
        run = await house.take([f"nguoi{n}@example.vn" for n in range(40)])
        messages = await held(house, run)
        soon = Next(State.DEFERRED, Reason.OUTSIDE_HOURS, datetime.now(UTC), "vn.sms.hours")
        shuffled = random.Random(7).sample(messages, len(messages))
        async with house.sessions.begin() as session:
            await claiming.divert(session, [(it, soon) for it in shuffled], "vn")

        found = await house.sql(
            "SELECT m.address FROM ready q JOIN messages m USING (message_id) ORDER BY q.due_at"
        )

        assert [it.address for it in found] == [it.address for it in messages]

    async def test_one_that_waits_ends_when_its_time_passes(self, house: House) -> None:
        run = await house.take([ADDRESS], not_after=datetime.now(UTC) + timedelta(seconds=1))
        messages = await held(house, run)
        far = Next(State.DEFERRED, Reason.CAP, datetime.now(UTC) + timedelta(days=1), "vn.sms.cap")
        async with house.sessions.begin() as session:
            await claiming.divert(session, [(messages[0], far)], "vn")
            await claims.finish(session, [messages[0].claim])
        house.sweeper()

        await house.until(run, {State.EXPIRED: 1})
