"""A file shows nobody what they may not see, and neither finds nor changes anybody by it."""

from dataclasses import replace
from typing import Any

import pytest
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from crm.leads.v1 import import_service_pb2_grpc as service_grpc

from chassis.context import Principal
from chassis.errors import PermissionDenied
from tests.integration.leads.conftest import BOB, SALES
from tests.integration.leads.import_parts import MANAGER, MAY, SIMPLE, Imports, counts
from tests.integration.leads.import_parts import calls as calls
from tests.integration.serving import refused

EVERYBODY = {"imports": MAY, "contacts": MAY}
TEAM = {"imports": {"read": "all"}, "contacts": {"read": "team"}}
CARD = "BEGIN:VCARD\nVERSION:3.0\nFN:Lê An\nEND:VCARD\n"


def as_(calls: Imports, who: Principal) -> Any:
    return service_grpc.ImportServiceStub(calls.served.as_(who))


def blind(*fields: str) -> Principal:
    hidden = frozenset(f"contacts.{it}" for it in fields)
    return replace(MANAGER, subject=BOB, hidden=hidden)


async def samples(stub: Any, import_id: str) -> list[list[str]]:
    """The first rows as one import and a list show them, which is the same."""
    one = await stub.GetImport(service_pb.GetImportRequest(id=import_id))
    listed = await stub.ListImports(service_pb.ListImportsRequest())
    (same,) = [it for it in listed.imports if it.id == import_id]
    assert list(one.samples) == list(same.samples)
    return [list(it.values) for it in one.samples]


class TestTheFirstRows:
    async def test_are_shown_to_who_may_read_everybody(self, calls: Imports) -> None:
        made = await calls.upload(SIMPLE.encode())
        reader = Principal(BOB, "user", SALES, EVERYBODY)

        shown = await samples(as_(calls, reader), made.id)

        assert shown[0] == ["Lê An", "0901234567", "an@a.example"]

    async def test_are_left_out_for_who_reaches_some(self, calls: Imports) -> None:
        made = await calls.upload(SIMPLE.encode())

        for rights in (TEAM, {"imports": {"read": "all"}}):
            reader = as_(calls, Principal(BOB, "user", SALES, rights))
            assert await samples(reader, made.id) == []

    async def test_are_shown_to_who_brought_them(self, calls: Imports) -> None:
        rights = {"imports": MAY, "contacts": {"write": "all"}}
        calls.stub = as_(calls, replace(MANAGER, rights=rights))

        made = await calls.upload(SIMPLE.encode(), key="once")
        again = await calls.upload(SIMPLE.encode(), key="once")

        assert len(made.samples) == len(again.samples) == 2
        assert len(await samples(calls.stub, made.id)) == 2

    @pytest.mark.parametrize("field", ["phones", "emails", "birthday", "address", "description"])
    async def test_are_left_out_where_a_field_is_hidden(self, calls: Imports, field: str) -> None:
        made = await calls.upload(SIMPLE.encode())

        assert await samples(as_(calls, blind(field)), made.id) == []


class TestAColumnOfAHiddenField:
    @pytest.mark.parametrize(
        ("field", "column"),
        [
            ("phones", "Số điện thoại"),
            ("emails", "Email"),
            ("birthday", "Ngày sinh"),
            ("address", "Tỉnh"),
            ("address", "Địa chỉ"),
            ("description", "Ghi chú"),
        ],
    )
    async def test_is_not_imported(self, calls: Imports, field: str, column: str) -> None:
        made = await calls.upload(f"Họ và tên,{column}\nLê An,\n".encode())
        stub = as_(calls, blind(field))

        for dry_run in (True, False):
            with refused(PermissionDenied, "FIELD_HIDDEN") as refusal:
                await stub.StartImport(service_pb.StartImportRequest(id=made.id, dry_run=dry_run))
            assert refusal.error.metadata == {"field": f"contacts.{field}"}

        found = await calls.stub.GetImport(service_pb.GetImportRequest(id=made.id))
        assert found.state == pb.IMPORT_STATE_UPLOADED

    async def test_nor_one_that_is_mapped_to_it(self, calls: Imports) -> None:
        made = await calls.upload(b"name,x\nAn,0912345678\n")
        mapping = [
            pb.ColumnMapping(column="name", field="display_name"),
            pb.ColumnMapping(column="x", field="phone"),
        ]

        with refused(PermissionDenied, "FIELD_HIDDEN"):
            await as_(calls, blind("phones")).StartImport(
                service_pb.StartImportRequest(id=made.id, mapping=mapping)
            )

    async def test_nor_a_card(self, calls: Imports) -> None:
        made = await calls.upload(CARD.encode(), "people.vcf")

        with refused(PermissionDenied, "FIELD_HIDDEN"):
            await as_(calls, blind("birthday")).StartImport(
                service_pb.StartImportRequest(id=made.id)
            )

    async def test_the_other_columns_are(self, calls: Imports) -> None:
        made = await calls.upload(SIMPLE.encode())
        mapping = [
            pb.ColumnMapping(column="Họ và tên", field="display_name"),
            pb.ColumnMapping(column="Email", field="email"),
        ]
        await as_(calls, blind("phones")).StartImport(
            service_pb.StartImportRequest(id=made.id, mapping=mapping)
        )

        async with calls.worker():
            done = await calls.ended(made.id)

        assert counts(done) == (2, 2, 0, 0, 0)
        assert await calls.scalar("SELECT count(*) FROM contacts WHERE phone <> ''") == 0
