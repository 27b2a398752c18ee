"""Refusals: by SMS, by link and through leads; each stops at once and is confirmed once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.tokens import Link, link_token
from services.notifier.domain.work import Key
from services.notifier.messages.chunks import Regained, Withdrawal
from services.notifier.usecases import confirming, gating, intake, rulebook, suppress
from services.notifier.workers.receipts import Keeper
from services.notifier.workers.replies import Replies
from tests.integration.notifier.notifier_parts import ADVERTISER, EMAIL_SENDER, House, MailServer
from tests.integration.notifier.smsc_parts import Smsc

STANDARDS = gating.Standards(rulebook.load(), "Asia/Ho_Chi_Minh")
ADDRESS = "dao@example.vn"
NUMBER = "+84901234567"
SECRET = ("mac" * 8).encode()


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    """A running SMSC."""
    made = Smsc()
    await made.start()
    yield made
    await made.stop()


async def confirmations(house: House) -> list[Any]:
    """What waits to be sent as a confirmation."""
    return await house.sql(
        "SELECT m.address, m.purpose, m.channel, c.subject, c.body FROM messages m"
        " JOIN contents c ON c.hash = m.content_hash WHERE m.run_id IS NULL ORDER BY m.created_at"
    )


async def unsubscribe(house: House, *, everything: bool = False) -> None:
    """Follows the link of a message to the address."""
    found = await house.sql("SELECT run_date, message_id FROM messages WHERE run_id IS NOT NULL")
    if not found:
        await house.take([ADDRESS], purpose=Purpose.MARKETING)
        found = await house.sql("SELECT run_date, message_id FROM messages")
    key = Key(*found[0])
    token = link_token(Link(key, Channel.EMAIL, Purpose.MARKETING, ADVERTISER), SECRET)
    async with house.sessions.begin() as session:
        await suppress.unsubscribe(
            session, token, SECRET, datetime.now(UTC), STANDARDS, everything=everything
        )


async def withdraw(house: House, *addresses: str, purpose: int = 0) -> None:
    """What a withdrawal told by leads does."""
    told = Withdrawal(
        "entry", None, Channel.EMAIL, ADVERTISER, purpose, addresses, datetime.now(UTC)
    )
    async with house.sessions.begin() as session:
        await intake.withdraw(session, told, STANDARDS)


class TestConfirmations:
    async def test_one_without_advertising_says_when_it_came_and_from_when_nothing_is_sent(
        self, house: House, mail: MailServer
    ) -> None:
        before = datetime.now(UTC)
        await unsubscribe(house)
        await unsubscribe(house)
        await unsubscribe(house, everything=True)

        (told,) = await confirmations(house)

        assert (told.address, told.purpose) == (ADDRESS, Purpose.TRANSACTIONAL)
        local = before.astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
        assert told.body.count(f"{local:%d/%m/%Y}") >= 2
        assert "Sông Hồng" in told.body
        assert not told.subject.startswith("[QC]")
        house.engine(mail.wire())
        await mail.took(1)
        assert mail.taken == [ADDRESS]

    async def test_a_withdrawal_through_leads_is_confirmed_to_one_address(
        self, house: House
    ) -> None:
        await withdraw(house, ADDRESS, "dao@other.vn")
        await withdraw(house, ADDRESS, purpose=Purpose.MARKETING)

        assert [it.address for it in await confirmations(house)] == [ADDRESS]

    async def test_whoever_came_back_and_refuses_again_is_told_again(self, house: House) -> None:
        await unsubscribe(house)
        later = datetime.now(UTC)
        async with house.sessions.begin() as session:
            await intake.regain(
                session,
                Regained("e", Channel.EMAIL, ADVERTISER, Purpose.MARKETING, (ADDRESS,), later),
            )
        await house.sql("UPDATE confirmations SET confirmed_at = :at", at=later - timedelta(days=1))
        await house.sql("UPDATE regained SET given_at = :at", at=later)

        await unsubscribe(house)

        assert len(await confirmations(house)) == 2

    @pytest.mark.parametrize("reason", ["bounced", "complained", "by hand", "no answer"])
    async def test_what_nobody_refused_is_not_confirmed(self, house: House, reason: str) -> None:
        new = suppress.made(
            channel=Channel.EMAIL,
            address=ADDRESS,
            reason=reason,
            evidence="",
            now=datetime.now(UTC),
            actor="x",
        )
        async with house.sessions.begin() as session:
            sent = await confirming.confirm(session, new, ADVERTISER, STANDARDS)

        assert not sent
        assert await confirmations(house) == []

    async def test_without_an_identity_nothing_is_sent(self, house: House) -> None:
        await house.take([ADDRESS], purpose=Purpose.MARKETING)
        await house.sql("DELETE FROM sender_identities WHERE id = :id", id=EMAIL_SENDER)

        await unsubscribe(house)

        assert await confirmations(house) == []
        assert len(await house.sql("SELECT 1 FROM suppressions")) == 1


class TestWordsBySms:
    async def test_a_word_written_back_suppresses_its_number_and_is_confirmed_once(
        self, house: House, smsc: Smsc
    ) -> None:
        hear = Replies(house.sessions, STANDARDS).hear
        house.engine(smsc.wire(Keeper(house.sessions, "smpp"), hear))
        await house.eventually("SELECT 1 FROM provider_sessions WHERE connected")

        for text, coding in ((b"tc", 0), ("Hủy".encode("utf-16-be"), 8)):
            await smsc.reply(NUMBER.lstrip("+"), "SONGHONG", text, coding)
        await smsc.reply("84900000000", "SONGHONG", b"cam on nhe")
        found = await house.eventually(
            "SELECT address_key, advertiser_id, purpose, reason, evidence FROM suppressions"
        )
        run = await house.take([NUMBER, "+84900000000"], channel=Channel.SMS)
        await house.until(run, {State.SKIPPED: 1, State.ACCEPTED: 1})

        assert [(it.address_key, it.advertiser_id, it.purpose) for it in found] == [
            (NUMBER, ADVERTISER, 0)
        ]
        assert found[0].evidence.startswith(("SMS TC to SONGHONG", "SMS HUY to SONGHONG"))
        (told,) = await confirmations(house)
        assert told.body.startswith("Song Hong: da nhan yeu cau tu choi luc ")
        assert [to for _, to in smsc.taken].count(NUMBER.lstrip("+")) == 1

    async def test_a_name_nobody_has_refuses_whoever_wrote_last(self, house: House) -> None:
        await house.take([NUMBER], channel=Channel.SMS)
        number = "+84900000009"

        async with house.sessions.begin() as session:
            known = await suppress.refuse_by_sms(
                session, NUMBER, "19001234", "STOP", datetime.now(UTC), STANDARDS
            )
            stranger = await suppress.refuse_by_sms(
                session, number, "19001234", "STOP", datetime.now(UTC), STANDARDS
            )

        assert known.advertiser_id == ADVERTISER
        assert stranger.advertiser_id == uuid.UUID(int=0)

    async def test_one_that_cannot_be_kept_is_not_acknowledged(
        self, house: House, smsc: Smsc
    ) -> None:
        async def away(_: Any) -> None:
            raise ConnectionError

        house.engine(smsc.wire(Keeper(house.sessions, "smpp"), away))
        await house.eventually("SELECT 1 FROM provider_sessions WHERE connected")

        await smsc.reply(NUMBER.lstrip("+"), "SONGHONG", b"STOP")
        run = await house.take(["+84900000000"], channel=Channel.SMS)
        await house.until(run, {State.ACCEPTED: 1})
        async with asyncio.timeout(10):
            while smsc.receipts_acknowledged < 2:  # noqa: ASYNC110 (counted by a handler)
                await asyncio.sleep(0.01)

        assert smsc.receipts_acknowledged == 2  # those of the message, and not the reply
