"""What a role hides of addresses: neither shown, nor quoted, nor asked about, nor written down."""

import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.notifier.v1 import compliance_pb2, doubt_service_pb2, message_pb2, suppression_pb2
from crm.notifier.v1 import compliance_service_pb2 as compliance
from crm.notifier.v1 import message_service_pb2 as messages
from crm.notifier.v1 import support_service_pb2 as support
from crm.notifier.v1 import suppression_service_pb2 as suppressions
from crm.notifier.v1.compliance_service_pb2_grpc import (
    AgreementServiceStub,
    DoNotCallServiceStub,
    GateServiceStub,
)
from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceStub
from crm.notifier.v1.message_service_pb2_grpc import MessageServiceStub
from crm.notifier.v1.support_service_pb2_grpc import SupportServiceStub
from crm.notifier.v1.suppression_service_pb2_grpc import SuppressionServiceStub

from chassis.context import Principal
from chassis.errors import PermissionDenied
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.tokens import Link, link_token
from services.notifier.domain.work import Key
from services.notifier.storage import receipts
from services.notifier.storage import suppressions as stored
from services.notifier.storage.receipts import Receipt
from tests.integration.notifier.callers import SERVICE
from tests.integration.notifier.doubt_parts import audited, ids, in_doubt
from tests.integration.notifier.notifier_parts import (
    ADVERTISER,
    DAY,
    EMAIL_SENDER,
    House,
)
from tests.integration.serving import Served, refused

MAI, PHONE = "mai@example.vn", "+84912345678"
QUOTED = f"550 5.1.1 <{MAI}> unknown"
RESOURCES = ("messages", "doubts", "support", "suppressions")
EMAIL, SMS = message_pb2.CHANNEL_EMAIL, message_pb2.CHANNEL_SMS

Ask = Callable[[Served, Principal, str], Awaitable[Any]]


def somebody(*hidden: str) -> Principal:
    """Whoever may do everything here, but for reading these fields."""
    rights = {it: {"read": "all", "write": "all", "delete": "all"} for it in RESOURCES}
    fields = frozenset(f"contacts.{it}" for it in hidden)
    return Principal(str(uuid.uuid4()), "user", rights=rights, hidden=fields)


async def quoted(house: House) -> str:
    """A message in doubt, of which its provider quoted the address twice; returns its id."""
    run = await in_doubt(house, [MAI])
    (id,) = await ids(house, run)
    await house.sql(
        "UPDATE messages SET answer = :words WHERE run_id = :run", words=QUOTED, run=run
    )
    async with house.sessions.begin() as session:
        part = receipts.Part(
            Key(DAY, uuid.UUID(id)), number=1, part=1, parts=1, provider="smtp", reference="r1"
        )
        await receipts.add_parts(session, [part])
        await receipts.add(session, [Receipt("smtp", "r1", State.DEFERRED, QUOTED)])
        await receipts.apply(session, 10)
        await stored.regain(
            session, Channel.EMAIL, MAI, ADVERTISER, Purpose.CARE, datetime.now(UTC), QUOTED
        )
    return id


async def suppress(served: Served, who: Principal, address: str) -> Any:
    given = suppression_pb2.Suppression(
        channel=EMAIL if "@" in address else SMS, address=address, reason="by hand", evidence=QUOTED
    )
    request = suppressions.CreateSuppressionRequest(suppression=given)
    return await SuppressionServiceStub(served.as_(who)).CreateSuppression(request)


async def agree(served: Served, who: Principal, address: str) -> Any:
    given = compliance_pb2.Agreement(
        advertiser_id=str(ADVERTISER),
        channel=EMAIL if "@" in address else SMS,
        address=address,
        most=5,
        evidence=QUOTED,
    )
    request = compliance.CreateAgreementRequest(agreement=given)
    return await AgreementServiceStub(served.as_(who)).CreateAgreement(request)


async def list_messages(served: Served, who: Principal, address: str) -> Any:
    request = messages.ListMessagesRequest(address=address)
    return await MessageServiceStub(served.as_(who)).ListMessages(request)


async def list_suppressions(served: Served, who: Principal, address: str) -> Any:
    request = suppressions.ListSuppressionsRequest(address=address)
    return await SuppressionServiceStub(served.as_(who)).ListSuppressions(request)


async def list_agreements(served: Served, who: Principal, address: str) -> Any:
    request = compliance.ListAgreementsRequest(address=address)
    return await AgreementServiceStub(served.as_(who)).ListAgreements(request)


async def look_up(served: Served, who: Principal, address: str) -> Any:
    request = support.LookUpAddressRequest(address=address)
    return await SupportServiceStub(served.as_(who)).LookUpAddress(request)


async def probe(served: Served, who: Principal, address: str) -> Any:
    request = compliance.ProbeRecipientsRequest(
        channel=EMAIL if "@" in address else SMS,
        purpose=message_pb2.PURPOSE_MARKETING,
        advertiser_id=str(ADVERTISER),
        sender_identity_id=str(EMAIL_SENDER),
        recipients=[compliance.ProbedRecipient(address=address)],
    )
    return await GateServiceStub(served.as_(who)).ProbeRecipients(request)


async def add_number(served: Served, who: Principal, number: str) -> Any:
    request = compliance.ChangeDoNotCallListRequest(list="vn", additions=[number])
    return await DoNotCallServiceStub(served.as_(who)).ChangeDoNotCallList(request)


async def take_number(served: Served, who: Principal, number: str) -> Any:
    request = compliance.ChangeDoNotCallListRequest(list="vn", removals=[number])
    return await DoNotCallServiceStub(served.as_(who)).ChangeDoNotCallList(request)


FINDING: list[Ask] = [list_messages, list_suppressions, list_agreements, look_up, probe]
WRITING: list[Ask] = [suppress, agree]


class TestShowing:
    @pytest.mark.parametrize("hidden", ["emails", "phones"])
    async def test_no_message_shows_its_address_nor_what_quotes_it(
        self, house: House, served: Served, hidden: str
    ) -> None:
        id, who = await quoted(house), somebody(hidden)
        stub, doubts = MessageServiceStub(served.as_(who)), DoubtServiceStub(served.as_(who))

        one = await stub.GetMessage(messages.GetMessageRequest(id=id))
        of_run = await stub.ListMessages(messages.ListMessagesRequest(run_id=one.run_id))
        doubt = await doubts.GetDoubt(doubt_service_pb2.GetDoubtRequest(message_id=id))
        listed = await doubts.ListDoubts(doubt_service_pb2.ListDoubtsRequest())

        assert [it.id for it in of_run.messages] == [id] == [listed.doubts[0].message.id]
        assert (len(one.attempts), len(doubt.message.attempts), len(doubt.receipts)) == (1, 1, 1)
        assert "mai@" not in f"{one}{of_run}{doubt}{listed}"

    async def test_whoever_hides_nothing_reads_it_all(self, house: House, served: Served) -> None:
        id, who = await quoted(house), somebody("birthday")
        doubts = DoubtServiceStub(served.as_(who))

        doubt = await doubts.GetDoubt(doubt_service_pb2.GetDoubtRequest(message_id=id))

        assert (doubt.message.address, doubt.message.attempts[0].answer) == (MAI, QUOTED)
        assert [it.detail for it in doubt.receipts] == [QUOTED]

    async def test_a_look_up_by_phone_shows_no_mail_address_that_something_quotes(
        self, house: House, served: Served
    ) -> None:
        await house.take([PHONE], channel=Channel.SMS)
        await suppress(served, SERVICE, PHONE)
        async with house.sessions.begin() as session:
            await stored.regain(
                session, Channel.SMS, PHONE, ADVERTISER, Purpose.CARE, datetime.now(UTC), QUOTED
            )

        found = await look_up(served, somebody("emails"), PHONE)

        assert (len(found.messages), len(found.suppressions), len(found.regained)) == (1, 1, 1)
        assert found.address == PHONE
        assert "mai@" not in str(found)

    async def test_suppressions_and_agreements_are_listed_without_address_and_evidence(
        self, served: Served
    ) -> None:
        for address in (MAI, PHONE):
            await suppress(served, SERVICE, address)
            await agree(served, SERVICE, address)

        for hidden in ("emails", "phones"):
            held = await list_suppressions(served, somebody(hidden), "")
            agreed = await list_agreements(served, somebody(hidden), "")

            listed = [*held.suppressions, *agreed.agreements]
            assert [(it.address, it.evidence) for it in listed] == [("", "")] * 4

    async def test_a_link_is_described_without_its_address(
        self, house: House, served: Served
    ) -> None:
        (id,) = await ids(house, await house.take([MAI]))
        link = Link(Key(DAY, uuid.UUID(id)), Channel.EMAIL, Purpose.MARKETING, ADVERTISER)
        token = link_token(link, house.settings.mac_key.get_secret_value().encode())
        stub = SuppressionServiceStub(served.as_(somebody("emails")))

        found = await stub.DescribeUnsubscribe(suppressions.DescribeUnsubscribeRequest(token=token))

        assert (found.masked_address, found.channel) == ("", EMAIL)


class TestFinding:
    @pytest.mark.parametrize("ask", [*FINDING, *WRITING])
    @pytest.mark.parametrize(("hidden", "address"), [("emails", MAI), ("phones", PHONE)])
    async def test_nobody_asks_about_an_address_that_is_hidden_nor_writes_it_down(
        self, house: House, served: Served, ask: Ask, hidden: str, address: str
    ) -> None:
        await suppress(served, SERVICE, address)
        await agree(served, SERVICE, address)
        before = await audited(house)

        with refused(PermissionDenied, "FIELD_HIDDEN") as refusal:
            await ask(served, somebody(hidden), address)

        assert refusal.error.metadata["field"] == f"contacts.{hidden}"
        assert await audited(house) == before

    @pytest.mark.parametrize("ask", [*FINDING, *WRITING])
    @pytest.mark.parametrize(("hidden", "address"), [("phones", MAI), ("emails", PHONE)])
    async def test_addresses_of_the_other_kind_are_asked_about(
        self, house: House, served: Served, ask: Ask, hidden: str, address: str
    ) -> None:
        await ask(served, somebody(hidden), address)

    @pytest.mark.parametrize("change", [add_number, take_number])
    async def test_no_list_tells_by_its_figures_whether_it_has_a_hidden_number(
        self, served: Served, change: Ask
    ) -> None:
        await add_number(served, SERVICE, PHONE)

        with refused(PermissionDenied, "FIELD_HIDDEN"):
            await change(served, somebody("phones"), PHONE)
        await change(served, somebody("emails"), PHONE)
