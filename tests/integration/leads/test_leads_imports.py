"""Files become contacts: every row has its line, nothing is doubled, a dry run only says."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from crm.leads.v1 import events_pb2
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from crm.leads.v1 import import_service_pb2_grpc as service_grpc
from sqlalchemy import text

from chassis import db, errors
from chassis.config import ServiceSettings
from chassis.context import Principal
from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.db.paging import Page
from local.data import generate
from services.leads.domain import consent
from services.leads.domain.consent import Action, Entry
from services.leads.domain.contact import Channel
from services.leads.domain.importing import Outcome
from services.leads.rpc.imports import ImportServicer
from services.leads.storage import consents as stored_consents
from services.leads.workers.importer import Importer
from tests.integration import emptied, serving
from tests.integration.conftest import Serve

ADVERTISER = "01980000-0000-7000-8000-00000000aaaa"
MAY = {"read": "all", "write": "all"}
ALL = {"imports": MAY, "contacts": MAY}
MANAGER = Principal(
    subject="01980000-0000-7000-8000-000000000999", kind="user", team_id=None, rights=ALL
)
CONSENT = pb.ImportConsent(
    advertiser_id=ADVERTISER, purposes=[1, 2], channels=[1, 2], evidence="giấy tờ"
)
SIMPLE = "Họ và tên,Số điện thoại,Email\nLê An,0901234567,an@a.example\nTrần Bình,0902345678,\n"
DATA = Path(__file__).parents[4] / "shared" / "data"


@pytest.fixture(scope="module")
def settings(make_database: Any) -> ServiceSettings:
    made = ServiceSettings.model_validate(
        {
            "seal_key": "seal",
            "database_url": make_database(),
            "nats_url": "nats://127.0.0.1:1",
            "issuer_url": "http://127.0.0.1:1",
            "client_id": "leads",
            "client_secret": "secret",
        }
    )
    db.upgrade(made, "services.leads")
    return made


@pytest.fixture
async def sessions(settings: ServiceSettings) -> AsyncIterator[db.Sessions]:
    made = db.sessions(settings, "leads")
    await emptied.empty(made, kept=("sources", "life_stages"))
    yield made
    await db.dispose(made)


@pytest.fixture
async def calls(serve: Serve, settings: ServiceSettings, sessions: db.Sessions) -> "Imports":
    servicer = ImportServicer(sessions, lambda: datetime.now(UTC), settings.seal_key)
    adder = service_grpc.add_ImportServiceServicer_to_server
    served = await serve(settings, "leads", [(adder, servicer)])
    return Imports(served, sessions)


class Imports:
    """ImportService as a manager calls it, with a worker that is started when it is needed."""

    def __init__(self, served: serving.Served, sessions: db.Sessions) -> None:
        self.served = served
        self.sessions = sessions
        self.stub: Any = service_grpc.ImportServiceStub(served.as_(MANAGER))

    async def upload(self, data: bytes, name: str = "people.csv", key: str = "") -> pb.Import:
        def parts() -> Iterator[service_pb.UploadImportRequest]:
            for start in range(0, max(len(data), 1), 200_000):
                yield service_pb.UploadImportRequest(
                    file_name=name, data=data[start : start + 200_000], request_id=key
                )

        return await self.stub.UploadImport(parts())

    async def run(self, data: bytes, name: str = "people.csv", **how: Any) -> pb.Import:
        uploaded = await self.upload(data, name)
        return await self.start(uploaded.id, **how)

    async def start(self, import_id: str, **how: Any) -> pb.Import:
        await self.stub.StartImport(service_pb.StartImportRequest(id=import_id, **how))
        async with self.worker():
            return await self.ended(import_id)

    async def ended(self, import_id: str) -> pb.Import:
        async with asyncio.timeout(60):
            while True:
                found = await self.stub.GetImport(service_pb.GetImportRequest(id=import_id))
                if found.state in (pb.IMPORT_STATE_CHECKED, pb.IMPORT_STATE_COMPLETED):
                    return found
                assert found.state != pb.IMPORT_STATE_FAILED, found.failure
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[None]:
        task = asyncio.create_task(Importer(self.sessions, lambda: datetime.now(UTC), "vn")())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def rows(self, import_id: str, outcome: int = 0) -> list[pb.ImportRow]:
        request = service_pb.ListImportRowsRequest(
            import_id=import_id, outcome=outcome, page_size=1000
        )
        return list((await self.stub.ListImportRows(request)).rows)

    async def lines(self, import_id: str, outcome: int, size: int) -> list[pb.ImportRow]:
        found: list[pb.ImportRow] = []
        token = ""
        while True:
            request = service_pb.ListImportRowsRequest(
                import_id=import_id, outcome=outcome, page_size=size, page_token=token
            )
            page = await self.stub.ListImportRows(request)
            assert len(page.rows) <= size
            found, token = [*found, *page.rows], page.next_page_token
            if not token:
                return found

    async def scalar(self, query: str) -> Any:
        async with self.sessions() as session:
            return await session.scalar(text(query))


def counts(it: pb.Import) -> tuple[int, int, int, int, int]:
    ledger = it.ledger
    return ledger.rows, ledger.created, ledger.updated, ledger.skipped, ledger.rejected


class TestTheInventedPeople:
    async def test_they_import_to_the_numbers_known_and_again_to_none(self, calls: Imports) -> None:
        data = (generate.HERE / "people.csv").read_bytes()
        known = json.loads((generate.HERE / "people.expected.json").read_text("utf-8"))["import"]

        dry = await calls.run(data, dry_run=True, consent=CONSENT, tags=["mẫu"])
        assert await calls.scalar("SELECT count(*) FROM contacts") == 0
        real = await calls.start(dry.id, consent=CONSENT, tags=["mẫu"])
        again = await calls.run(data, consent=CONSENT, tags=["mẫu"])

        assert counts(dry) == counts(real) == tuple(known.values())
        assert counts(again) == (2000, 0, 0, 1960, 40)
        assert await calls.scalar("SELECT count(*) FROM contacts") == known["created"]
        assert dry.total_rows == real.total_rows == 2000

    async def test_consent_is_recorded_for_those_with_evidence(self, calls: Imports) -> None:
        data = (generate.HERE / "people.csv").read_bytes()

        await calls.run(data, consent=CONSENT)

        for channel in (1, 2):
            cell = consent.cells(1 << 2, 1 << channel)
            given = f"SELECT count(*) FROM consent_states WHERE given & {cell} <> 0"  # noqa: S608
            assert await calls.scalar(given) == 1900 - 95 - 19


class TestTheLinesOfAFile:
    @pytest.mark.parametrize("size", [7, 400, 1000])
    async def test_pages_of_them_are_the_file_row_by_row(self, calls: Imports, size: int) -> None:
        rows = [f"Lê An {n},{f'0912{n:06d}' if n % 3 else '12'}\n" for n in range(2_100)]
        done = await calls.run("".join(["Họ và tên,Số điện thoại\n", *rows]).encode())

        found = {it: await calls.lines(done.id, it, size) for it in (0, *Outcome)}

        assert [it.number for it in found[0]] == list(range(1, 2_101))
        assert counts(done) == (2_100, *(len(found[it]) for it in Outcome))
        for outcome in Outcome:
            assert found[outcome] == [it for it in found[0] if it.outcome == outcome]
        assert {it.number for it in found[Outcome.REJECTED]} >= {n + 1 for n in range(0, 2_100, 3)}
        assert all(it.reason and not it.contact_id for it in found[Outcome.REJECTED])
        created = [it.contact_id for it in found[Outcome.CREATED]]
        assert len(set(created)) == len(created) > 0


class TestConsentByAFile:
    PAPER = "Họ và tên,Số điện thoại,Email,Bằng chứng\nLê An,0901234567,an@a.example,{}\n"

    async def test_each_purpose_and_channel_is_an_entry_and_again_is_none(
        self, calls: Imports
    ) -> None:
        await calls.run(self.PAPER.format("phiếu 1").encode(), consent=CONSENT)
        await calls.run(self.PAPER.format("phiếu 1").encode() + b"\n", consent=CONSENT)

        entries = await ledger(calls)
        assert [(it.purpose, it.channel) for it in entries] == [(2, 2), (2, 1), (1, 2), (1, 1)]
        assert len({it.id for it in entries}) == 4
        assert {it.evidence for it in entries} == {"phiếu 1"}

    @pytest.mark.parametrize("size", [1, 2, 3])
    async def test_pages_of_the_ledger_part_what_was_said_at_once(
        self, calls: Imports, size: int
    ) -> None:
        for number in range(2):
            await calls.run(self.PAPER.format(f"phiếu {number}").encode(), consent=CONSENT)
        whole = await ledger(calls)

        found: list[Entry] = []
        after: tuple[Any, ...] | None = ()
        async with calls.sessions() as session:
            while after is not None:
                page = Page(size=size, after=after or None)
                some, after = await stored_consents.page(session, whole[0].contact_id, page)
                assert len(some) <= size
                found += some

        assert len(whole) == 8
        assert found == whole

    async def test_given_again_after_a_withdrawal_is_told_beside_withdrawals(
        self, calls: Imports
    ) -> None:
        await calls.run(self.PAPER.format("phiếu 1").encode(), consent=CONSENT)
        given = (await ledger(calls))[0]
        async with calls.sessions.begin() as session:
            no = replace(
                given,
                id=uuid.uuid4(),
                advertiser_id=None,
                purpose=None,
                channel=Channel.SMS,
                action=Action.WITHDRAWN,
                time=datetime.now(UTC),
            )
            await stored_consents.withdraw(session, [no])

        await calls.run(self.PAPER.format("phiếu 2").encode(), consent=CONSENT)

        async with calls.sessions.begin() as session:
            waiting = await outbox.take(session, Class.CONTROL, 10)
        told = [events_pb2.ConsentGiven.FromString(it.payload) for it in waiting]
        assert {(it.entry.purpose, it.entry.channel) for it in told} == {(1, 1), (2, 1)}
        assert {tuple(it.address_keys) for it in told} == {("+84901234567",)}
        cell = consent.cells(1 << 1, 1 << 1)
        assert await calls.scalar(f"SELECT given & {cell} <> 0 FROM consent_states")  # noqa: S608


async def ledger(calls: Imports) -> list[Entry]:
    async with calls.sessions() as session:
        contact_id = await session.scalar(text("SELECT id FROM contacts"))
        found, _ = await stored_consents.page(session, contact_id, Page(size=100, after=None))
    return found


class TestRows:
    async def test_each_bad_row_names_its_field_and_the_others_are_kept(
        self, calls: Imports
    ) -> None:
        text_ = SIMPLE + "Bad Phone,0123,\nBad Mail,,nope\n,,\nNobody,,\n"

        done = await calls.run(text_.encode())

        assert counts(done) == (5, 3, 0, 0, 2)
        rejected = await calls.rows(done.id, pb.ROW_OUTCOME_REJECTED)
        assert [(it.number, it.field, it.reason) for it in rejected] == [
            (3, "phone", "INVALID_PHONE"),
            (4, "email", "INVALID_EMAIL"),
        ]

    async def test_a_row_again_is_skipped_and_a_fuller_one_updates(self, calls: Imports) -> None:
        text_ = SIMPLE + "Lê An,+84 901 234 567,AN@a.example\nLe An,0901234567,an2@a.example\n"

        done = await calls.run(text_.encode())

        assert counts(done) == (4, 2, 1, 1, 0)
        assert [it.reason for it in await calls.rows(done.id, pb.ROW_OUTCOME_SKIPPED)] in (
            ["DUPLICATE_ROW"],
            ["UNCHANGED"],
        )
        assert await calls.scalar("SELECT jsonb_array_length(emails) FROM contacts LIMIT 1") == 2

    async def test_people_who_share_a_phone_stay_two(self, calls: Imports) -> None:
        done = await calls.run((SIMPLE + "Lê Bảo,0901234567,\n").encode())

        assert done.ledger.created == 3

    async def test_a_code_of_somebody_else_is_rejected(self, calls: Imports) -> None:
        text_ = "Họ và tên,Mã khách hàng\nLê An,K1\nTrần Bình,k1\n"

        done = await calls.run(text_.encode())

        (rejected,) = await calls.rows(done.id, pb.ROW_OUTCOME_REJECTED)
        assert (rejected.field, rejected.reason) == ("reference_code", "TAKEN")

    async def test_sources_are_found_by_name(self, calls: Imports) -> None:
        await calls.run("Họ và tên,Nguồn\nLê An,to roi\n".encode())

        code = "SELECT s.code FROM contacts c JOIN sources s ON s.id = c.source_id"
        assert await calls.scalar(code) == "flyer"


class TestEvents:
    async def test_one_event_tells_of_up_to_five_hundred_contacts(self, calls: Imports) -> None:
        lines = "".join(f"An {n},09{n:08d}\n" for n in range(10_000_000, 10_001_200))

        await calls.run(f"Name,Phone\n{lines}".encode())

        told = "SELECT count(*) FROM outbox WHERE subject = 'crm.leads.v1.ContactsImported'"
        assert await calls.scalar(told) == 3


class TestResuming:
    async def test_a_worker_that_died_is_followed_by_one_that_goes_on(self, calls: Imports) -> None:
        lines = "".join(f"An {n},09{n:08d}\n" for n in range(10_000_000, 10_003_000))
        uploaded = await calls.upload(f"Name,Phone\n{lines}".encode())
        await calls.stub.StartImport(service_pb.StartImportRequest(id=uploaded.id))
        first = asyncio.create_task(Importer(calls.sessions, lambda: datetime.now(UTC), "vn")())
        async with asyncio.timeout(30):
            while not await calls.scalar("SELECT max(rows) FROM imports"):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        async with calls.sessions.begin() as session:
            await session.execute(text("UPDATE imports SET lease_until = now() - interval '1 s'"))

        async with calls.worker():
            done = await calls.ended(uploaded.id)

        assert counts(done) == (3000, 3000, 0, 0, 0)
        assert await calls.scalar("SELECT count(*) FROM contacts") == 3000


class TestUploads:
    @pytest.mark.parametrize(
        ("data", "detected"), [(b"PK\x03\x04" + b"x" * 99, "xlsx"), (b"\0\1\2\3", "binary")]
    )
    async def test_a_file_that_is_no_table_is_refused_by_what_it_is(
        self, calls: Imports, data: bytes, detected: str
    ) -> None:
        with serving.refused(errors.InvalidArgument, "FILE_UNREADABLE") as refusal:
            await calls.upload(data, "people.csv")

        assert refusal.error.metadata["detected"] == detected
        assert await calls.scalar("SELECT count(*) FROM import_file_parts") == 0

    async def test_the_same_request_is_one_import(self, calls: Imports) -> None:
        one = await calls.upload(SIMPLE.encode(), key="once")
        two = await calls.upload(SIMPLE.encode(), key="once")

        assert one.id == two.id

    async def test_a_part_over_the_bound_is_refused(self, calls: Imports) -> None:
        parts = iter([service_pb.UploadImportRequest(file_name="a.csv", data=b"x" * 1_100_000)])

        with serving.refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await calls.stub.UploadImport(parts)

        assert refusal.fields() == ["data"]

    async def test_who_may_not_change_everybody_may_not_import(self, calls: Imports) -> None:
        own = {"imports": MAY, "contacts": {"write": "own"}}
        seller = Principal(subject=MANAGER.subject, kind="user", team_id=None, rights=own)
        stub: Any = service_grpc.ImportServiceStub(calls.served.as_(seller))

        with serving.refused(errors.PermissionDenied, "RIGHT_MISSING"):
            await stub.StartImport(service_pb.StartImportRequest(id=ADVERTISER))


class TestStarting:
    async def test_an_import_that_ran_is_not_run_again(self, calls: Imports) -> None:
        done = await calls.run(SIMPLE.encode())

        with serving.refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await calls.stub.StartImport(service_pb.StartImportRequest(id=done.id))

    async def test_a_mapping_names_each_wrong_entry(self, calls: Imports) -> None:
        uploaded = await calls.upload(SIMPLE.encode())
        mapping = [
            pb.ColumnMapping(column="Nothing", field="phone"),
            pb.ColumnMapping(column="Email", field="shoe_size"),
        ]
        request = service_pb.StartImportRequest(id=uploaded.id, mapping=mapping)

        with serving.refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await calls.stub.StartImport(request)

        assert {"mapping[0].column", "mapping[1].field"} <= set(refusal.fields())

    async def test_an_import_that_is_not_there_is_not_found(self, calls: Imports) -> None:
        with serving.refused(errors.NotFound, "RESOURCE_MISSING"):
            await calls.stub.GetImport(service_pb.GetImportRequest(id=ADVERTISER))


@pytest.mark.skipif(not DATA.exists(), reason="the public sample files are not beside the project")
class TestSampleFiles:
    async def test_facebook_leads_with_a_test_lead_and_one_person_twice(
        self, calls: Imports
    ) -> None:
        data = (DATA / "facebook-leadads-format.SYNTHETIC.csv").read_bytes()

        done = await calls.run(data)
        again = await calls.run(data)

        assert (done.shape, done.encoding) == ("facebook", "utf-16")
        assert counts(done) == (5, 3, 1, 1, 0)
        assert counts(again) == (5, 0, 0, 5, 0)
        reasons = [it.reason for it in await calls.rows(done.id, pb.ROW_OUTCOME_SKIPPED)]
        assert reasons == ["TEST_LEAD"]

    @pytest.mark.parametrize(
        ("name", "cards"),
        [("vcard30-iphone.vcf", 1), ("vcard21-android-quoted-printable.vcf", 6)],
    )
    async def test_cards_of_telephones(self, calls: Imports, name: str, cards: int) -> None:
        data = (DATA / name).read_bytes()

        done = await calls.run(data, name)
        again = await calls.run(data, name)

        assert done.shape == "vcard"
        assert counts(done) == (cards, cards, 0, 0, 0)
        assert counts(again) == (cards, 0, 0, cards, 0)
