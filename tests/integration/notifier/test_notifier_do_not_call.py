"""Do-not-call lists, and the one request for consent."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notifier.domain.states import (
    Channel,
    Next,
    Purpose,
    Reason,
    State,
    Verdict,
)
from services.notifier.domain.work import Claimed
from services.notifier.usecases import compliance
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.counting_parts import (
    NOON,
    PHONE,
    held,
    judge,
    settle,
)
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
)


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
