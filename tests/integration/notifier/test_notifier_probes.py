"""What campaigns ask before a start: what gates would say, what texts would cost."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from crm.notifier.v1 import compliance_service_pb2 as pb
from crm.notifier.v1 import message_pb2
from crm.notifier.v1.compliance_service_pb2_grpc import GateServiceStub

from chassis.errors import InvalidArgument, NotFound, PermissionDenied
from services.notifier.domain.states import Channel, Purpose, Reason
from services.notifier.domain.work import Kind
from services.notifier.usecases import probing
from tests.integration.notifier.callers import NOBODY, SERVICE
from tests.integration.notifier.counting_parts import ADDRESS, PHONE, STANDARDS, fill, judge
from tests.integration.notifier.notifier_parts import ADVERTISER, EMAIL_SENDER, SMS_SENDER, House
from tests.integration.serving import Served, refused


class TestGates:
    def asking(self, *addresses: str, **changes: Any) -> pb.ProbeRecipientsRequest:
        """What would happen to an advertising e-mail."""
        given: dict[str, Any] = {
            "channel": message_pb2.CHANNEL_EMAIL,
            "purpose": message_pb2.PURPOSE_MARKETING,
            "advertiser_id": str(ADVERTISER),
            "sender_identity_id": str(EMAIL_SENDER),
            "recipients": [pb.ProbedRecipient(address=it) for it in addresses],
            **changes,
        }
        return pb.ProbeRecipientsRequest(**given)

    async def test_it_says_what_each_gate_would_do_and_counts_nothing(
        self, served: Served, house: House
    ) -> None:
        stub = GateServiceStub(served.as_(SERVICE))
        now = datetime.now(UTC)
        await judge(house, await fill(house, 3), now)
        await house.sql(
            "INSERT INTO suppressions (id, version, channel, address, address_key, advertiser_id,"
            " purpose, reason) VALUES (gen_random_uuid(), 1, 2, 'x', 'mai@example.vn', :nobody,"
            " 0, 'bounced')",
            nobody=uuid.UUID(int=0),
        )
        before = await house.sql("SELECT * FROM caps")

        for _ in range(2):
            found = await stub.ProbeRecipients(
                self.asking(ADDRESS, "Mai@Example.vn", "an@example.vn", "binh@example.vn", "none")
            )

        assert found.may_go == 2
        assert {(it.rule, it.count, it.reason) for it in found.stopped} == {
            ("vn.email.cap", 1, "CAP"),
            ("suppression.bounced", 1, "SUPPRESSED"),
        }
        until = next(it for it in found.stopped if it.reason == "CAP").not_before
        assert until.ToDatetime(UTC) == now + timedelta(hours=24, minutes=10)
        assert await house.sql("SELECT * FROM caps") == before

    async def test_a_number_asked_for_consent_before_would_be_skipped(
        self, served: Served, house: House
    ) -> None:
        await house.sql(
            "INSERT INTO consent_requests VALUES (:key, 1, :id, :id, 1, now())",
            key=PHONE,
            id=ADVERTISER,
        )
        await house.sql("INSERT INTO do_not_call_lists VALUES ('vn', now())")
        kind = Kind(None, Channel.SMS, Purpose.CONSENT_REQUEST, ADVERTISER, SMS_SENDER, "")
        people = [probing.Recipient(it, it, "") for it in (PHONE, "+84900000000")]
        noon = datetime.now(UTC).replace(hour=5)

        async with house.sessions.begin() as session:
            may_go, (stop,) = await probing.probe(session, kind, people, STANDARDS, noon)

        assert may_go == 1
        assert (stop.to.reason, stop.count) == (Reason.ASKED_BEFORE, 1)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"channel": 0}, "channel"),
            ({"purpose": 0}, "purpose"),
            ({"advertiser_id": "x"}, "advertiser_id"),
            ({"sender_identity_id": ""}, "sender_identity_id"),
            ({"recipients": [pb.ProbedRecipient(address="a@b.vn")] * 1_001}, "recipients"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, served: Served, change: dict[str, Any], field: str
    ) -> None:
        stub = GateServiceStub(served.as_(SERVICE))

        with refused(InvalidArgument, "FIELDS_INVALID") as error:
            await stub.ProbeRecipients(self.asking(**change))

        assert error.fields() == [field]


class TestTexts:
    def asking(self, *texts: str, **changes: Any) -> pb.ProbeTextsRequest:
        """What advertising SMS would become."""
        given: dict[str, Any] = {
            "purpose": message_pb2.PURPOSE_MARKETING,
            "sender_identity_id": str(SMS_SENDER),
            "texts": texts,
            **changes,
        }
        return pb.ProbeTextsRequest(**given)

    async def test_they_are_completed_and_counted_as_sent_and_as_billed(
        self, served: Served, house: House
    ) -> None:
        stub = GateServiceStub(served.as_(SERVICE))

        found = (await stub.ProbeTexts(self.asking("Giam gia", "Giảm giá"))).texts

        assert found[0].text.startswith("[QC] Giam gia Tu choi: http")
        plain = (found[0].encoding, found[0].segments, found[0].billed_segments, found[0].rule)
        assert plain == ("gsm7", 1, 1, "vn.sms.billing.marketing")
        marked = (found[1].encoding, found[1].segments, found[1].billed_segments, found[1].rule)
        assert marked == ("ucs2", 2, 2, "")

    async def test_advertising_costs_more_than_it_is_sent_in(
        self, served: Served, house: House
    ) -> None:
        stub = GateServiceStub(served.as_(SERVICE))

        (found,) = (await stub.ProbeTexts(self.asking("a" * 40))).texts

        assert (found.segments, found.billed_segments) == (1, 2)

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"purpose": 0}, "purpose"),
            ({"sender_identity_id": "x"}, "sender_identity_id"),
            ({"texts": ["a"] * 101}, "texts"),
            ({"texts": ["a", "a" * 10_001]}, "texts[1]"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, served: Served, change: dict[str, Any], field: str
    ) -> None:
        stub = GateServiceStub(served.as_(SERVICE))

        with refused(InvalidArgument, "FIELDS_INVALID") as error:
            await stub.ProbeTexts(self.asking(**change))

        assert error.fields() == [field]

    async def test_of_a_sender_nobody_knows_nothing_is_said(self, served: Served) -> None:
        stub = GateServiceStub(served.as_(SERVICE))

        with refused(NotFound, "RESOURCE_MISSING"):
            await stub.ProbeTexts(self.asking("a", sender_identity_id=str(uuid.uuid4())))

    async def test_it_takes_the_right_to_read_messages(self, served: Served) -> None:
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await GateServiceStub(served.as_(NOBODY)).ProbeTexts(self.asking("a"))
