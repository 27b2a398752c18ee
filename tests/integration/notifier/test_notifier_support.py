"""Everything ever sent to one address, by whoever may look it up, and noted."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from crm.notifier.v1 import doubt_pb2, message_pb2
from crm.notifier.v1 import support_service_pb2 as pb
from crm.notifier.v1.doubt_service_pb2_grpc import DoubtServiceStub
from crm.notifier.v1.support_service_pb2_grpc import SupportServiceStub
from sqlalchemy import text

from chassis.context import Principal
from chassis.errors import InvalidArgument, PermissionDenied
from services.notifier.domain.states import Channel, Purpose, State
from services.notifier.domain.work import Key
from services.notifier.storage import dossiers, receipts, rows, suppressions
from services.notifier.storage.receipts import Receipt
from services.notifier.usecases import suppress
from tests.integration.notifier.doubt_parts import (
    OPERATOR,
    audited,
    ids,
    in_doubt,
    settling,
)
from tests.integration.notifier.notifier_parts import ADVERTISER, DAY, House, people
from tests.integration.serving import Served, refused

if TYPE_CHECKING:
    from crm.notifier.v1.support_service_pb2_grpc import SupportServiceAsyncStub

AGENT = Principal(str(uuid.uuid4()), "user", rights={"support": {"read": "all"}})
OTHER = Principal(str(uuid.uuid4()), "user", rights={"messages": {"read": "all"}})
PHONE = "+84912345678"


@pytest.fixture
async def support(served: Served) -> "SupportServiceAsyncStub":
    """SupportService, called by somebody who may look addresses up."""
    return SupportServiceStub(served.as_(AGENT))


def asking(address: str, **given: Any) -> pb.LookUpAddressRequest:
    """A request."""
    return pb.LookUpAddressRequest(address=address, **given)


class TestWhatIsFound:
    async def test_it_spans_runs_and_days_newest_first(
        self, house: House, support: "SupportServiceAsyncStub"
    ) -> None:
        for n in range(5):
            run = await house.take(
                ["Dao@Example.vn", f"other{n}@example.vn"], run_date=DAY - timedelta(days=n % 3)
            )
            await house.sql(
                "UPDATE messages SET created_at = now() - make_interval(hours => :n)"
                " WHERE run_id = :run",
                n=n,
                run=run,
            )
        await house.take([PHONE], channel=Channel.SMS)

        first = await support.LookUpAddress(asking("dao@EXAMPLE.vn", page_size=3))
        token = first.next_page_token
        rest = await support.LookUpAddress(asking("dao@EXAMPLE.vn", page_size=3, page_token=token))

        found = [*first.messages, *rest.messages]
        times = [it.message.create_time.ToDatetime() for it in found]
        assert [it.message.address for it in found] == ["Dao@Example.vn"] * 5
        assert times == sorted(times, reverse=True)
        assert (len(first.messages), rest.next_page_token) == (3, "")
        assert {it.campaign_id for it in found} == {str(uuid.UUID(int=9))}
        assert (first.address, first.channel) == ("dao@example.vn", message_pb2.CHANNEL_EMAIL)

    @pytest.mark.parametrize(
        "written", ["0912 345 678", "84912345678", "0084 912-345-678", "+84 (912) 345.678"]
    )
    async def test_a_phone_is_found_as_people_write_it(
        self, house: House, support: "SupportServiceAsyncStub", written: str
    ) -> None:
        await house.take([PHONE], channel=Channel.SMS)

        found = await support.LookUpAddress(asking(written))

        assert (found.address, len(found.messages)) == (PHONE, 1)

    async def test_it_tells_rules_attempts_receipts_and_deeds(
        self, house: House, served: Served, support: "SupportServiceAsyncStub"
    ) -> None:
        run = await in_doubt(house, [PHONE], channel=Channel.SMS, provider="smpp")
        (id,) = await ids(house, run)
        operator = DoubtServiceStub(served.as_(OPERATOR))
        await operator.SettleDoubt(settling(id, doubt_pb2.DOUBT_ACT_FAILED))
        async with house.sessions.begin() as session:
            key = Key(DAY, uuid.UUID(id))
            part = receipts.Part(key, number=1, part=1, parts=1, provider="smpp", reference="r1")
            await receipts.add_parts(session, [part])
            await receipts.add(session, [Receipt("smpp", "r1", State.BOUNCED, "stat:UNDELIV")])
            await receipts.apply(session, 10)
        skipped = await house.take([PHONE], channel=Channel.SMS)
        await house.sql(
            "UPDATE messages SET state = 4, reason = 'SUPPRESSED' WHERE run_id = :run", run=skipped
        )

        newest, oldest = (await support.LookUpAddress(asking(PHONE))).messages

        assert newest.message.reason == "SUPPRESSED"
        assert not newest.message.attempts
        assert [it.answer for it in oldest.message.attempts] == ["closed"]
        assert [it.detail for it in oldest.receipts] == ["stat:UNDELIV"]
        assert [(it.actor, it.reason) for it in oldest.deeds] == [
            (OPERATOR.subject, "asked the provider")
        ]
        assert oldest.message.state == message_pb2.MESSAGE_STATE_BOUNCED

    async def test_suppressions_and_regained_consents_are_on_the_first_page(
        self, house: House, support: "SupportServiceAsyncStub"
    ) -> None:
        for _ in range(2):
            await house.take([PHONE], channel=Channel.SMS)
        now = datetime.now(UTC)
        async with house.sessions.begin() as session:
            for address in (PHONE, "+84912345679"):
                made = suppress.made(
                    channel=Channel.SMS,
                    address=address,
                    reason="unsubscribed",
                    evidence="link",
                    now=now,
                    actor="",
                )
                await suppressions.add(session, made)
            await suppressions.regain(
                session, Channel.SMS, PHONE, ADVERTISER, Purpose.CARE, now, "form 7"
            )

        first = await support.LookUpAddress(asking(PHONE, page_size=1))
        rest = await support.LookUpAddress(
            asking(PHONE, page_size=1, page_token=first.next_page_token)
        )

        assert [it.reason for it in first.suppressions] == ["unsubscribed"]
        (regained,) = first.regained
        assert (regained.evidence, regained.purpose) == ("form 7", message_pb2.PURPOSE_CARE)
        assert not rest.suppressions
        assert not rest.regained

    async def test_an_address_nobody_wrote_to_is_found_empty(
        self, support: "SupportServiceAsyncStub"
    ) -> None:
        found = await support.LookUpAddress(asking("nobody@example.vn"))

        assert (list(found.messages), found.next_page_token) == ([], "")


class TestWhoMayAsk:
    async def test_it_needs_a_right_of_its_own_and_leaves_no_entry_without(
        self, house: House, served: Served
    ) -> None:
        other = SupportServiceStub(served.as_(OTHER))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await other.LookUpAddress(asking(PHONE))

        assert await audited(house) == []

    async def test_each_read_is_an_audit_entry_under_a_hash(
        self, house: House, support: "SupportServiceAsyncStub"
    ) -> None:
        await house.take([PHONE], channel=Channel.SMS)

        for written in ("0912345678", PHONE, "x@example.vn"):
            await support.LookUpAddress(asking(written, reason="ticket 12"))

        first, second, third = await audited(house)
        assert first["action"] == "support.look_up"
        assert dict(first["actor"])["subject"] == AGENT.subject
        assert dict(first["after"]) == {
            "messages": 1.0,
            "page": "first",
            "reason": "ticket 12",
        }
        assert first["subject_id"] == second["subject_id"] != third["subject_id"]
        assert "912345678" not in str(first)

    @pytest.mark.parametrize("wrong", ["", "  ", "12", "Đào", "a@b", "' OR 1=1 --", "0" * 400])
    async def test_what_is_no_address_is_refused(
        self, house: House, support: "SupportServiceAsyncStub", wrong: str
    ) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await support.LookUpAddress(asking(wrong))

        assert set(refusal.fields()) == {"address"}
        assert await audited(house) == []

    async def test_a_page_of_another_address_is_refused(
        self, house: House, support: "SupportServiceAsyncStub"
    ) -> None:
        for _ in range(2):
            await house.take([PHONE], channel=Channel.SMS)
        first = await support.LookUpAddress(asking(PHONE, page_size=1))

        with refused(InvalidArgument, "PAGE_TOKEN_INVALID"):
            token = first.next_page_token
            await support.LookUpAddress(asking("+84912345670", page_token=token))
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await support.LookUpAddress(asking(PHONE, page_size=-1))


class TestSpeed:
    async def test_a_day_is_looked_into_by_an_index_however_much_it_holds(
        self, house: House
    ) -> None:
        days = [date(2026, 1, 1) + timedelta(days=n) for n in range(12)]
        for day in days:
            await house.take(["dao@example.vn", *people(40)], run_date=day)

        async with house.sessions.begin() as session:
            await rows.through_indexes(session)
            at, id = dossiers.FIRST
            given = {"key": "dao@example.vn", "at": at, "id": id, "limit": 51}
            plan = await session.execute(text(f"EXPLAIN {dossiers.PAGE.text}"), given)
            lines = [row[0] for row in plan]

        scans = [it for it in lines if "Scan" in it]
        assert len(scans) >= len(days)
        assert not [it for it in scans if "Seq Scan" in it]
        assert all("address_key" in it for it in lines if "Index Cond" in it)
