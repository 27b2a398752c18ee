"""Messages that are claimed, judged and settled by hand, and what was counted of them."""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from services.notifier.domain.states import (
    Channel,
    Purpose,
    Result,
    Verdict,
)
from services.notifier.domain.work import Claimed, Outgoing, Prepared
from services.notifier.storage import attempts, caps, claims, runs
from services.notifier.usecases import gating, rulebook, settling
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
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
    number = opened[message.key.message_id].number
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
