"""Many messages at once: each under its own key, behind what cannot wait."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import message_pb2
from crm.notifier.v1 import message_service_pb2 as messages_pb
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import InvalidArgument, PermissionDenied
from services.notifier.domain.states import State
from tests.integration.notifier.callers import NOBODY, SERVICE
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    EMAIL_SENDER,
    SMS_SENDER,
    House,
    MailServer,
    settled,
)
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.message_service_pb2_grpc import MessageServiceAsyncStub


@pytest.fixture
async def messages(served: Served) -> "MessageServiceAsyncStub":
    """MessageService, called by a service."""
    return MessageServiceStub(served.as_(SERVICE))


def wanted(name: str, **changes: Any) -> messages_pb.SendMessageRequest:
    """A message that may be sent."""
    given: dict[str, Any] = {
        "request_id": f"follow-up:1:{name}",
        "channel": message_pb2.CHANNEL_EMAIL,
        "address": f"{name}@example.vn",
        "purpose": message_pb2.PURPOSE_CARE,
        "advertiser_id": str(ADVERTISER),
        "sender_identity_id": str(EMAIL_SENDER),
        "subject": "Chăm sóc",
        "text": f"Chao {name} {{{{ name }}}}",
        **changes,
    }
    return messages_pb.SendMessageRequest(**given)


def batch(*given: messages_pb.SendMessageRequest) -> messages_pb.BatchSendMessagesRequest:
    return messages_pb.BatchSendMessagesRequest(messages=given)


class TestBatchSendMessages:
    async def test_each_is_sent_as_it_stands(
        self, house: House, mail: MailServer, messages: "MessageServiceAsyncStub"
    ) -> None:
        sent = await messages.BatchSendMessages(batch(*(wanted(it) for it in ("an", "ba", "cu"))))

        assert [it.message.address for it in sent.results] == [
            "an@example.vn",
            "ba@example.vn",
            "cu@example.vn",
        ]
        house.engine(mail.wire())
        await mail.took(3)
        assert sorted(mail.taken) == ["an@example.vn", "ba@example.vn", "cu@example.vn"]
        assert b"an {{ name }}" in mail.mails["an@example.vn"]

    async def test_the_same_requests_are_the_same_messages(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        first = await messages.BatchSendMessages(batch(wanted("an"), wanted("ba")))
        again = await messages.BatchSendMessages(batch(wanted("ba"), wanted("an"), wanted("an")))
        alone = await messages.SendMessage(wanted("an"))

        an, ba = (it.message.id for it in first.results)
        assert [it.message.id for it in again.results] == [ba, an, an]
        assert alone.id == an
        assert len(await house.sql("SELECT 1 FROM messages")) == 2

    async def test_one_that_cannot_be_stops_no_other(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        await messages.BatchSendMessages(batch(wanted("an")))

        sent = await messages.BatchSendMessages(
            batch(
                wanted("an", text="khác"),
                wanted("ba", address="ba", purpose=message_pb2.PURPOSE_MARKETING),
                wanted("cu", sender_identity_id=str(uuid.uuid4())),
                wanted("do", sender_identity_id=str(SMS_SENDER)),
                wanted("em"),
            )
        )

        reused, wrong, nobody, unfit, taken = sent.results
        assert reused.refusal.reason == "REQUEST_ID_REUSED"
        first = (await house.sql("SELECT message_id FROM messages WHERE address LIKE 'an%'"))[0]
        assert reused.refusal.message_id == str(first.message_id)
        assert wrong.refusal.reason == "FIELDS_INVALID"
        assert sorted(wrong.refusal.fields) == ["address", "purpose"]
        assert nobody.refusal.reason == "RESOURCE_MISSING"
        assert list(unfit.refusal.fields) == ["sender_identity_id"]
        assert taken.message.state == message_pb2.MESSAGE_STATE_QUEUED
        assert len(await house.sql("SELECT 1 FROM messages")) == 2

    async def test_one_that_was_taken_in_time_is_found_after_its_time(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        past = wanted("an", not_after=Timestamp(seconds=1))
        late = await messages.BatchSendMessages(batch(past))
        await messages.BatchSendMessages(batch(wanted("an")))

        assert list(late.results[0].refusal.fields) == ["not_after"]
        # As if it had been taken before: what it stands for is asked before its time is.
        await house.sql(
            "UPDATE message_keys SET request_hash = sha256(CAST(:request AS bytea))",
            request=past.SerializeToString(deterministic=True),
        )
        found = await messages.BatchSendMessages(batch(past))
        assert found.results[0].message.address == "an@example.vn"

    @pytest.mark.parametrize("count", [0, 501])
    async def test_none_and_too_many_are_refused(
        self, messages: "MessageServiceAsyncStub", count: int
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await messages.BatchSendMessages(batch(*(wanted(f"n{it}") for it in range(count))))

        assert refusal.fields() == ["messages"]

    async def test_it_needs_the_right_to_send(self, served: Served) -> None:
        stub: Any = MessageServiceStub(served.as_(NOBODY))
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stub.BatchSendMessages(batch(wanted("an")))


class TestOrder:
    async def test_what_cannot_wait_goes_before_all_of_them(
        self, house: House, mail: MailServer, messages: "MessageServiceAsyncStub"
    ) -> None:
        await messages.BatchSendMessages(batch(*(wanted(f"n{it}") for it in range(300))))
        transactional = message_pb2.PURPOSE_TRANSACTIONAL
        await messages.SendMessage(wanted("otp", request_id="otp", purpose=transactional))

        house.engine(mail.wire())
        await mail.took(301)

        assert mail.taken[0] == "otp@example.vn"


class TestSettled:
    async def test_it_says_whose_message_came_to_what(
        self, house: House, mail: MailServer, messages: "MessageServiceAsyncStub"
    ) -> None:
        sent = await messages.BatchSendMessages(batch(wanted("an"), wanted("ba")))
        house.engine(mail.wire())
        await mail.took(2)
        await house.eventually("SELECT 1 FROM messages WHERE state = 8 HAVING count(*) = 2")

        told = {it.request_id: it for it in await settled(house)}
        assert {it.message.id for it in told.values()} == {it.message.id for it in sent.results}
        assert told["follow-up:1:an"].caller == SERVICE.subject
        assert told["follow-up:1:an"].message.state == message_pb2.MESSAGE_STATE_ACCEPTED

    async def test_doubt_is_told_too(
        self, house: House, mail: MailServer, messages: "MessageServiceAsyncStub"
    ) -> None:
        # Taken, and hung up on instead of answered.
        await messages.BatchSendMessages(batch(wanted("close-1")))
        house.engine(mail.wire())
        doubt = int(State.IN_DOUBT)
        await house.eventually(f"SELECT 1 FROM messages WHERE state = {doubt}")  # noqa: S608

        assert [it.message.state for it in await settled(house)] == [
            message_pb2.MESSAGE_STATE_IN_DOUBT
        ]
