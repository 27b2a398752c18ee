"""A sender identity is renewed and renamed; what was sent keeps who sent it."""

import math
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import message_pb2, suppression_pb2
from crm.notifier.v1 import suppression_service_pb2 as pb
from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceStub
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp
from prometheus_client import REGISTRY

from chassis.context import Principal
from chassis.errors import Aborted, InvalidArgument, NotFound, PermissionDenied
from services.notifier.domain.states import State
from services.notifier.workers.gauges import Gauges
from tests.integration.notifier.callers import SERVICE
from tests.integration.notifier.doubt_parts import audited
from tests.integration.notifier.notifier_parts import (
    EMAIL_SENDER,
    SMS_SENDER,
    House,
    MailServer,
)
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.suppression_service_pb2_grpc import SenderServiceAsyncStub

READER = Principal(str(uuid.uuid4()), "user", {"senders": {"read": "all"}})


@pytest.fixture
async def senders(served: Served) -> "SenderServiceAsyncStub":
    """SenderService, called by a service."""
    return SenderServiceStub(served.as_(SERVICE))


def at(days: float) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(datetime.now(UTC) + timedelta(days=days))
    return made


def request(
    id: uuid.UUID, *paths: str, etag: str = "", **given: Any
) -> pb.UpdateSenderIdentityRequest:
    return pb.UpdateSenderIdentityRequest(
        sender_identity=suppression_pb2.SenderIdentity(id=str(id), etag=etag, **given),
        update_mask=FieldMask(paths=paths),
    )


async def read(senders: "SenderServiceAsyncStub", id: uuid.UUID) -> suppression_pb2.SenderIdentity:
    return await senders.GetSenderIdentity(pb.GetSenderIdentityRequest(id=str(id)))


class TestUpdate:
    async def test_what_is_named_is_changed_and_no_more(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        before = await read(senders, EMAIL_SENDER)
        given = request(
            EMAIL_SENDER,
            *("display_name", "reply_to"),
            etag=before.etag,
            display_name=" Sông Hồng ",
            reply_to="hoi@songhong.vn",
            expire_time=at(9),
        )

        changed = await senders.UpdateSenderIdentity(given)

        assert (changed.display_name, changed.reply_to) == ("Sông Hồng", "hoi@songhong.vn")
        assert (changed.revision, changed.etag) == (2, "2")
        assert not changed.HasField("expire_time")
        assert (changed.address, changed.channel) == (before.address, before.channel)
        assert await read(senders, EMAIL_SENDER) == changed

    async def test_without_a_mask_it_is_what_is_given(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        await senders.UpdateSenderIdentity(request(EMAIL_SENDER, display_name="Sông Hồng"))

        changed = await senders.UpdateSenderIdentity(request(EMAIL_SENDER, expire_time=at(9)))

        assert changed.display_name == "Sông Hồng"
        assert changed.HasField("expire_time")

    async def test_a_part_of_a_time_is_the_time(self, senders: "SenderServiceAsyncStub") -> None:
        ends = at(400)

        changed = await senders.UpdateSenderIdentity(
            request(SMS_SENDER, "expire_time.seconds", expire_time=ends)
        )

        assert changed.expire_time == ends

    async def test_an_address_may_end_and_go_on_for_good(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        await senders.UpdateSenderIdentity(request(EMAIL_SENDER, expire_time=at(9)))

        changed = await senders.UpdateSenderIdentity(request(EMAIL_SENDER, "expire_time"))

        assert not changed.HasField("expire_time")

    async def test_it_is_audited_with_what_it_was(
        self, house: House, senders: "SenderServiceAsyncStub"
    ) -> None:
        await senders.UpdateSenderIdentity(request(SMS_SENDER, expire_time=at(400)))

        (entry,) = await audited(house)
        assert (entry["action"], entry["subject_type"]) == (
            "sender_identity.update",
            "sender_identity",
        )
        assert entry["subject_id"] == str(SMS_SENDER)
        assert entry["before"]["expires_at"] is None
        assert entry["after"]["expires_at"]

    async def test_what_is_the_same_already_is_no_change(
        self, house: House, senders: "SenderServiceAsyncStub"
    ) -> None:
        held = await read(senders, SMS_SENDER)

        changed = await senders.UpdateSenderIdentity(
            pb.UpdateSenderIdentityRequest(sender_identity=held, update_mask=FieldMask(paths=["*"]))
        )

        assert changed == held
        assert await audited(house) == []


class TestRefusals:
    @pytest.mark.parametrize(
        "given",
        [
            {"address": "SONGHONG2"},
            {"address": ""},
            {"channel": message_pb2.CHANNEL_EMAIL},
            {"advertiser_id": str(uuid.UUID(int=9))},
        ],
    )
    async def test_who_sent_what_was_sent_never_changes(
        self, senders: "SenderServiceAsyncStub", given: dict[str, Any]
    ) -> None:
        (field,) = given
        before = await read(senders, SMS_SENDER)

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.UpdateSenderIdentity(
                request(SMS_SENDER, field, "display_name", display_name="x", **given)
            )

        assert refusal.fields() == [f"sender_identity.{field}"]
        assert await read(senders, SMS_SENDER) == before

    async def test_without_a_mask_it_does_not_change_either(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.UpdateSenderIdentity(request(SMS_SENDER, address="SONGHONG2"))

        assert refusal.fields() == ["sender_identity.address"]

    @pytest.mark.parametrize(
        ("id", "paths", "given", "field"),
        [
            (SMS_SENDER, (), {"expire_time": at(-1)}, "expire_time"),
            (EMAIL_SENDER, (), {"expire_time": at(-1)}, "expire_time"),
            (SMS_SENDER, (), {"expire_time": Timestamp(seconds=10**15)}, "expire_time"),
            (SMS_SENDER, (), {"expire_time": Timestamp(seconds=253402300799)}, "expire_time"),
            (EMAIL_SENDER, (), {"reply_to": "nobody"}, "reply_to"),
            (EMAIL_SENDER, (), {"display_name": "x" * 101}, "display_name"),
            (EMAIL_SENDER, (), {"display_name": "a\x00"}, "display_name"),
        ],
    )
    async def test_what_cannot_be_is_named(
        self,
        senders: "SenderServiceAsyncStub",
        id: uuid.UUID,
        paths: tuple[str, ...],
        given: dict[str, Any],
        field: str,
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.UpdateSenderIdentity(request(id, *paths, **given))

        assert refusal.fields() == [f"sender_identity.{field}"]

    async def test_a_brand_name_is_registered_until_some_time(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        await senders.UpdateSenderIdentity(request(SMS_SENDER, expire_time=at(9)))

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.UpdateSenderIdentity(request(SMS_SENDER, "expire_time"))

        assert refusal.fields() == ["sender_identity.expire_time"]

    async def test_what_changed_meanwhile_is_not_written_over(
        self, senders: "SenderServiceAsyncStub"
    ) -> None:
        await senders.UpdateSenderIdentity(request(SMS_SENDER, expire_time=at(400)))

        with refused(Aborted, "ETAG_STALE"):
            await senders.UpdateSenderIdentity(request(SMS_SENDER, etag="1", expire_time=at(500)))

    async def test_what_is_not_there_or_not_named(self, senders: "SenderServiceAsyncStub") -> None:
        with refused(NotFound, "RESOURCE_MISSING"):
            await senders.UpdateSenderIdentity(request(uuid.uuid4(), display_name="x"))
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await senders.UpdateSenderIdentity(pb.UpdateSenderIdentityRequest())
        assert refusal.fields() == ["sender_identity.id"]
        with refused(InvalidArgument, "UPDATE_MASK_INVALID"):
            await senders.UpdateSenderIdentity(request(SMS_SENDER, "revision"))

    async def test_it_needs_the_right_to_add_one(self, served: Served) -> None:
        reader = SenderServiceStub(served.as_(READER))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await reader.UpdateSenderIdentity(request(SMS_SENDER, expire_time=at(400)))


class TestRenewal:
    async def test_one_that_ended_is_renamed_as_it_is_and_renewed(
        self, house: House, senders: "SenderServiceAsyncStub"
    ) -> None:
        await house.sql("UPDATE sender_identities SET expires_at = now() - interval '1 h'")
        ended = await read(senders, SMS_SENDER)

        renamed = await senders.UpdateSenderIdentity(
            request(SMS_SENDER, display_name="x", expire_time=ended.expire_time)
        )
        renewed = await senders.UpdateSenderIdentity(request(SMS_SENDER, expire_time=at(400)))

        assert (renamed.display_name, renamed.expire_time) == ("x", ended.expire_time)
        assert renewed.expire_time.ToDatetime(UTC) > datetime.now(UTC)

    async def test_an_engine_that_runs_goes_by_it_from_its_next_claim(
        self, house: House, mail: MailServer, senders: "SenderServiceAsyncStub"
    ) -> None:
        house.engine(mail.wire())
        first = await house.take(["dao@example.vn"])
        await house.until(first, {State.ACCEPTED: 1})
        await house.sql("UPDATE sender_identities SET expires_at = now() - interval '1 h'")
        second = await house.take(["lan@example.vn"])
        await house.until(second, {State.SKIPPED: 1})

        await senders.UpdateSenderIdentity(
            request(
                EMAIL_SENDER,
                display_name="Song Hong Moi",
                reply_to="hoi@songhong.vn",
                expire_time=at(400),
            )
        )
        third = await house.take(["mai@example.vn"])
        await house.until(third, {State.ACCEPTED: 1})

        (sent,) = [it for it in mail.mails.values() if b"mai@example.vn" in it]
        assert b"From: Song Hong Moi <news@songhong.vn>" in sent
        assert b"Reply-To: hoi@songhong.vn" in sent

    async def test_the_gauge_goes_by_it_at_its_next_look(
        self, house: House, senders: "SenderServiceAsyncStub"
    ) -> None:
        ends, later = at(3), at(400)
        await senders.UpdateSenderIdentity(request(SMS_SENDER, expire_time=ends))
        await Gauges(house.sessions).measure()
        soon = _told()

        await senders.UpdateSenderIdentity(request(SMS_SENDER, expire_time=later))

        await Gauges(house.sessions).measure()
        assert math.isclose(soon, ends.seconds, abs_tol=1)
        assert math.isclose(_told(), later.seconds, abs_tol=1)


def _told() -> float:
    found = REGISTRY.get_sample_value("mekong_notifier_sender_expiry_timestamp_seconds")
    assert found is not None
    return found
