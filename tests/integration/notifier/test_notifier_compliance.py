"""Do-not-call lists and agreements over gRPC, and rules in what is told of messages."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import compliance_pb2, events_pb2, message_pb2
from crm.notifier.v1 import compliance_service_pb2 as pb
from crm.notifier.v1 import message_service_pb2 as messages_pb
from crm.notifier.v1.compliance_service_pb2_grpc import (
    AgreementServiceStub,
    DoNotCallServiceStub,
)
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.errors import AlreadyExists, InvalidArgument, NotFound, PermissionDenied
from services.notifier.domain.states import Next, Reason, State
from services.notifier.usecases import claiming
from services.notifier.workers import metrics
from services.notifier.workers.sweeps import Sweeper
from tests.integration.notifier.callers import NOBODY, SERVICE
from tests.integration.notifier.counting_parts import (
    ADDRESS,
    PHONE,
    held,
)
from tests.integration.notifier.notifier_parts import ADVERTISER, House
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.compliance_service_pb2_grpc import (
        AgreementServiceAsyncStub,
        DoNotCallServiceAsyncStub,
    )

SMS = message_pb2.CHANNEL_SMS


@pytest.fixture
async def lists(served: Served) -> "DoNotCallServiceAsyncStub":
    """DoNotCallService, called by a service."""
    return DoNotCallServiceStub(served.as_(SERVICE))


@pytest.fixture
async def agreements(served: Served) -> "AgreementServiceAsyncStub":
    """AgreementService, called by a service."""
    return AgreementServiceStub(served.as_(SERVICE))


def stamp(at: datetime) -> Timestamp:
    """A proto timestamp."""
    made = Timestamp()
    made.FromDatetime(at)
    return made


def terms(**changes: Any) -> pb.CreateAgreementRequest:
    """An agreement that may be recorded."""
    given: dict[str, Any] = {
        "advertiser_id": str(ADVERTISER),
        "channel": SMS,
        "address": "+84 901 234 567",
        "most": 5,
        "windows": ["06:00-23:00"],
        "evidence": "hợp đồng 12",
        **changes,
    }
    return pb.CreateAgreementRequest(agreement=compliance_pb2.Agreement(**given))


class TestLists:
    async def test_numbers_come_and_go_and_the_list_says_how_fresh_it_is(
        self, lists: "DoNotCallServiceAsyncStub", house: House
    ) -> None:
        now = datetime.now(UTC).replace(microsecond=0)

        made = await lists.ChangeDoNotCallList(
            pb.ChangeDoNotCallListRequest(
                list="vn", additions=["+84 901-234-567", "+84900000000"], as_of=stamp(now)
            )
        )
        after = await lists.ChangeDoNotCallList(
            pb.ChangeDoNotCallListRequest(list="vn", removals=[PHONE])
        )
        found = await lists.ListDoNotCallLists(pb.ListDoNotCallListsRequest())

        assert (made.added, made.entries) == (2, 2)
        assert (after.removed, after.entries) == (1, 1)
        assert [it.as_of.ToDatetime(UTC) for it in found.lists] == [now]
        left = await house.sql("SELECT address_key FROM do_not_call")
        assert [it.address_key for it in left] == ["+84900000000"]

    async def test_the_same_request_is_done_once(self, lists: "DoNotCallServiceAsyncStub") -> None:
        request = pb.ChangeDoNotCallListRequest(list="vn", additions=[PHONE], request_id="r")

        first = await lists.ChangeDoNotCallList(request)
        again = await lists.ChangeDoNotCallList(request)

        assert first == again
        with refused(AlreadyExists, "REQUEST_ID_REUSED"):
            await lists.ChangeDoNotCallList(
                pb.ChangeDoNotCallListRequest(list="vn", removals=[PHONE], request_id="r")
            )

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"list": "V N"}, "list"),
            ({"additions": ["0901234567"]}, "additions[0]"),
            ({"removals": [PHONE, "x"]}, "removals[1]"),
            ({"additions": [PHONE] * 10_001}, "additions"),
            ({"complete": True}, "edition"),
            ({"as_of": stamp(datetime(2099, 1, 1, tzinfo=UTC))}, "as_of"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, lists: "DoNotCallServiceAsyncStub", change: dict[str, Any], field: str
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as error:
            await lists.ChangeDoNotCallList(
                pb.ChangeDoNotCallListRequest(**{"list": "vn", **change})
            )

        assert error.fields() == [field]

    async def test_rights_are_those_of_suppressions(self, served: Served) -> None:
        stub = DoNotCallServiceStub(served.as_(NOBODY))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stub.ListDoNotCallLists(pb.ListDoNotCallListsRequest())
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stub.ChangeDoNotCallList(pb.ChangeDoNotCallListRequest(list="vn"))

    async def test_their_age_is_measured(
        self, lists: "DoNotCallServiceAsyncStub", house: House
    ) -> None:
        age = metrics.list_age.labels("vn")
        await Sweeper(house.settings, house.sessions)._slowly()
        never = age._value.get()
        hour_ago = stamp(datetime.now(UTC) - timedelta(hours=1))
        await lists.ChangeDoNotCallList(pb.ChangeDoNotCallListRequest(list="vn", as_of=hour_ago))
        await Sweeper(house.settings, house.sessions)._slowly()

        assert never == float("inf")
        assert 3_600 <= age._value.get() < 3_700


class TestAgreements:
    async def test_one_is_recorded_listed_and_ended(
        self, agreements: "AgreementServiceAsyncStub"
    ) -> None:
        made = await agreements.CreateAgreement(terms())
        again = await agreements.CreateAgreement(terms(most=7))
        other = await agreements.CreateAgreement(terms(address="+84900000000"))

        found = await agreements.ListAgreements(pb.ListAgreementsRequest(address=PHONE))
        first = await agreements.ListAgreements(pb.ListAgreementsRequest(page_size=1))
        second = await agreements.ListAgreements(
            pb.ListAgreementsRequest(page_size=1, page_token=first.next_page_token)
        )
        await agreements.DeleteAgreement(pb.DeleteAgreementRequest(id=made.id))

        assert again.id == made.id
        assert [(it.id, it.most) for it in found.agreements] == [(made.id, 7)]
        assert {it.id for it in (*first.agreements, *second.agreements)} == {made.id, other.id}
        assert not second.next_page_token
        with refused(NotFound, "RESOURCE_MISSING"):
            await agreements.DeleteAgreement(pb.DeleteAgreementRequest(id=made.id))

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"channel": 0}, "channel"),
            ({"address": "x"}, "address"),
            ({"advertiser_id": "x"}, "advertiser_id"),
            ({"evidence": " "}, "evidence"),
            ({"most": 0, "windows": []}, "most"),
            ({"most": 1_001}, "most"),
            ({"windows": ["9-17"]}, "windows[0]"),
            ({"windows": ["09:00-17:00"] * 11}, "windows"),
            ({"expire_time": stamp(datetime(2020, 1, 1, tzinfo=UTC))}, "expire_time"),
        ],
    )
    async def test_what_is_wrong_is_named(
        self, agreements: "AgreementServiceAsyncStub", change: dict[str, Any], field: str
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as error:
            await agreements.CreateAgreement(terms(**change))

        assert error.fields() == [f"agreement.{field}"]

    async def test_an_advertiser_nobody_knows_agrees_to_nothing(
        self, agreements: "AgreementServiceAsyncStub"
    ) -> None:
        with refused(NotFound, "RESOURCE_MISSING"):
            await agreements.CreateAgreement(terms(advertiser_id=str(uuid.uuid4())))


class TestRules:
    async def test_a_message_says_which_rule_put_it_off_wherever_it_is_shown(
        self, served: Served, house: House
    ) -> None:
        run = await house.take([ADDRESS])
        (message,) = await held(house, run)
        until = datetime.now(UTC) + timedelta(hours=1)
        later = Next(State.DEFERRED, Reason.CAP, until, "vn.email.cap")
        async with house.sessions.begin() as session:
            await claiming.divert(session, [(message, later)], "vn")
        stub = MessageServiceStub(served.as_(SERVICE))
        id = str(message.key.message_id)

        one = await stub.GetMessage(messages_pb.GetMessageRequest(id=id))
        page = await stub.ListMessages(messages_pb.ListMessagesRequest(run_id=str(run)))
        (row,) = await house.sql("SELECT payload FROM outbox WHERE class = 'facts'")
        (told,) = events_pb2.MessagesProgressed.FromString(bytes(row.payload)).groups

        assert [it.rule for it in (one, *page.messages, told)] == ["vn.email.cap"] * 3
        assert one.reason == "CAP"
