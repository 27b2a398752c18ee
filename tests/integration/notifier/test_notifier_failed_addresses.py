"""Addresses that a provider refuses for good are told; what speaks of anything else is not."""

from typing import Any

import pytest
from crm.notifier.v1 import events_pb2, message_pb2

from services.notifier.domain.states import Reason, Result, State, Verdict, says_dead
from tests.integration.notifier.notifier_parts import House, MailServer


async def told(house: House) -> list[Any]:
    """The addresses told of."""
    found = await house.sql(
        "SELECT payload FROM outbox WHERE subject = 'crm.notifier.v1.AddressesFailed' ORDER BY id"
    )
    events = [events_pb2.AddressesFailed.FromString(bytes(it.payload)) for it in found]
    return [each for event in events for each in event.addresses]


class TestAnswers:
    async def test_an_address_that_nobody_has_is_told_with_its_message(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["refuse@Example.vn", "an@example.vn", "spam@example.vn"])
        house.engine(mail.wire())
        await house.until(run, {State.ACCEPTED: 1, State.FAILED: 2})

        (one,) = await told(house)

        ((id, at),) = await house.sql(
            "SELECT message_id, updated_at FROM messages WHERE address_key = 'refuse@example.vn'"
        )
        assert (one.address_key, one.channel) == ("refuse@example.vn", message_pb2.CHANNEL_EMAIL)
        assert (one.reason, one.message_id) == ("ADDRESS_INVALID", str(id))
        assert one.time.ToDatetime(tzinfo=at.tzinfo) == at

    async def test_who_is_to_be_tried_again_is_not_told(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take(["later@example.vn"])
        house.engine(mail.wire())

        await house.until(run, {State.DEFERRED: 1})

        assert await told(house) == []

    async def test_who_refuses_everybody_is_not_believed(
        self, house: House, mail: MailServer
    ) -> None:
        run = await house.take([f"refuse.{n}@example.vn" for n in range(100)])
        house.engine(mail.wire())

        await house.until(run, {State.FAILED: 100})

        # The first few of a commit are believed: nobody could have known.
        assert len(await told(house)) < 20

    @pytest.mark.parametrize("reason", Reason)
    def test_only_the_address_and_its_mailbox_count(self, reason: Reason) -> None:
        dead = reason in (Reason.ADDRESS_INVALID, Reason.MAILBOX_DISABLED)

        assert says_dead(Result(Verdict.REFUSED, "550 5.1.1 nobody", reason)) is dead
        assert not says_dead(Result(Verdict.BUSY, "450 4.1.1 later", reason))
        assert not says_dead(Result(Verdict.REFUSED, "no SMTPUTF8", reason))
