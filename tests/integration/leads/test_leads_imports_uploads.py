"""Files as they are uploaded, what starts an import, and the sample files whole."""

from pathlib import Path
from typing import Any

import pytest
from crm.leads.v1 import import_pb2 as pb
from crm.leads.v1 import import_service_pb2 as service_pb
from crm.leads.v1 import import_service_pb2_grpc as service_grpc

from chassis import errors
from chassis.context import Principal
from tests.integration import serving
from tests.integration.leads.import_parts import ADVERTISER, MANAGER, MAY, SIMPLE, Imports, counts
from tests.integration.leads.import_parts import calls as calls

DATA = Path(__file__).parents[4] / "shared" / "data"


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
