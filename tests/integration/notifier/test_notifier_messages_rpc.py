"""Messages as other services send them and look them up."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import message_pb2
from crm.notifier.v1 import message_service_pb2 as messages_pb
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import (
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from services.notifier.domain.states import State
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    EMAIL_SENDER,
    SMS_SENDER,
    House,
    MailServer,
    people,
)
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.message_service_pb2_grpc import MessageServiceAsyncStub
from tests.integration.notifier.callers import NOBODY, SERVICE

EMAIL, SMS = message_pb2.CHANNEL_EMAIL, message_pb2.CHANNEL_SMS


@pytest.fixture
async def messages(served: Served) -> "MessageServiceAsyncStub":
    """MessageService, called by a service."""
    return MessageServiceStub(served.as_(SERVICE))


def wanted(**changes: Any) -> messages_pb.SendMessageRequest:
    """A message that may be sent."""
    given: dict[str, Any] = {
        "request_id": "code-1",
        "channel": EMAIL,
        "address": "Dao@Example.vn",
        "purpose": message_pb2.PURPOSE_TRANSACTIONAL,
        "advertiser_id": str(ADVERTISER),
        "sender_identity_id": str(EMAIL_SENDER),
        "subject": "Mã {{ name }}",
        "text": "1234 {{ name }}",
        **changes,
    }
    return messages_pb.SendMessageRequest(**given)


class TestSendMessage:
    async def test_it_is_stored_and_sent_as_it_stands(
        self, house: House, mail: MailServer, messages: "MessageServiceAsyncStub"
    ) -> None:
        sent = await messages.SendMessage(wanted())
        assert sent.state == message_pb2.MESSAGE_STATE_QUEUED

        house.engine(mail.wire())
        await mail.took(1)

        assert mail.taken == ["Dao@Example.vn"]
        assert b"1234 {{ name }}" in mail.mails["Dao@Example.vn"]

    async def test_the_same_request_is_one_message(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        first = await messages.SendMessage(wanted())
        second = await messages.SendMessage(wanted())

        assert first.id == second.id
        assert len(await house.sql("SELECT 1 FROM messages")) == 1

    async def test_the_id_of_another_request_is_refused(
        self, messages: "MessageServiceAsyncStub"
    ) -> None:
        await messages.SendMessage(wanted())

        with refused(AlreadyExists, "REQUEST_ID_REUSED"):
            await messages.SendMessage(wanted(text="9999"))

    async def test_every_wrong_field_is_named(self, messages: "MessageServiceAsyncStub") -> None:
        past = Timestamp(seconds=1)
        wrong = wanted(
            request_id="",
            channel=SMS,
            address="0901",
            purpose=message_pb2.PURPOSE_MARKETING,
            advertiser_id="x",
            sender_identity_id="",
            contact_id="y",
            text="",
            subject="",
            not_after=past,
        )

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await messages.SendMessage(wrong)

        assert sorted(refusal.fields()) == [
            "address",
            "advertiser_id",
            "contact_id",
            "not_after",
            "purpose",
            "request_id",
            "sender_identity_id",
            "text",
        ]

    async def test_a_sender_of_another_channel_does_not_fit(
        self, messages: "MessageServiceAsyncStub"
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await messages.SendMessage(wanted(sender_identity_id=str(SMS_SENDER)))

        assert refusal.fields() == ["sender_identity_id"]

    async def test_an_unknown_sender_is_missing(self, messages: "MessageServiceAsyncStub") -> None:
        with refused(NotFound, "RESOURCE_MISSING"):
            await messages.SendMessage(wanted(sender_identity_id=str(uuid.uuid4())))

    async def test_it_needs_a_right_and_a_token(self, served: Served) -> None:
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await MessageServiceStub(served.as_(NOBODY)).SendMessage(wanted())
        with refused(Unauthenticated, "TOKEN_MISSING"):
            await MessageServiceStub(served.as_(None)).SendMessage(wanted())


class TestLookups:
    async def test_a_message_shows_its_attempts(
        self, house: House, mail: MailServer, messages: "MessageServiceAsyncStub"
    ) -> None:
        run = await house.take(["dao@example.vn"])
        house.engine(mail.wire())
        await house.until(run, {State.ACCEPTED: 1})

        got = await messages.GetMessage(
            messages_pb.GetMessageRequest(id=str(uuid.uuid5(run, "dao@example.vn")))
        )

        assert got.run_date == "2026-11-21"
        assert [(it.number, it.answer, it.outcome) for it in got.attempts] == [
            (1, "250 2.0.0 taken", message_pb2.MESSAGE_STATE_ACCEPTED)
        ]

    async def test_pages_of_a_run_hold_each_message_once(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        run = await house.take(list(people(25)))
        await house.take(list(people(5, "noise")))
        seen: list[str] = []
        token = ""
        while True:
            page = await messages.ListMessages(
                messages_pb.ListMessagesRequest(run_id=str(run), page_size=10, page_token=token)
            )
            seen += [it.address for it in page.messages]
            token = page.next_page_token
            if not token:
                break

        assert seen == list(people(25))

    async def test_messages_are_found_by_address_and_by_state(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        await house.take(list(people(3)))

        async def found(**by: Any) -> int:
            request = messages_pb.ListMessagesRequest(address="Nguoi1@example.vn", **by)
            return len((await messages.ListMessages(request)).messages)

        assert await found() == 1
        assert await found(states=[message_pb2.MESSAGE_STATE_QUEUED]) == 1
        assert await found(states=[message_pb2.MESSAGE_STATE_FAILED]) == 0

    async def test_which_of_a_runs_messages_are_here_is_said(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        run = await house.take(list(people(3)))
        await house.take(list(people(2, "other")))
        here = [
            row.message_id.bytes
            for row in await house.sql(
                "SELECT message_id FROM messages WHERE run_id = :run", run=run
            )
        ]
        others = [
            row.message_id.bytes
            for row in await house.sql(
                "SELECT message_id FROM messages WHERE run_id <> :run", run=run
            )
        ]
        asked = [*here[1:], *others, uuid.uuid4().bytes]

        found = await messages.FindMessages(
            messages_pb.FindMessagesRequest(run_id=str(run), message_ids=asked)
        )
        unknown = await messages.FindMessages(
            messages_pb.FindMessagesRequest(run_id=str(uuid.uuid4()), message_ids=asked)
        )

        assert sorted(found.message_ids) == sorted(here[1:])
        assert list(unknown.message_ids) == []

    @pytest.mark.parametrize("ids", [[b"short"], [bytes(16)] * 1_001])
    async def test_ids_that_are_none_or_too_many_are_refused(
        self, messages: "MessageServiceAsyncStub", ids: list[bytes]
    ) -> None:
        request = messages_pb.FindMessagesRequest(run_id=str(uuid.uuid4()), message_ids=ids)

        with refused(InvalidArgument, "FIELDS_INVALID"):
            await messages.FindMessages(request)

    async def test_counts_sum_to_the_run(
        self, house: House, messages: "MessageServiceAsyncStub"
    ) -> None:
        run = await house.take(list(people(7)))

        counts = await messages.CountMessages(messages_pb.CountMessagesRequest(run_id=str(run)))

        assert [(it.state, it.count) for it in counts.counts] == [(1, 7)]

    async def test_bad_requests_say_what_is_wrong(
        self, messages: "MessageServiceAsyncStub"
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await messages.GetMessage(messages_pb.GetMessageRequest(id="no"))
        with refused(NotFound, "RESOURCE_MISSING"):
            await messages.GetMessage(messages_pb.GetMessageRequest(id=str(uuid.uuid4())))
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await messages.ListMessages(messages_pb.ListMessagesRequest())
        with refused(InvalidArgument, "PAGE_TOKEN_INVALID"):
            await messages.ListMessages(
                messages_pb.ListMessagesRequest(run_id=str(uuid.uuid4()), page_token="x")
            )
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await messages.CountMessages(messages_pb.CountMessagesRequest(run_id=""))
