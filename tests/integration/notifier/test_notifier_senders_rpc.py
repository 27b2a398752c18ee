"""Advertisers, their sender identities and providers as other services see them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import message_pb2, suppression_pb2
from crm.notifier.v1 import suppression_service_pb2 as suppressions_pb
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    NotFound,
)
from services.notifier.domain.states import State
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    House,
    MailServer,
)
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.suppression_service_pb2_grpc import (
        SenderServiceAsyncStub,
    )
from tests.integration.notifier.callers import SERVICE

EMAIL, SMS = message_pb2.CHANNEL_EMAIL, message_pb2.CHANNEL_SMS


@pytest.fixture
async def senders(served: Served) -> "SenderServiceAsyncStub":
    """SenderService, called by a service."""
    return SenderServiceStub(served.as_(SERVICE))


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

    @pytest.mark.parametrize("days", [-1, 4_000_000])
    async def test_a_new_address_does_not_end_before_it_begins(
        self, senders: "SenderServiceAsyncStub", days: int
    ) -> None:
        new = _identity("hoi@songhong.vn", channel=EMAIL)
        seconds = int(datetime.now(UTC).timestamp()) + days * 86_400
        new.sender_identity.expire_time.seconds = seconds

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.CreateSenderIdentity(new)

        assert refusal.fields() == ["sender_identity.expire_time"]

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
