"""`audit verify`: what was altered, removed, inserted or cut off, from the table itself."""

from typing import Any

import pytest
from crm.accounts.v1 import audit_pb2
from crm.accounts.v1 import audit_service_pb2 as pb2
from sqlalchemy import text

from chassis import errors
from services.accounts import audit
from services.accounts.config import Settings
from services.accounts.domain import chain
from services.accounts.domain.chain import Entry
from services.accounts.domain.walking import Head
from services.accounts.rpc.audit import AuditServicer
from services.accounts.storage import chained
from services.accounts.usecases import heads, trail
from tests.integration.accounts.audit_parts import chained_house as chained_house
from tests.integration.accounts.audit_parts import execute, found, happening, head
from tests.integration.serving import refused

NAMES = [it for it in chain.COLUMNS if it not in ("sequence", "version")]


class TestWhatIsFound:
    async def test_a_chain_that_nobody_touched_holds(self, chained_house: Any) -> None:
        walk = await audit.verify(chained_house.sessions, [await head(chained_house)])

        assert (walk.entries, walk.findings) == (10, [])
        assert walk.head == (await head(chained_house)).hash

    @pytest.mark.parametrize("name", NAMES)
    @pytest.mark.parametrize("place", [2, 7])
    async def test_any_altered_column_is(self, chained_house: Any, place: int, name: str) -> None:
        change = {
            "time": "time + interval '1 us'",
            "key_id": "NULL" if place == 7 else "(SELECT id FROM audit_keys LIMIT 1)",
            "sealed": "coalesce(sealed, '') || '\\x00'",
            "previous_hash": "sha256(previous_hash)",
            "hash": "sha256(hash)",
        }.get(name, f"{name} || 'x'")
        await execute(
            chained_house,
            f"UPDATE audit_entries SET {name} = {change} WHERE sequence = :place",  # noqa: S608
            place=place,
        )

        assert await found(chained_house) == [("altered", place, place)]

    @pytest.mark.parametrize("value", ["'infinity'", "'-infinity'", "'4000-01-01 BC'"])
    async def test_so_is_a_time_that_no_entry_has(self, chained_house: Any, value: str) -> None:
        await execute(
            chained_house,
            f"UPDATE audit_entries SET time = {value} WHERE sequence = 7",  # noqa: S608
        )

        assert await found(chained_house) == [("altered", 7, 7)]

    @pytest.mark.parametrize(("place", "version"), [(2, 2), (7, 1), (7, 3)])
    async def test_so_is_its_version(self, chained_house: Any, place: int, version: int) -> None:
        await execute(
            chained_house,
            "UPDATE audit_entries SET version = :version WHERE sequence = :place",
            version=version,
            place=place,
        )

        assert await found(chained_house) == [("altered", place, place)]

    async def test_removed_ones_are(self, chained_house: Any) -> None:
        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence IN (2, 6, 7)")

        assert await found(chained_house) == [("removed", 2, 2), ("removed", 6, 7)]

    async def test_an_inserted_one_is(self, chained_house: Any) -> None:
        await insert(chained_house, 6)

        assert await found(chained_house) == [("inserted", 6, 6)]

    async def test_one_of_each_is_found_at_once(self, chained_house: Any) -> None:
        await execute(chained_house, "UPDATE audit_entries SET action = 'x' WHERE sequence = 2")
        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence = 5")
        await insert(chained_house, 8)

        assert await found(chained_house) == [
            ("altered", 2, 2),
            ("removed", 5, 5),
            ("inserted", 8, 8),
        ]

    async def test_what_is_cut_off_is_found_by_a_head_that_was_kept(
        self, chained_house: Any
    ) -> None:
        kept = await head(chained_house)
        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence > 8")

        assert await found(chained_house) == []
        assert await found(chained_house, kept) == [("cut_off", 9, 10)]
        assert await found(chained_house, Head(0, kept.hash)) == [("cut_off", 9, 0)]

        async with chained_house.sessions.begin() as session:
            await chained_house.trail.chain(session, [happening(it) for it in range(5)])
        assert await found(chained_house) == []
        assert await found(chained_house, kept) == [("rewritten", 10, 10)]

    async def test_so_it_is_by_the_head_that_was_exported(self, chained_house: Any) -> None:
        async with chained_house.sessions.begin() as session:
            assert await heads.export(session, None) is not None
        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence > 8")

        assert await found(chained_house) == [("cut_off", 9, 10)]

    async def test_pages_of_the_table_are_one_chain(
        self, chained_house: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trail, "_PAGE", 3)

        assert await found(chained_house, await head(chained_house)) == []

    async def test_erased_values_change_nothing(self, chained_house: Any) -> None:
        kept = await head(chained_house)
        for subject in ("0", "1", "2"):
            request = pb2.EraseAuditValuesRequest(subject_type="contact", subject_id=subject)
            await chained_house.audit().EraseAuditValues(request)

        listed = await chained_house.audit().ListAuditEntries(pb2.ListAuditEntriesRequest())
        assert not any(it.HasField("before") or it.HasField("after") for it in listed.entries)
        assert {it.erased for it in listed.entries if it.sequence > 3} == {True}
        assert await found(chained_house, kept) == []


async def insert(house: Any, place: int) -> None:
    """Puts an entry in as somebody would who may write to the table and knows how it is made."""
    async with house.sessions.begin() as session:
        before = (await chained.following(session, place - 2, 1))[0]
        forged = Entry(
            sequence=place,
            key_id=None,
            sealed=None,
            previous_hash=chain.Row.read(before).hash,
            **{it: getattr(happening(1), it) for it in trail._SHARED},
        )
        move = "UPDATE audit_entries SET sequence = {} WHERE sequence {} :place"
        await session.execute(text(move.format("-sequence", ">=")), {"place": place})
        await session.execute(text(move.format("1 - sequence", "<")), {"place": 0})
        covered = chain.packed(forged)
        await chained.append(session, [chain.row(covered, chain.digest(covered))])


class TestOverGrpc:
    async def test_it_tells_each_finding(self, chained_house: Any) -> None:
        await execute(chained_house, "UPDATE audit_entries SET action = 'x' WHERE sequence = 2")
        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence IN (5, 6)")

        verdict = await chained_house.audit().VerifyAudit(pb2.VerifyAuditRequest())

        assert (verdict.intact, verdict.broken_at, verdict.newest) == (False, 2, 10)
        assert [(it.kind, it.first, it.last) for it in verdict.findings] == [
            (audit_pb2.AUDIT_FINDING_KIND_ALTERED, 2, 2),
            (audit_pb2.AUDIT_FINDING_KIND_REMOVED, 5, 6),
        ]

    async def test_a_long_chain_is_followed_in_pieces(
        self, chained_house: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trail, "_PAGE", 4)
        await execute(chained_house, "UPDATE audit_entries SET action = 'x' WHERE sequence = 6")
        servicer = AuditServicer(
            chained_house.sessions, chained_house.trail, settings.seal_key, verify_seconds=0.0
        )
        told, asked = [], pb2.VerifyAuditRequest()
        while not told or asked.page_token:
            told.append(await servicer.VerifyAudit(asked, None))  # type: ignore[arg-type]
            asked.page_token = told[-1].next_page_token

        assert [it.entries for it in told] == [4, 8, 10]
        assert [it.intact for it in told] == [True, False, False]
        assert told[-1].head == (await head(chained_house)).hash.hex()

    async def test_a_head_that_was_kept_is_compared(self, chained_house: Any) -> None:
        kept = await head(chained_house)
        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence > 8")

        for text_of_it in (kept.hash.hex(), f"10:{kept.hash.hex()}"):
            asked = pb2.VerifyAuditRequest(expected_head=text_of_it)
            verdict = await chained_house.audit().VerifyAudit(asked)
            (finding,) = verdict.findings
            assert finding.kind == audit_pb2.AUDIT_FINDING_KIND_CUT_OFF

    async def test_what_is_no_head_is_refused(self, house: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await house.audit().VerifyAudit(pb2.VerifyAuditRequest(expected_head="xyz"))
        assert refusal.fields() == ["expected_head"]

        with refused(errors.InvalidArgument, "PAGE_TOKEN_INVALID"):
            await house.audit().VerifyAudit(pb2.VerifyAuditRequest(page_token="x"))
