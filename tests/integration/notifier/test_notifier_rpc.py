"""The notifier's RPCs: their good paths and every refusal."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import events_pb2, message_pb2, suppression_pb2
from crm.notifier.v1 import message_service_pb2 as messages_pb
from crm.notifier.v1 import suppression_service_pb2 as suppressions_pb
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub, SuppressionServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.context import Principal
from chassis.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Unauthenticated,
)
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.tokens import Link, link_token
from services.notifier.domain.work import Key
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    DAY,
    EMAIL_SENDER,
    SMS_SENDER,
    House,
    MailServer,
    people,
)
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.message_service_pb2_grpc import MessageServiceAsyncStub
    from crm.notifier.v1.suppression_service_pb2_grpc import (
        SenderServiceAsyncStub,
        SuppressionServiceAsyncStub,
    )

SERVICE = Principal(subject="gateway", kind="service")
NOBODY = Principal(subject=str(uuid.uuid4()), kind="user", rights={})
EMAIL, SMS = message_pb2.CHANNEL_EMAIL, message_pb2.CHANNEL_SMS


@pytest.fixture
def messages(served: Served) -> "MessageServiceAsyncStub":
    """MessageService, called by a service."""
    return MessageServiceStub(served.as_(SERVICE))


@pytest.fixture
def suppressions(served: Served) -> "SuppressionServiceAsyncStub":
    """SuppressionService, called by a service."""
    return SuppressionServiceStub(served.as_(SERVICE))


@pytest.fixture
def senders(served: Served) -> "SenderServiceAsyncStub":
    """SenderService, called by a service."""
    return SenderServiceStub(served.as_(SERVICE))


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


def suppression(**changes: Any) -> suppressions_pb.CreateSuppressionRequest:
    """A suppression that may be made."""
    given = {"channel": EMAIL, "address": "Dao@Example.vn", "reason": "by hand", **changes}
    return suppressions_pb.CreateSuppressionRequest(
        suppression=suppression_pb2.Suppression(**given)
    )


class TestSuppressions:
    async def test_one_is_made_announced_and_lifted(
        self, house: House, suppressions: "SuppressionServiceAsyncStub"
    ) -> None:
        made = await suppressions.CreateSuppression(suppression())
        again = await suppressions.CreateSuppression(suppression(address="DAO@example.vn"))
        listed = await suppressions.ListSuppressions(
            suppressions_pb.ListSuppressionsRequest(address="dao@example.vn")
        )
        await suppressions.DeleteSuppression(suppressions_pb.DeleteSuppressionRequest(id=made.id))

        assert made.id == again.id
        assert [it.id for it in listed.suppressions] == [made.id]
        told = await house.sql("SELECT subject, payload FROM outbox WHERE class = 'control'")
        assert [it.subject.rpartition(".")[2] for it in told] == [
            "SuppressionAdded",
            "SuppressionRemoved",
        ]
        added = events_pb2.SuppressionAdded.FromString(bytes(told[0].payload))
        assert added.address_key == "dao@example.vn"
        assert len(await house.sql("SELECT 1 FROM outbox WHERE class = 'audit'")) == 2

    async def test_the_list_is_paged_newest_first(
        self, suppressions: "SuppressionServiceAsyncStub"
    ) -> None:
        for address in people(5):
            await suppressions.CreateSuppression(suppression(address=address))
        request = suppressions_pb.ListSuppressionsRequest(page_size=3)
        first = await suppressions.ListSuppressions(request)
        request.page_token = first.next_page_token
        second = await suppressions.ListSuppressions(request)

        found = [it.address for it in [*first.suppressions, *second.suppressions]]
        assert found == list(people(5))[::-1]
        assert second.next_page_token == ""

    async def test_refusals(
        self, served: Served, suppressions: "SuppressionServiceAsyncStub"
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await suppressions.CreateSuppression(
                suppression(address="x", reason="", advertiser_id="y", purpose=99)
            )
        assert sorted(refusal.fields()) == [
            "suppression.address",
            "suppression.advertiser_id",
            "suppression.purpose",
            "suppression.reason",
        ]
        with refused(NotFound, "RESOURCE_MISSING"):
            await suppressions.CreateSuppression(suppression(advertiser_id=str(uuid.uuid4())))
        with refused(NotFound, "RESOURCE_MISSING"):
            await suppressions.DeleteSuppression(
                suppressions_pb.DeleteSuppressionRequest(id=str(uuid.uuid4()))
            )
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await suppressions.ListSuppressions(
                suppressions_pb.ListSuppressionsRequest(page_size=-1)
            )
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await SuppressionServiceStub(served.as_(NOBODY)).CreateSuppression(suppression())


class TestUnsubscribe:
    async def test_the_link_of_a_message_describes_and_then_ends(
        self, house: House, mail: MailServer, suppressions: "SuppressionServiceAsyncStub"
    ) -> None:
        run = await house.take(["dao@example.vn"])
        token = _token(house, run, "dao@example.vn")

        before = await suppressions.DescribeUnsubscribe(
            suppressions_pb.DescribeUnsubscribeRequest(token=token)
        )
        done = await suppressions.Unsubscribe(suppressions_pb.UnsubscribeRequest(token=token))
        twice = await suppressions.Unsubscribe(suppressions_pb.UnsubscribeRequest(token=token))
        after = await suppressions.DescribeUnsubscribe(
            suppressions_pb.DescribeUnsubscribeRequest(token=token)
        )

        assert (before.masked_address, before.unsubscribed) == ("d***@example.vn", False)
        assert before.advertiser_name == "Sông Hồng"
        assert (done.id, done.reason, done.purpose) == (twice.id, "unsubscribed", 2)
        assert after.unsubscribed
        house.engine(mail.wire())
        await house.until(run, {State.SKIPPED: 1})

    async def test_all_ends_every_purpose_and_advertiser(
        self, house: House, suppressions: "SuppressionServiceAsyncStub"
    ) -> None:
        run = await house.take(["dao@example.vn"])
        request = suppressions_pb.UnsubscribeRequest(
            token=_token(house, run, "dao@example.vn"), all=True
        )

        done = await suppressions.Unsubscribe(request)

        assert (done.advertiser_id, done.purpose) == ("", 0)

    async def test_a_forged_token_is_refused(
        self, house: House, suppressions: "SuppressionServiceAsyncStub"
    ) -> None:
        run = await house.take(["dao@example.vn"])
        token = _token(house, run, "dao@example.vn")
        forged = ("A" if token[0] != "A" else "B") + token[1:]
        for bad in (forged, "", "???", token[:-4]):
            with refused(InvalidArgument, "UNSUBSCRIBE_TOKEN_INVALID"):
                await suppressions.Unsubscribe(suppressions_pb.UnsubscribeRequest(token=bad))
        with refused(NotFound, "RESOURCE_MISSING"):
            await suppressions.DescribeUnsubscribe(
                suppressions_pb.DescribeUnsubscribeRequest(
                    token=_token(house, uuid.uuid4(), "nobody@example.vn")
                )
            )


def _token(house: House, run: uuid.UUID, address: str) -> str:
    key = Key(DAY, uuid.uuid5(run, address))
    secret = house.settings.mac_key.get_secret_value().encode()
    return link_token(Link(key, Channel.EMAIL, Purpose.CARE, ADVERTISER), secret)


class TestSenders:
    async def test_an_advertiser_is_kept_and_changed(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        made = await senders.CreateAdvertiser(_advertiser("Cửu Long"))
        changed = await senders.UpdateAdvertiser(
            suppressions_pb.UpdateAdvertiserRequest(
                advertiser=suppression_pb2.Advertiser(
                    id=made.id, name="Cửu Long JSC", etag=made.etag
                ),
                update_mask=FieldMask(paths=["name"]),
            )
        )
        got = await senders.GetAdvertiser(suppressions_pb.GetAdvertiserRequest(id=made.id))
        listed = await senders.ListAdvertisers(suppressions_pb.ListAdvertisersRequest())

        assert (changed.name, changed.revision) == ("Cửu Long JSC", 2)
        assert got == changed
        assert [it.name for it in listed.advertisers] == ["Cửu Long JSC", "Sông Hồng"]

    async def test_the_same_request_makes_one(self, senders: "SenderServiceAsyncStub") -> None:
        request = _advertiser("Cửu Long")
        request.request_id = "r1"

        assert await senders.CreateAdvertiser(request) == await senders.CreateAdvertiser(request)

    async def test_refusals_of_advertisers(self, senders: "SenderServiceAsyncStub") -> None:
        with refused(AlreadyExists, "RESOURCE_EXISTS"):
            await senders.CreateAdvertiser(_advertiser("sông hồng"))
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.CreateAdvertiser(suppressions_pb.CreateAdvertiserRequest())
        assert refusal.fields() == ["advertiser.name", "advertiser.postal_address"]
        stale = suppression_pb2.Advertiser(id=str(ADVERTISER), name="x", etag="99")
        with refused(Aborted, "ETAG_STALE"):
            await senders.UpdateAdvertiser(
                suppressions_pb.UpdateAdvertiserRequest(advertiser=stale)
            )
        with refused(NotFound, "RESOURCE_MISSING"):
            await senders.GetAdvertiser(suppressions_pb.GetAdvertiserRequest(id=str(uuid.uuid4())))
        with refused(InvalidArgument, "UPDATE_MASK_INVALID"):
            await senders.UpdateAdvertiser(
                suppressions_pb.UpdateAdvertiserRequest(
                    advertiser=stale, update_mask=FieldMask(paths=["revision"])
                )
            )

    async def test_a_brand_name_is_kept_for_three_years(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        made = await senders.CreateSenderIdentity(_identity("MEKONG-VN"))
        got = await senders.GetSenderIdentity(suppressions_pb.GetSenderIdentityRequest(id=made.id))
        listed = await senders.ListSenderIdentities(
            suppressions_pb.ListSenderIdentitiesRequest(advertiser_id=str(ADVERTISER), channel=SMS)
        )

        ends = made.expire_time.ToDatetime(tzinfo=UTC) - datetime.now(UTC)
        assert timedelta(days=1094) < ends < timedelta(days=1097)
        assert got == made
        assert {it.address for it in listed.sender_identities} == {"MEKONG-VN", "SONGHONG"}

    @pytest.mark.parametrize("address", ["", "0901234567", "MƯỜI", "TWELVELETTER", "X@"])
    async def test_what_is_no_brand_name_is_refused(
        self, senders: "SenderServiceAsyncStub", address: str
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.CreateSenderIdentity(_identity(address))

        assert refusal.fields() == ["sender_identity.address"]

    async def test_refusals_of_identities(self, senders: "SenderServiceAsyncStub") -> None:
        with refused(AlreadyExists, "RESOURCE_EXISTS"):
            await senders.CreateSenderIdentity(_identity("songhong"))
        with refused(NotFound, "RESOURCE_MISSING"):
            await senders.CreateSenderIdentity(_identity("X1", advertiser_id=str(uuid.uuid4())))
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await senders.CreateSenderIdentity(
                _identity("not an address", channel=EMAIL, reply_to="x")
            )
        with refused(NotFound, "RESOURCE_MISSING"):
            await senders.GetSenderIdentity(
                suppressions_pb.GetSenderIdentityRequest(id=str(uuid.uuid4()))
            )

    async def test_providers_say_whether_they_are_connected(
        self, house: House, mail: MailServer, senders: "SenderServiceAsyncStub"
    ) -> None:
        run = await house.take(["dao@example.vn"])
        house.engine(mail.wire(), email_max_per_second=50)
        await house.until(run, {State.ACCEPTED: 1})
        connected = await house.eventually("SELECT 1 FROM provider_sessions WHERE connected")

        listed = await senders.ListProviders(suppressions_pb.ListProvidersRequest())

        assert connected
        assert [
            (it.name, it.channel, it.max_per_second, it.connected) for it in listed.providers
        ] == [("smtp", EMAIL, 50, True)]


def _advertiser(name: str) -> suppressions_pb.CreateAdvertiserRequest:
    return suppressions_pb.CreateAdvertiserRequest(
        advertiser=suppression_pb2.Advertiser(name=name, postal_address="2 Lê Lợi")
    )


def _identity(address: str, **changes: Any) -> suppressions_pb.CreateSenderIdentityRequest:
    given = {"advertiser_id": str(ADVERTISER), "channel": SMS, "address": address, **changes}
    return suppressions_pb.CreateSenderIdentityRequest(
        sender_identity=suppression_pb2.SenderIdentity(**given)
    )
