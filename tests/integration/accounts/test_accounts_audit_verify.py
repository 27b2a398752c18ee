"""`audit verify`: what was altered, removed, inserted or cut off, from the table itself."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.accounts.v1 import audit_pb2
from crm.accounts.v1 import audit_service_pb2 as pb2
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from chassis import errors
from chassis.db import inbox
from services.accounts import audit, metrics, workers
from services.accounts.config import Settings
from services.accounts.domain import chain, walking
from services.accounts.domain.chain import FIRST, Entry, Happening
from services.accounts.domain.walking import Finding, Head, Kind, Walk
from services.accounts.rpc.audit import AuditServicer
from services.accounts.storage import chained
from services.accounts.storage import heads as kept_heads
from services.accounts.usecases import heads, trail
from tests.integration.serving import refused

NAMES = [it for it in chain.COLUMNS if it not in ("sequence", "version")]


def happening(number: int, **more: Any) -> Happening:
    return Happening(
        **{
            "id": str(uuid4()),
            "time": datetime.now(UTC),
            "service": "leads",
            "actor_id": "u1",
            "actor_kind": "user",
            "acting_service": "",
            "action": "contact.update",
            "subject_type": "contact",
            "subject_id": str(number % 3),
            "request_id": "r",
            "before": {"name": "Lan"},
            "after": {"name": "Lan Anh"} if number % 2 else None,
            **more,
        }
    )


@pytest.fixture
async def chained_house(house: Any) -> Any:
    """A house whose chain has ten entries, the first three of the version before."""
    async with house.sessions.begin() as session:
        previous, rows = FIRST, []
        for number in range(1, 4):
            entry = Entry(
                sequence=number,
                key_id=None,
                sealed=None,
                previous_hash=previous,
                **{it: getattr(happening(number), it) for it in trail._SHARED},
            )
            previous = chain.link(entry, version=1)
            row = bytearray(chain.row(chain.packed(entry), previous))
            row[-38:-36] = (1).to_bytes(2, "big")
            rows.append(bytes(row))
        await chained.append(session, rows)
    async with house.sessions.begin() as session:
        await house.trail.chain(session, [happening(number) for number in range(4, 11)])
    return house


async def execute(house: Any, statement: str, **given: Any) -> None:
    async with house.sessions.begin() as session:
        await session.execute(text(statement), given)


async def head(house: Any) -> Head:
    async with house.sessions.begin() as session:
        return Head(*await trail.audit.head(session))


async def found(house: Any, *given: Head) -> list[tuple[str, int, int]]:
    walk = await audit.verify(house.sessions, given)
    return [(it.kind.value, it.first, it.last) for it in walk.findings]


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


class TestTheCommand:
    async def test_it_says_what_it_found_and_ends_so(
        self, chained_house: Any, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        kept = await head(chained_house)

        assert await audit._run(settings, [kept]) == audit.INTACT
        assert "10 entries" in (out := capsys.readouterr().out)
        assert out.endswith("intact\n")

        await execute(chained_house, "DELETE FROM audit_entries WHERE sequence IN (5, 6)")
        assert await audit._run(settings, [kept]) == audit.BROKEN
        assert capsys.readouterr().out.splitlines()[1:] == ["removed: 5 to 6", "broken"]

    async def test_without_a_database_nobody_can_tell(
        self, settings: Settings, capsys: pytest.CaptureFixture[str]
    ) -> None:
        away = settings.model_copy(
            update={"database_url": type(settings.seal_key)("postgresql+psycopg://a@127.0.0.1:1/a")}
        )

        assert await audit._run(away, []) == audit.UNKNOWN
        assert "does not answer" in capsys.readouterr().err

    @pytest.mark.parametrize(
        "wrong", [["verify", "--head", "x"], ["verify", "--heads", "/nowhere/x"], ["erase"], []]
    )
    def test_what_it_does_not_understand_it_refuses(
        self, wrong: list[str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        with pytest.raises(SystemExit) as ended:
            audit.main(wrong)

        assert ended.value.code == audit.UNKNOWN
        assert "usage" in capsys.readouterr().err

    def test_what_it_says_of_a_head_that_is_gone(self) -> None:
        said = audit._said(Finding(Kind.CUT_OFF, 9, 0))

        assert said == "an exported head is not in the chain, which ends at 8"


class TestHeads:
    async def test_one_is_exported_an_hour_whoever_tries(
        self, chained_house: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "heads.jsonl"

        async def export() -> bool:
            async with chained_house.sessions.begin() as session:
                return await heads.export(session, file) is not None

        # May cross the hour's end: then there are two, each once.
        made = await asyncio.gather(*(export() for _ in range(6)))
        assert sum(made) in (1, 2)

        lines = [json.loads(it) for it in file.read_text().splitlines()]
        assert len({it["hour"] for it in lines}) == len(lines) == sum(made)
        assert next(heads.read(file)) == await head(chained_house)
        async with chained_house.sessions.begin() as session:
            assert await kept_heads.behind(session, 0) == [await head(chained_house)]
            assert await kept_heads.behind(session, 10) == []

    async def test_one_that_could_not_be_written_is_tried_again(
        self, chained_house: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "away" / "heads.jsonl"
        for _ in range(2):
            with pytest.raises(FileNotFoundError):
                async with chained_house.sessions.begin() as session:
                    await heads.export(session, file)
        file.parent.mkdir()

        async with chained_house.sessions.begin() as session:
            assert await heads.export(session, file) is not None

        assert len(list(heads.read(file))) == 1

    async def test_what_was_written_before_a_commit_that_failed_is_not_written_twice(
        self, chained_house: Any, tmp_path: Path
    ) -> None:
        file = tmp_path / "heads.jsonl"
        for _ in range(2):
            async with chained_house.sessions() as session:  # rolled back
                await heads.export(session, file)
        async with chained_house.sessions.begin() as session:
            exported = await heads.export(session, file)

        assert exported is not None
        hours = [json.loads(it)["hour"] for it in file.read_text().splitlines()]
        assert len(hours) == len(set(hours)) in (1, 2)

    async def test_of_an_empty_chain_it_says_so(self, house: Any) -> None:
        async with house.sessions.begin() as session:
            exported = await heads.export(session, None)

        assert exported is not None
        assert exported.head == Head(0, FIRST)
        assert await found(house) == []

    async def test_the_task_tells_when_the_last_one_was(
        self, chained_house: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workers, "_HEAD_SECONDS", 0.01)
        told, exported = list[float](), asyncio.Event()

        def tell(at: float) -> None:
            told.append(at)
            exported.set()

        monkeypatch.setattr(metrics.audit_head_time, "set", tell)
        file = tmp_path / "away" / "heads.jsonl"
        task = asyncio.create_task(workers.export_heads(chained_house.sessions, file)())
        await asyncio.sleep(0)
        file.parent.mkdir()
        try:
            async with asyncio.timeout(20):
                await exported.wait()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        async with chained_house.sessions.begin() as session:
            newest = await kept_heads.newest(session)
        assert newest is not None
        assert told[0] == newest.timestamp()


class TestTheFile:
    DONE = kept_heads.Exported(
        datetime(2026, 3, 1, 8, tzinfo=UTC),
        Head(3, bytes(32)),
        datetime(2026, 3, 1, 8, 1, tzinfo=UTC),
    )

    def test_a_line_that_was_cut_off_is_passed_over(self, tmp_path: Path) -> None:
        file = tmp_path / "heads.jsonl"
        file.write_text('{"hour": "2026-03-01T08:00:00+00:00", "sequ')

        heads.append(file, self.DONE)
        heads.append(file, self.DONE)

        assert list(heads.read(file)) == [Head(3, bytes(32))]
        assert file.read_text().count("\n") == 2


class TestManyAtOnce:
    async def test_several_replicas_and_redelivery_make_one_chain(self, house: Any) -> None:
        happened = [happening(number) for number in range(120)]

        async def deliver(start: int) -> None:
            some = happened[start : start + 40]
            async with house.sessions.begin() as session:
                fresh = await inbox.note(session, "accounts-audit", [it.id for it in some])
                await house.trail.chain(session, [it for it in some if it.id in fresh])

        await asyncio.gather(*(deliver(start) for start in (0, 20, 40, 60, 80, 0, 40, 80)))
        async with house.sessions.begin() as session:
            await house.trail.chain(session, happened)

        walk = await audit.verify(house.sessions, [])
        assert (walk.entries, walk.findings) == (120, [])
        async with house.sessions.begin() as session:
            keys = await session.scalar(text("SELECT count(*) FROM audit_keys"))
            ids = set(await session.scalars(text("SELECT id FROM audit_entries")))
        assert (keys, ids) == (3, {it.id for it in happened})

    async def test_those_that_come_together_keep_their_order(self, house: Any) -> None:
        happened = [happening(number, before=None, after=None) for number in range(50)]
        async with house.sessions.begin() as session:
            await house.trail.chain(session, happened)

        async with house.sessions.begin() as session:
            rows = await chained.following(session, walking.BEFORE_ALL, 100)
        assert [chain.Row.read(it).entry.id for it in rows] == [it.id for it in happened]

    async def test_what_is_stored_is_what_was_told(self, house: Any) -> None:
        odd = 'a"b\\c\n\t{đ}, NULL'
        one = happening(
            1, subject_id=odd, actor_id=odd, before={odd: [None, True, 1.5, {"x": odd}]}
        )
        async with house.sessions.begin() as session:
            await house.trail.chain(session, [one])
            await house.trail.chain(session, [happening(2, subject_id=odd)])

        async with house.sessions.begin() as session:
            newest, oldest = await house.trail.page(session, trail.Filter(), 9, None)
        assert oldest.told == one
        assert newest.told.subject_id == odd
        assert isinstance(UUID(newest.told.id), UUID)

    async def test_what_cannot_be_stored_leaves_nothing(self, house: Any) -> None:
        with pytest.raises(DBAPIError):
            async with house.sessions.begin() as session:
                await house.trail.chain(session, [happening(1), happening(2, service="a\0")])

        walk = Walk()
        async with house.sessions.begin() as session:
            assert await trail.follow(session, walk, {})
        assert (walk.entries, walk.findings) == (0, [])
