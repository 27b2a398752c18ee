"""What is heard of the messages of a follow-up after they went."""

import random
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import follow_up_pb2
from crm.notifier.v1 import events_pb2, message_pb2

from services.interactions import consumers
from tests.integration.interactions.delivery_parts import Sending, counts
from tests.integration.notifier.mail_parts import MailServer

COMPLETED = follow_up_pb2.FOLLOW_UP_STATUS_COMPLETED


class TestNews:
    async def test_they_may_come_before_the_hand_over_is_recorded(
        self, parts: Sending, mail: MailServer
    ) -> None:
        planned = await parts.plan(parts.contact("an"))
        courier = parts.courier()
        taken = courier._hand_over

        async def with_news(batch: Any, found: Any) -> None:
            await taken(batch, found)
            parts.notifier.engine(mail.wire())
            await mail.took(1)
            await parts.notifier.eventually("SELECT 1 FROM messages WHERE state = 8")
            await parts.hear(*await parts.settled())

        courier._hand_over = with_news  # type: ignore[method-assign]
        await courier.round()

        done = await parts.get(planned)
        assert (done.status, counts(done)) == (COMPLETED, {"sent": 1})

    async def test_in_any_order_twice_the_newest_stands(self, parts: Sending) -> None:
        an = parts.contact("an")
        planned = await parts.plan(an)
        await parts.courier().round()
        first = await self._news(parts, message_pb2.MESSAGE_STATE_IN_DOUBT, 3)
        second = await self._news(parts, message_pb2.MESSAGE_STATE_ACCEPTED, 4)
        third = await self._news(parts, message_pb2.MESSAGE_STATE_BOUNCED, 5, "MAILBOX_FULL")
        shuffled = [first, second, third, first, second, third]
        random.Random(7).shuffle(shuffled)

        for told in shuffled:
            await parts.hear(told)
            assert sum(counts(await parts.get(planned)).values()) == 1

        assert await parts.deliveries(planned) == {an: ("FAILED", "MAILBOX_FULL")}
        done = await parts.get(planned)
        assert done.outcome == "sent 0, skipped 0, failed 1, in doubt 0"

    async def test_doubt_is_shown_as_such(self, parts: Sending) -> None:
        an = parts.contact("an")
        planned = await parts.plan(an)
        await parts.courier().round()

        await parts.hear(await self._news(parts, message_pb2.MESSAGE_STATE_IN_DOUBT, 3, "X"))

        assert await parts.deliveries(planned) == {an: ("IN_DOUBT", "X")}
        assert (await parts.get(planned)).outcome.endswith("in doubt 1")

    async def test_those_of_others_change_nothing(self, parts: Sending) -> None:
        planned = await parts.plan(parts.contact("an"))
        await parts.courier().round()
        told = await self._news(parts, message_pb2.MESSAGE_STATE_FAILED, 9)
        for change in ({"caller": "gateway"}, {"request_id": "otp-1"}):
            foreign = type(told)()
            foreign.CopyFrom(told)
            for name, value in change.items():
                setattr(foreign, name, value)
            await parts.hear(foreign)
        other = type(told)()
        other.CopyFrom(told)
        other.message.id = str(uuid4())
        await parts.hear(other)

        assert counts(await parts.get(planned)) == {"handed_over": 1}

    async def test_what_is_no_news_is_poison(self, parts: Sending) -> None:
        one, _ = consumers.outcomes("interactions")
        event: Any = type("Event", (), {"data": b"\xff"})()
        async with parts.sessions.begin() as session:
            with pytest.raises(consumers.Poison):
                await one(session, event)

    async def _news(self, parts: Sending, state: Any, revision: int, reason: str = "") -> Any:
        row = (await parts.notifier.sql("SELECT * FROM message_keys"))[0]
        message = message_pb2.Message(
            id=str(row.message_id), state=state, revision=revision, reason=reason
        )
        return events_pb2.SettledMessage(
            message=message, caller=row.subject, request_id=row.request_id
        )
