"""Files become contacts: every row has its line, nothing is doubled, a dry run only says."""

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from crm.leads.v1 import events_pb2
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from sqlalchemy import text

from chassis.db import outbox
from chassis.db.outbox import Class
from chassis.db.paging import Page
from local.data import generate
from services.leads.domain import consent
from services.leads.domain.consent import Action, Entry
from services.leads.domain.contact import Channel
from services.leads.domain.importing import Outcome
from services.leads.storage import consents as stored_consents
from services.leads.workers.importer import Importer
from tests.integration.leads.import_parts import ADVERTISER, SIMPLE, Imports, counts, ledger
from tests.integration.leads.import_parts import calls as calls

CONSENT = pb.ImportConsent(
    advertiser_id=ADVERTISER, purposes=[1, 2], channels=[1, 2], evidence="giấy tờ"
)


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
        first = asyncio.create_task(
            Importer(calls.sessions, lambda: datetime.now(UTC), "vn", "seal")()
        )
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
