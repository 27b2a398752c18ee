"""A person leaves the imports they came by: files, reports of rows, trial runs."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from sqlalchemy import text

from chassis.errors import FailedPrecondition
from services.erasing import Erased, Person
from services.erasure_traces import Traces
from services.leads.domain import person as people
from services.leads.domain.person import Sought
from services.leads.storage import import_files
from services.leads.usecases import returning
from services.leads.workers import own
from tests.integration.leads.import_parts import Imports
from tests.integration.leads.import_parts import calls as calls
from tests.integration.serving import refused

NAME, KEY = "Trần Thị Rất Riêng", "+84912345678"
HEAD = "Họ và tên,Số điện thoại,Email\n"
HERS = f"{HEAD}{NAME},0912 345-678,\nLê An,0901234567,an@a.example\n"
OTHERS = f"{HEAD}Lê Bình,0902345678,\n"
HOA = Person((UUID(int=1),), phones=(KEY,), spellings=("0912345678",), names=(NAME,))


async def erase(calls: Imports, person: Person = HOA, clean: tuple[str, ...] = ()) -> Erased:
    known = {f"{own.FILE}{it}": 1 for it in clean}
    erased, _ = await own.erase(calls.sessions, Traces(calls.sessions), person, known)
    return erased


async def files(calls: Imports) -> int:
    return int(await calls.scalar("SELECT count(DISTINCT import_id) FROM import_file_parts"))


class TestFiles:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    async def test_one_that_was_imported_goes_whole_and_others_stay(
        self, calls: Imports, encoding: str
    ) -> None:
        done = await calls.run(HERS.encode(encoding))
        await calls.run(OTHERS.encode())

        assert (await erase(calls)).counts["import_files"] == 1

        assert await files(calls) == 1
        kept = await calls.scalar(f"SELECT samples FROM imports WHERE id = '{done.id}'")  # noqa: S608
        assert kept == []

    async def test_one_that_was_only_uploaded_has_failed_with_the_reason(
        self, calls: Imports
    ) -> None:
        uploaded = await calls.upload(HERS.encode())

        await erase(calls)

        found = await calls.stub.GetImport(service_pb.GetImportRequest(id=uploaded.id))
        assert await files(calls) == 0
        assert found.state == pb.IMPORT_STATE_FAILED
        assert "erased" in found.failure

    async def test_one_that_is_being_run_is_waited_for(self, calls: Imports) -> None:
        await calls.upload(HERS.encode())
        async with calls.sessions.begin() as session:
            await session.execute(text("UPDATE imports SET state = 4"))

        erased = await erase(calls)

        assert erased.waiting == 1
        assert await files(calls) == 1

    async def test_one_that_has_a_longer_address_or_a_namesake_stays(self, calls: Imports) -> None:
        person = Person((UUID(int=1),), emails=("an@a.example",), names=("Lê Bình",))
        await calls.run(f"{HEAD}Lê Bình,0902345678,tuan@a.example\n".encode())

        assert dict((await erase(calls, person)).counts) == {}
        assert await files(calls) == 1

    async def test_one_with_an_address_they_had_before_goes_by_its_rows(
        self, calls: Imports
    ) -> None:
        done = await calls.run(OTHERS.encode())
        (row,) = await calls.rows(done.id)

        erased = await erase(calls, Person((UUID(row.contact_id),), emails=("new@a.example",)))

        assert erased.counts["import_files"] == 1
        assert await files(calls) == 0

    async def test_one_that_was_read_before_is_not_read_again(self, calls: Imports) -> None:
        uploaded = await calls.upload(HERS.encode())

        erased = await erase(calls, clean=(uploaded.id,))

        assert "import_files" not in erased.counts

    async def test_one_that_was_dropped_cannot_be_started(self, calls: Imports) -> None:
        uploaded = await calls.upload(HERS.encode())
        await erase(calls)

        with refused(FailedPrecondition, "STATE_FORBIDS"):
            await calls.stub.StartImport(service_pb.StartImportRequest(id=uploaded.id))

    async def test_one_that_is_gone_when_it_is_run_has_failed(self, calls: Imports) -> None:
        uploaded = await calls.upload(OTHERS.encode())
        await calls.stub.StartImport(service_pb.StartImportRequest(id=uploaded.id))
        async with calls.sessions.begin() as session:
            await session.execute(text("DELETE FROM import_file_parts"))

        async with calls.worker():
            with pytest.raises(AssertionError, match="not kept any more"):
                await calls.ended(uploaded.id)

    async def test_one_that_is_started_meanwhile_is_left(self, calls: Imports) -> None:
        uploaded = await calls.upload(HERS.encode())
        await calls.stub.StartImport(service_pb.StartImportRequest(id=uploaded.id))

        async with calls.sessions.begin() as session:
            dropped = await import_files.drop(session, [UUID(uploaded.id)], "why")

        assert dropped == set()
        assert await files(calls) == 1


class TestComingBack:
    async def test_rows_of_whoever_is_being_erased_are_skipped(self, calls: Imports) -> None:
        sought = Sought((UUID(int=1),), phones=(KEY,))
        async with calls.sessions.begin() as session:
            await session.execute(
                text(
                    "INSERT INTO erasures (id, contact_id, reason, requester_id, request_time,"
                    " sealed) VALUES (:id, :id, 1, 'u', now(), :sealed)"
                ),
                {"id": UUID(int=1), "sealed": people.seal(sought, "seal")},
            )

        done = await calls.run(HERS.encode())

        (skipped,) = await calls.rows(done.id, pb.ROW_OUTCOME_SKIPPED)
        assert (skipped.number, skipped.reason, skipped.detail) == (1, "BEING_ERASED", "")
        assert await calls.scalar("SELECT string_agg(display_name, ',') FROM contacts") == "Lê An"
        async with calls.sessions.begin() as session:
            await session.execute(text("DELETE FROM erasures"))

    async def test_one_that_ran_at_the_order_and_made_them_is_undone(self, calls: Imports) -> None:
        done = await calls.run(HERS.encode())
        sought = Sought((UUID(int=1),), phones=(KEY,), imports=(UUID(done.id),))
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)

        async with calls.sessions.begin() as session:
            found, came = await returning.returned(
                session, sought, since=long_ago, now=datetime.now(UTC)
            )

        assert came == 1
        assert len(found.contact_ids) == 2
        assert NAME in found.names
        assert await calls.scalar("SELECT string_agg(display_name, ',') FROM contacts") == "Lê An"

    async def test_whom_other_imports_made_stays(self, calls: Imports) -> None:
        await calls.run(HERS.encode())
        sought = Sought((UUID(int=1),), phones=(KEY,), imports=(UUID(int=7),))
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)

        async with calls.sessions.begin() as session:
            found = await returning.returned(session, sought, since=long_ago, now=long_ago)

        assert found == (sought, 0)


class TestLedgers:
    async def test_what_a_report_shows_of_a_row_is_emptied(self, calls: Imports) -> None:
        card = f"BEGIN:VCARD\nVERSION:3.0\nFN:{NAME}\nTEL:0912345678\nTEL:12\nEND:VCARD\n"
        done = await calls.run(card.encode(), "people.vcf")
        (before,) = await calls.rows(done.id, pb.ROW_OUTCOME_CREATED)
        assert "12" in before.detail

        await erase(calls, Person((UUID(before.contact_id),)))

        (after,) = await calls.rows(done.id, pb.ROW_OUTCOME_CREATED)
        assert (after.detail, after.contact_id) == ("", before.contact_id)

    async def test_what_a_dry_run_would_have_made_goes(self, calls: Imports) -> None:
        await calls.run(HERS.encode(), dry_run=True)

        await erase(calls)

        left = await calls.scalar("SELECT string_agg(row::text, '') FROM import_shadows")
        assert NAME not in left
        assert "Lê An" in left
        keys = await calls.scalar("SELECT string_agg(key, ' ') FROM import_shadow_keys")
        assert "912345678" not in keys
