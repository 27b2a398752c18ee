"""Who was suppressed and is erased stays suppressed, and nothing says who it is."""

import uuid
from datetime import datetime

import pytest

from chassis.errors import NotFound
from services.notifier.domain.states import Channel, Purpose, Reason, State
from services.notifier.domain.tokens import Link, link_token
from services.notifier.domain.work import Key
from services.notifier.usecases import suppress
from tests.integration.notifier.notifier_parts import ADVERTISER, DAY, House
from tests.integration.notifier.test_notifier_erasing import (
    HOA,
    NOW,
    SECRET,
    STANDARDS,
    contact_of,
    counts,
    erase,
    judged,
    message,
)
from tests.integration.serving import Served


class TestSuppressions:
    async def test_who_was_suppressed_stays_so_by_a_keyed_hash(
        self, house: House, served: Served
    ) -> None:
        await self._suppress(house)

        answer = await erase(served, contact_ids=[str(uuid.uuid4())], emails=[HOA])

        ((address, key, evidence),) = await house.sql(
            "SELECT address, address_key, evidence FROM suppressions"
        )
        assert (address, evidence) == ("", "")
        assert HOA not in key
        assert counts(answer)["suppressions"] == 1
        (to,) = await judged(house, message(HOA))
        assert (to.state, to.reason) == (State.SKIPPED, Reason.SUPPRESSED)

    async def test_others_are_written_to_as_before(self, house: House, served: Served) -> None:
        await self._suppress(house)
        await erase(served, contact_ids=[str(uuid.uuid4())], emails=[HOA])

        assert await judged(house, message("khac@example.vn")) == []

    async def test_one_suppressed_and_erased_twice_has_one_row(
        self, house: House, served: Served
    ) -> None:
        for _ in range(2):
            await self._suppress(house)
            await erase(served, contact_ids=[str(uuid.uuid4())], emails=[HOA])

        assert len(await house.sql("SELECT 1 FROM suppressions")) == 1

    @pytest.mark.parametrize(
        ("first", "second"), [(None, NOW), (NOW, None)], ids=["for ever first", "for ever later"]
    )
    async def test_of_two_under_one_hash_the_one_that_ends_later_counts(
        self, house: House, served: Served, first: datetime | None, second: datetime | None
    ) -> None:
        for ends in (first, second):
            await self._suppress(house)
            await house.sql(
                "UPDATE suppressions SET expires_at = CAST(:ends AS timestamptz)"
                " WHERE address_key = :key",
                ends=ends,
                key=HOA,
            )
            await erase(served, contact_ids=[str(uuid.uuid4())], emails=[HOA])

        assert await house.sql("SELECT expires_at FROM suppressions") == [(None,)]

    async def test_that_of_an_address_others_have_stays_and_names_nobody(
        self, house: House, served: Served
    ) -> None:
        hers = str(uuid.uuid4())
        await self._suppress(house)
        await house.sql("UPDATE suppressions SET contact_id = CAST(:it AS uuid)", it=hers)

        await erase(served, contact_ids=[hers], shared=[HOA])

        assert await house.sql("SELECT address_key, contact_id, evidence FROM suppressions") == [
            (HOA, None, "")
        ]

    async def test_what_was_theirs_is_named_each_time(self, house: House, served: Served) -> None:
        hers = str(uuid.uuid4())
        await self._suppress(house)
        first = await erase(served, contact_ids=[hers], emails=[HOA])

        again = await erase(served, contact_ids=[hers])

        ((its_id,),) = await house.sql("SELECT id FROM suppressions")
        assert ("suppression", str(its_id)) in {(it.type, it.id) for it in again.subjects}
        assert "suppression" in {it.type for it in first.subjects}

    async def test_the_link_of_a_mail_to_them_leads_nowhere(
        self, house: House, served: Served
    ) -> None:
        await house.take([HOA])
        ((message_id,),) = await house.sql("SELECT message_id FROM messages")
        await erase(served, contact_ids=[await contact_of(house, HOA)])
        token = link_token(
            Link(Key(DAY, message_id), Channel.EMAIL, Purpose.CARE, ADVERTISER), SECRET
        )

        async with house.sessions.begin() as session:
            with pytest.raises(NotFound):
                await suppress.unsubscribe(session, token, SECRET, NOW, STANDARDS, everything=False)

    async def _suppress(self, house: House) -> None:
        new = suppress.made(
            channel=Channel.EMAIL,
            address=HOA,
            reason="unsubscribed",
            evidence=f"said {HOA}",
            now=NOW,
            actor="contact",
        )
        async with house.sessions.begin() as session:
            await suppress.add(session, new)
