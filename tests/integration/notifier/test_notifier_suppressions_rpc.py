"""Suppressions as other services add, list and lift them, and unsubscribing by a link."""

import uuid
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import events_pb2, message_pb2, suppression_pb2
from crm.notifier.v1 import suppression_service_pb2 as suppressions_pb
from crm.notifier.v1.suppression_service_pb2_grpc import SuppressionServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import (
    InvalidArgument,
    NotFound,
    PermissionDenied,
)
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.tokens import Link, link_token
from services.notifier.domain.work import Key
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    DAY,
    House,
    MailServer,
    people,
)
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.suppression_service_pb2_grpc import (
        SuppressionServiceAsyncStub,
    )
from tests.integration.notifier.callers import NOBODY, SERVICE

EMAIL, SMS = message_pb2.CHANNEL_EMAIL, message_pb2.CHANNEL_SMS


@pytest.fixture
async def suppressions(served: Served) -> "SuppressionServiceAsyncStub":
    """SuppressionService, called by a service."""
    return SuppressionServiceStub(served.as_(SERVICE))


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
        told = await house.sql(
            "SELECT subject, payload FROM outbox WHERE class = 'control' ORDER BY id"
        )
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
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            never = Timestamp(seconds=253_402_300_800)
            await suppressions.CreateSuppression(suppression(expire_time=never))
        assert refusal.fields() == ["suppression.expire_time"]
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
