"""Caps, requests for consent and do-not-call lists: counted exactly, by however many claim."""

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis import db
from services.notifier.domain.states import (
    Channel,
    Next,
    Purpose,
    Reason,
    Result,
    State,
    Verdict,
)
from services.notifier.domain.work import Claimed, Outgoing, Prepared
from services.notifier.storage import attempts, caps, claims, lookups, runs
from services.notifier.usecases import claiming, compliance, gating, rulebook, settling
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
    MailServer,
)

RULES = rulebook.load()
STANDARDS = gating.Standards(RULES, "Asia/Ho_Chi_Minh")
NOON = datetime(2026, 11, 21, 5, tzinfo=UTC)
OTHER = uuid.UUID(int=77)
ADDRESS = "dao@example.vn"
PHONE = "+84901234567"


async def advertise(house: House, *addresses: str, **told: Any) -> uuid.UUID:
    """A run of advertising by e-mail."""
    return await house.take(addresses, purpose=Purpose.MARKETING, **told)


async def held(house: House, run_id: uuid.UUID, lease: float = 30.0) -> list[Claimed]:
    """Claims a run's messages, and asks no gate."""
    async with house.sessions.begin() as session:
        run = await runs.get(session, run_id)
        assert run is not None
        return (await claims.claim_run(session, run, 100, claims.Holder("w", lease)))[1]


async def judge(
    house: House, messages: Sequence[Claimed], now: datetime = NOON
) -> gating.Decisions:
    """What the gates say at a moment."""
    async with house.sessions.begin() as session:
        channel = messages[0].channel
        return await gating.judge(session, channel, messages, None, STANDARDS, now)


async def settle(house: House, message: Claimed, verdict: Verdict) -> None:
    """Opens an attempt and ends it."""
    async with house.sessions.begin() as session:
        opened = await attempts.open_all(session, [message], provider="smtp", worker="w")
    number = opened[message.key.message_id]
    prepared = Prepared(message, "", b"", (), 0, False, 0, 1, 0.0)
    async with house.sessions.begin() as session:
        await settling.settle(
            session,
            [settling.Ended(Outgoing(prepared, number), Result(verdict))],
            provider="smtp",
            retry_seconds=3600,
            region="vn",
            rules=RULES,
        )


async def counted(house: House, key: str = ADDRESS) -> int:
    """How many messages count for an address."""
    found = await house.sql(
        "SELECT FROM caps JOIN unnest(CAST(:seeds AS bigint[])) AS seed"
        " ON address = hashtextextended(:key, seed)",
        key=key,
        seeds=[caps.seed(it, Channel.EMAIL) for it in (ADVERTISER, OTHER)],
    )
    return len(found)


async def fill(house: House, count: int, **told: Any) -> list[Claimed]:
    """So many messages to the address, each of its own run, claimed."""
    messages = []
    for _ in range(count):
        messages += await held(house, await advertise(house, ADDRESS, **told))
    return messages


class TestCaps:
    async def test_the_fourth_in_a_day_waits_for_the_first_to_be_a_day_old(
        self, house: House
    ) -> None:
        first, *others = await fill(house, 5)
        noise = await held(house, await advertise(house, "mai@example.vn"))

        one = await judge(house, [first])
        rest = await judge(house, [*others, *noise], NOON + timedelta(hours=1))

        assert one.may_go == (first,)
        assert rest.may_go == (*others[:2], *noise)
        until = NOON + timedelta(hours=24, minutes=10)
        assert rest.diverted == tuple(
            (it, Next(State.DEFERRED, Reason.CAP, until, "vn.email.cap")) for it in others[2:]
        )
        assert (await judge(house, others[2:3], until - timedelta(seconds=1))).may_go == ()
        later = await judge(house, others[2:], until + timedelta(seconds=1))
        assert later.may_go == (others[2],)
        assert later.diverted[0][1].not_before == until + timedelta(hours=1)

    async def test_each_advertiser_and_channel_counts_for_itself(self, house: House) -> None:
        messages = await fill(house, 3)
        (foreign,) = await fill(house, 1, advertiser_id=OTHER)
        await judge(house, messages)

        async with house.sessions.begin() as session:
            full = await caps.reserve(session, Channel.EMAIL, [caps.Use(foreign, 3)], 24, NOON)

        assert full == {}
        assert await counted(house) == 4

    async def test_care_is_not_counted(self, house: House) -> None:
        for _ in range(5):
            run = await house.take([ADDRESS])
            assert len((await judge(house, await held(house, run))).may_go) == 1

        assert await counted(house) == 0

    async def test_judged_again_a_message_counts_once(self, house: House) -> None:
        messages = await fill(house, 3)

        for _ in range(3):
            assert (await judge(house, messages)).may_go == tuple(messages)

        assert await counted(house) == 3

    async def test_an_agreement_changes_the_cap_and_only_its_own(self, house: House) -> None:
        async with house.sessions.begin() as session:
            await compliance.agree(session, agreement(most=1))
        messages = await fill(house, 2)

        decided = await judge(house, messages)

        assert decided.may_go == (messages[0],)
        assert decided.diverted[0][1].rule == "agreement.cap"


def agreement(**changes: Any) -> compliance.Stored:
    """An agreement about the address."""
    given: dict[str, Any] = {
        "id": uuid.uuid4(),
        "advertiser_id": ADVERTISER,
        "channel": Channel.EMAIL,
        "address": ADDRESS,
        "address_key": ADDRESS,
        "contact_id": None,
        "most": None,
        "windows": (),
        "evidence": "letter",
        "actor": "user",
        "expires_at": None,
        "created_at": NOON,
        **changes,
    }
    return compliance.Stored(**given)


class TestWhatCounts:
    @pytest.mark.parametrize(
        ("verdict", "counts"),
        [
            (Verdict.TAKEN, 1),
            (Verdict.UNKNOWN, 1),
            (Verdict.REFUSED, 0),
            (Verdict.BUSY, 0),
            (Verdict.NOT_WRITTEN, 0),
        ],
    )
    async def test_what_was_or_may_have_been_taken_does(
        self, house: House, verdict: Verdict, counts: int
    ) -> None:
        (message,) = await fill(house, 1)
        await judge(house, [message])
        assert await counted(house) == 1

        await settle(house, message, verdict)

        assert await counted(house) == counts

    async def test_what_goes_back_unsent_does_not(self, house: House) -> None:
        (message,) = await fill(house, 1)
        await judge(house, [message])

        async with house.sessions.begin() as session:
            await claiming.give_back(session, [message], RULES)

        assert await counted(house) == 0

    async def test_a_worker_killed_while_counting_has_counted_nothing(self, house: House) -> None:
        messages = await fill(house, 3)

        async def killed() -> None:
            async with house.sessions.begin() as session:
                await gating.judge(session, Channel.EMAIL, messages, None, STANDARDS, NOON)
                raise ConnectionError

        with pytest.raises(ConnectionError):
            await killed()

        assert await counted(house) == 0

    async def test_one_killed_before_its_attempt_is_uncounted_when_its_lease_ends(
        self, house: House
    ) -> None:
        run = await advertise(house, ADDRESS, "mai@example.vn")
        stale = await held(house, run, lease=0.5)
        await judge(house, stale)
        await house.sql(
            "UPDATE messages SET state = 2, claim = :c WHERE address = :a",
            c=stale[0].claim,
            a="mai@example.vn",
        )
        await asyncio.sleep(0.6)

        await Sweeper(house.settings, house.sessions)._often()

        assert await counted(house) == 0
        assert await counted(house, "mai@example.vn") == 1  # in doubt

    async def test_a_stalled_worker_does_not_uncount_what_another_counted(
        self, house: House
    ) -> None:
        run = await advertise(house, ADDRESS)
        stale = await held(house, run, lease=0.2)
        await judge(house, stale)
        await asyncio.sleep(0.3)
        await Sweeper(house.settings, house.sessions)._often()
        fresh = await held(house, run)
        await judge(house, fresh)

        async with house.sessions.begin() as session:
            await claiming.give_back(session, stale, RULES)

        assert await counted(house) == 1

    async def test_counts_leave_once_they_no_longer_matter(self, house: House) -> None:
        messages = await fill(house, 1)
        recent = await held(house, await advertise(house, "mai@example.vn"))
        now = datetime.now(UTC)
        await judge(house, messages, now - timedelta(hours=25))
        await judge(house, recent, now)

        await Sweeper(house.settings, house.sessions)._slowly()

        assert await counted(house) == 0
        assert await counted(house, "mai@example.vn") == 1


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
        async with house.sessions.begin() as session:
            for service in ("leads", "campaigns"):
                await lookups.note_heartbeat(session, service, datetime.now(UTC), 0.0)
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


class TestDoNotCall:
    async def change(self, house: House, *additions: str, **changes: Any) -> compliance.Changed:
        """Changes the list; fresh unless said otherwise."""
        given: dict[str, Any] = {
            "name": "vn",
            "additions": additions,
            "removals": (),
            "edition": "",
            "complete": False,
            "as_of": NOON,
            **changes,
        }
        async with house.sessions.begin() as session:
            return await compliance.change_list(session, compliance.Change(**given))

    async def sms(self, house: House, *numbers: str, purpose: Purpose) -> list[Claimed]:
        run = await house.take(numbers, channel=Channel.SMS, purpose=purpose)
        return await held(house, run)

    @pytest.mark.parametrize("purpose", [Purpose.MARKETING, Purpose.CONSENT_REQUEST])
    async def test_a_listed_number_is_skipped_and_others_go(
        self, house: House, purpose: Purpose
    ) -> None:
        await self.change(house, PHONE)
        listed, free = await self.sms(house, PHONE, "+84900000000", purpose=purpose)

        decided = await judge(house, [listed, free])

        assert decided.may_go == (free,)
        assert decided.diverted == (
            (listed, Next(State.SKIPPED, Reason.DO_NOT_CALL, rule="vn.sms.do_not_call")),
        )

    async def test_advertising_waits_while_the_list_is_old_or_missing(self, house: House) -> None:
        messages = await self.sms(house, PHONE, purpose=Purpose.MARKETING)
        care = await self.sms(house, PHONE, purpose=Purpose.CARE)

        missing = await judge(house, messages)
        await self.change(house, as_of=NOON - timedelta(hours=25))
        old = await judge(house, messages)
        await self.change(house, as_of=NOON - timedelta(hours=1))
        fresh = await judge(house, messages)

        for decided in (missing, old):
            assert decided.diverted[0][1].reason is Reason.DO_NOT_CALL_STALE
        assert fresh.may_go == tuple(messages)
        assert (await judge(house, care)).may_go == tuple(care)

    async def test_the_same_change_again_changes_nothing(self, house: House) -> None:
        first = await self.change(house, PHONE, "+84900000000")
        again = await self.change(house, PHONE, "+84900000000")
        older = await self.change(house, removals=[PHONE], as_of=NOON - timedelta(days=9))

        assert (first.added, first.list.entries) == (2, 2)
        assert (again.added, again.list.entries) == (0, 2)
        assert (older.removed, older.list.entries) == (1, 1)
        assert older.list.as_of == NOON

    async def test_a_whole_list_in_parts_leaves_only_what_it_has(self, house: House) -> None:
        await self.change(house, PHONE, "+84900000000")

        await self.change(house, "+84900000000", "+84900000001", edition="b", as_of=None)
        last = await self.change(house, "+84900000002", edition="b", complete=True)

        numbers = await house.sql("SELECT address_key FROM do_not_call ORDER BY 1")
        assert [it.address_key[-1] for it in numbers] == ["0", "1", "2"]
        assert (last.added, last.removed, last.list.entries) == (1, 1, 3)

    async def test_changes_are_audited_without_the_numbers(self, house: House) -> None:
        await self.change(house, PHONE)

        (entry,) = await house.sql("SELECT payload FROM outbox WHERE class = 'audit'")

        assert b"do_not_call_list" in bytes(entry.payload)
        assert PHONE.encode() not in bytes(entry.payload)


class TestRequestsForConsent:
    async def request(self, house: House, number: str = PHONE) -> Claimed:
        """A request, claimed, while the list is fresh."""
        async with house.sessions.begin() as session:
            await compliance.change_list(
                session,
                compliance.Change("vn", (), (), "", complete=False, as_of=datetime.now(UTC)),
            )
        run = await house.take([number], channel=Channel.SMS, purpose=Purpose.CONSENT_REQUEST)
        (message,) = await held(house, run)
        return message

    async def test_a_number_is_asked_once_ever(self, house: House) -> None:
        first, second = await self.request(house), await self.request(house)
        await house.sql("UPDATE do_not_call_lists SET as_of = '2036-11-21'")

        one = await judge(house, [first])
        later = await judge(house, [second], NOON + timedelta(days=3650))

        assert one.may_go == (first,)
        assert later.diverted == (
            (
                second,
                Next(State.SKIPPED, Reason.ASKED_BEFORE, rule="vn.sms.consent_request.once"),
            ),
        )
        assert (await judge(house, [first])).may_go == (first,)

    async def test_two_at_once_are_one(self, house: House) -> None:
        messages = [await self.request(house) for _ in range(6)]

        decided = await asyncio.gather(*(judge(house, [it]) for it in messages))

        assert sum(len(it.may_go) for it in decided) == 1

    async def test_one_that_was_refused_was_none(self, house: House) -> None:
        first, second = await self.request(house), await self.request(house)
        await judge(house, [first])
        await settle(house, first, Verdict.REFUSED)

        assert (await judge(house, [second])).may_go == (second,)

    async def test_no_answer_in_a_day_is_a_refusal(self, house: House) -> None:
        numbers = (PHONE, "+84900000001", "+84900000002")
        silent, agreed, recent = [await self.request(house, it) for it in numbers]
        began = datetime.now(UTC)
        await judge_at(house, silent, began - timedelta(hours=25))
        await judge_at(house, agreed, began - timedelta(hours=25))
        await judge_at(house, recent, began - timedelta(hours=23))
        for it in (silent, agreed, recent):
            await settle(house, it, Verdict.TAKEN)
        await house.sql(
            "INSERT INTO regained VALUES ('+84900000001', 1, :advertiser, 1, now(), 'entry')",
            advertiser=ADVERTISER,
        )

        for _ in range(2):
            await Sweeper(house.settings, house.sessions)._slowly()

        found = await house.sql("SELECT address_key, purpose, reason FROM suppressions")
        assert [tuple(it) for it in found] == [(PHONE, Purpose.MARKETING, "no answer")]


async def judge_at(house: House, message: Claimed, asked: datetime) -> None:
    """Judges a request at noon, and has it asked at another time."""
    noon = datetime.now(UTC).replace(hour=5, minute=0)
    assert (await judge(house, [message], noon)).may_go == (message,)
    await house.sql(
        "UPDATE consent_requests SET asked_at = :asked WHERE message_id = :id",
        asked=asked,
        id=message.key.message_id,
    )


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
