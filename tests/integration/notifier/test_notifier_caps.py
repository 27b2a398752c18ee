"""Caps over rolling hours: how many, by whose agreement, and what counts."""

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.notifier.domain.states import (
    Channel,
    Next,
    Reason,
    State,
    Verdict,
)
from services.notifier.storage import caps
from services.notifier.usecases import claiming, compliance, gating
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.counting_parts import (
    ADDRESS,
    NOON,
    OTHER,
    RULES,
    STANDARDS,
    advertise,
    counted,
    fill,
    held,
    judge,
    settle,
)
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
)


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
