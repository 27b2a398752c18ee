"""A person leaves the imports they came by: files, reports of rows, trial runs."""

from uuid import UUID

import pytest
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from sqlalchemy import text

from services.erasing import Erased, Person
from services.leads.usecases import erasing
from tests.integration.leads.import_parts import Imports
from tests.integration.leads.import_parts import calls as calls
from tests.integration.leads.import_parts import sessions as sessions
from tests.integration.leads.import_parts import settings as settings

NAME, KEY = "Trần Thị Rất Riêng", "+84912345678"
HEAD = "Họ và tên,Số điện thoại,Email\n"
HERS = f"{HEAD}{NAME},0912 345-678,\nLê An,0901234567,an@a.example\n"
OTHERS = f"{HEAD}Lê Bình,0902345678,\n"
HOA = Person((UUID(int=1),), phones=(KEY,), spellings=("0912345678",), names=(NAME,))


async def erase(calls: Imports, person: Person = HOA) -> Erased:
    async with calls.sessions.begin() as session:
        return await erasing.erase(session, person)


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
