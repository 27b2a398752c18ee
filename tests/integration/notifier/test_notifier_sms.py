"""SMS reach an SMSC once, and its receipts settle them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import smpp34

from services.notifier.domain.states import Channel, State
from services.notifier.workers.receipts import Keeper
from tests.integration.notifier.notifier_parts import House
from tests.integration.notifier.smsc_parts import Smsc


@pytest.fixture
async def smsc() -> AsyncIterator[Smsc]:
    """A running SMSC."""
    made = Smsc()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def keeper(house: House) -> Keeper:
    """Keeps receipts of the SMSC."""
    return Keeper(house.sessions, "smpp")


def phones(count: int, last: int = 0) -> list[str]:
    """So many phone numbers with this last digit."""
    return [f"+8490{n:05d}{last}" for n in range(count)]


class TestSubmission:
    async def test_everybody_of_a_run_gets_one_sms(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        smsc.sends_receipts = False
        run = await house.take(phones(200), channel=Channel.SMS)
        house.engine(smsc.wire(keeper))

        await house.until(run, {State.ACCEPTED: 200})

        assert len(smsc.taken) == len(set(smsc.taken)) == 200

    async def test_each_answer_has_its_end(self, house: House, smsc: Smsc, keeper: Keeper) -> None:
        smsc.sends_receipts = False
        run = await house.take([*phones(1, 1), *phones(1, 2), *phones(5)], channel=Channel.SMS)
        house.engine(smsc.wire(keeper))

        await house.until(run, {State.FAILED: 1, State.DEFERRED: 1, State.ACCEPTED: 5})

    async def test_no_answer_and_a_cut_connection_leave_it_in_doubt(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        smsc.sends_receipts = False
        run = await house.take([*phones(1, 3), *phones(5)], channel=Channel.SMS)
        house.engine(smsc.wire(keeper, response_seconds=1.0))
        await house.until(run, {State.IN_DOUBT: 1, State.ACCEPTED: 5})

        await house.take(phones(1, 4), run_id=run, channel=Channel.SMS)

        await house.until(run, {State.IN_DOUBT: 2, State.ACCEPTED: 5})
        assert len(smsc.taken) == 7

    async def test_a_long_text_goes_in_parts_that_join(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        await house.sql("UPDATE contents SET body = repeat('Đây là tin. ', 12) WHERE channel = 1")
        run = await house.take(phones(1), channel=Channel.SMS)
        house.engine(smsc.wire(keeper))
        house.sweeper()

        await house.until(run, {State.DELIVERED: 1})

        headers = [bytes(it.short_message)[:6] for it in smsc.parts]
        text = b"".join(bytes(it.short_message)[6:] for it in smsc.parts).decode("utf-16-be")
        assert [(it[4], it[5]) for it in headers] == [(3, 1), (3, 2), (3, 3)]
        assert all(it.esm_class == 0x40 for it in smsc.parts)
        assert text == "Đây là tin. " * 12


class TestReceipts:
    async def test_a_receipt_delivers_or_bounces_once(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        run = await house.take([*phones(20), *phones(2, 5)], channel=Channel.SMS)
        house.engine(smsc.wire(keeper))
        house.sweeper()

        await house.until(run, {State.DELIVERED: 20, State.BOUNCED: 2})

        revisions = await house.sql("SELECT DISTINCT revision FROM messages")
        assert [it.revision for it in revisions] == [4]

    async def test_one_that_comes_before_the_answer_is_not_lost(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        smsc.receipt_first = True
        run = await house.take(phones(10), channel=Channel.SMS)
        house.engine(smsc.wire(keeper))
        house.sweeper()

        await house.until(run, {State.DELIVERED: 10})

    async def test_one_that_names_our_message_settles_a_doubt(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        run = await house.take(phones(1, 3), channel=Channel.SMS)
        house.engine(smsc.wire(keeper, response_seconds=0.5))
        house.sweeper()
        await house.until(run, {State.IN_DOUBT: 1})
        ours = (await house.sql("SELECT message_id FROM messages"))[0].message_id

        await smsc.receipt("0000FFFF", "DELIVRD", ours=ours.bytes)

        await house.until(run, {State.DELIVERED: 1})

    async def test_it_is_acknowledged_only_once_it_is_on_disk(
        self, house: House, smsc: Smsc
    ) -> None:
        class Broken(Keeper):
            async def keep(self, receipt: object) -> None:
                raise ConnectionError

        run = await house.take(phones(1), channel=Channel.SMS)
        house.engine(smsc.wire(Broken(house.sessions, "smpp")))
        await house.until(run, {State.ACCEPTED: 1})
        await asyncio.sleep(0.3)

        assert smsc.receipts_acknowledged == 0

    async def test_a_message_from_a_phone_is_no_receipt(
        self, house: House, smsc: Smsc, keeper: Keeper
    ) -> None:
        run = await house.take(phones(1), channel=Channel.SMS)
        house.engine(smsc.wire(keeper))
        await house.until(run, {State.ACCEPTED: 1})
        said = smpp34.DeliverSm("84900000000", "SONGHONG", b"STOP", sequence_number=77)
        for writer in smsc._writers:
            writer.write(said.encode())
        async with asyncio.timeout(5):
            while smsc.receipts_acknowledged < 3:  # noqa: ASYNC110 (counted by a handler)
                await asyncio.sleep(0.05)

        assert len(await house.sql("SELECT 1 FROM receipts")) == 1
