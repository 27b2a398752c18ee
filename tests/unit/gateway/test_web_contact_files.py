"""The list of contacts as a file: to whom it is offered, and what is in it."""

import csv
import io
from typing import Any

import pytest
from crm.accounts.v1 import user_pb2, user_service_pb2
from crm.interactions.v1 import agenda_service_pb2
from crm.leads.v1 import contact_pb2, contact_service_pb2, source_service_pb2
from crm.leads.v1.contact_line_pb2 import ContactLine
from flask.testing import FlaskClient
from google.protobuf.timestamp_pb2 import Timestamp
from grpc_status import rpc_status

from chassis import errors
from chassis.rpc import status as codes
from services.gateway.files import MOST
from services.gateway.web import contact_files, roles, words
from services.leads.domain.files import headers
from tests.unit.gateway.web_parts import AWAY, ID, PARTIAL, shown

SOURCE = "0192f3a0-0000-7000-8000-00000000000a"


@pytest.fixture
def desk(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may do everything, with one contact."""
    found = contact_pb2.Contact(id=ID, display_name="Đào")
    peers.answers.update(
        ListContacts=contact_service_pb2.ListContactsResponse(contacts=[found]),
        ListSources=source_service_pb2.ListSourcesResponse(),
        ListLifeStages=source_service_pb2.ListLifeStagesResponse(),
        BatchGetStandings=agenda_service_pb2.BatchGetStandingsResponse(),
        ListTeams=user_service_pb2.ListTeamsResponse(teams=[user_pb2.Team(id="t1", name="Miền")]),
    )
    return signed_in


def may(peers: Any, *actions: str) -> None:
    """Let the person do this with contacts, and nothing else."""
    session = peers.answers["ExchangeSession"]
    del session.rights[:]
    for action in actions:
        session.rights.add(resource="contacts", action=action, level=user_pb2.LEVEL_OWN)


def lines(*given: ContactLine) -> Any:
    return iter([contact_service_pb2.ExportContactsResponse(contacts=[it]) for it in given])


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))


class TestTheButton:
    @pytest.mark.parametrize(("language", "said"), [("vi", "Tải tệp csv"), ("en", "Download csv")])
    def test_it_keeps_the_filter(self, desk: FlaskClient, language: str, said: str) -> None:
        address = f"/contacts?q=dao&kind=lead&source={SOURCE}&order=name&lang={language}"

        page = shown(desk, address)
        part = shown(desk, address, headers=PARTIAL)

        href = f'href="/contacts.csv?q=dao&amp;kind=lead&amp;source={SOURCE}" download'
        assert href in page
        assert href in part
        assert said in page

    @pytest.mark.parametrize(
        ("actions", "offered"), [(["read", "export"], True), (["read", "write", "delete"], False)]
    )
    def test_it_is_there_for_who_may_export(
        self, desk: FlaskClient, peers: Any, actions: list[str], offered: bool
    ) -> None:
        may(peers, *actions)

        assert ("/contacts.csv" in shown(desk, "/contacts")) is offered

    def test_a_role_can_have_the_right(self) -> None:
        assert "export" in roles.needed()["contacts"]

    def test_it_is_not_there_for_nobody_nor_twice(self, desk: FlaskClient, peers: Any) -> None:
        assert "/contacts.csv" not in shown(desk, "/contacts?page=next", headers=PARTIAL)

        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()
        assert "/contacts.csv" not in shown(desk, "/contacts?q=nobody")

    def test_the_rows_of_a_report_have_none(self, desk: FlaskClient) -> None:
        assert "/contacts.csv" not in shown(desk, "/reports/contacts?query=dao")


class TestTheFile:
    def test_it_has_what_the_filters_leave_in_words_and_no_formula(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ExportContacts"] = lines(
            ContactLine(
                display_name="=cmd",
                phone="+84912345678",
                phone_3="+84912345679; +84912345670",
                kind=contact_pb2.CONTACT_KIND_CUSTOMER,
                status=contact_pb2.LEAD_STATUS_CONVERTED,
                gender=contact_pb2.GENDER_FEMALE,
                owner_ids="u1; u2",
                team_id="t1",
                create_time=Timestamp(seconds=1_772_384_400),
            ),
            ContactLine(display_name="Đào", description='=HYPERLINK("x")'),
        )

        answer = desk.get(f"/contacts.csv?q=dao&status=new&source={SOURCE}&lang=vi", buffered=True)

        asked = peers.named("ExportContacts")[-1].request
        assert (asked.query, list(asked.source_ids)) == ("dao", [SOURCE])
        assert list(asked.statuses) == [contact_pb2.LEAD_STATUS_NEW]
        assert answer.mimetype == "text/csv"
        assert 'filename="contacts.csv"' in answer.headers["Content-Disposition"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        first, second = rows(answer)
        assert (first["Họ và tên"], first["Điện thoại"]) == ("'=cmd", "+84912345678")
        assert first["Điện thoại 3"] == "'+84912345679; +84912345670"
        assert (first["Loại"], first["Trạng thái"]) == ("Khách hàng", "Đã chốt đơn")
        assert first["Giới tính"] == "Nữ"
        assert first["Người phụ trách"] == "Lan; u2"
        assert first["Ngày tạo"] == "02/03/2026 00:00"
        assert second["Mô tả"] == '\'=HYPERLINK("x")'
        assert (second["Loại"], second["Giới tính"], second["Người phụ trách"]) == ("", "", "")

    def test_of_nobody_it_has_headings(self, desk: FlaskClient, peers: Any) -> None:
        peers.answers["ExportContacts"] = iter(())

        assert len(desk.get("/contacts.csv").get_data(as_text=True).splitlines()) == 1

    @pytest.mark.parametrize(
        ("failure", "status"), [(AWAY, 503), (errors.PermissionDenied("RIGHT_MISSING", "no"), 403)]
    )
    def test_a_refusal_is_a_page_and_frees_its_place(
        self, desk: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["ExportContacts"] = failure

        for _ in range(MOST + 1):
            assert desk.get("/contacts.csv", buffered=True).status_code == status

    def test_one_that_breaks_off_is_no_whole_file_and_frees_its_place(
        self, desk: FlaskClient, peers: Any
    ) -> None:
        def broken(_: Any, context: Any) -> Any:
            yield from lines(ContactLine(display_name="Đào"))
            context.abort_with_status(rpc_status.to_status(codes.status(AWAY)))

        peers.answers["ExportContacts"] = broken

        for _ in range(MOST + 1):
            with pytest.raises(errors.Unavailable):
                desk.get("/contacts.csv", buffered=True)


class TestItsHeadings:
    def test_every_field_of_a_line_is_a_column(self) -> None:
        assert list(contact_files.COLUMNS) == [it.name for it in ContactLine.DESCRIPTOR.fields]

    @pytest.mark.parametrize("language", words.LANGUAGES)
    def test_an_import_knows_what_it_reads_by_them(self, language: Any) -> None:
        columns = contact_files.COLUMNS
        headings = [words.text(language, key, n=name[-1]) for name, key in columns.items()]

        found = dict(zip(columns, headers.suggest(headings), strict=True))

        assert len(set(headings)) == len(headings)
        read = {name: field for name, field in found.items() if field and name != "create_time"}
        assert read == {
            **{it: it for it in columns if it in headers.FIELDS and it != "create_time"},
            **{"phone_2": "phone", "phone_3": "phone", "email_2": "email", "email_3": "email"},
        }

    def test_so_it_does_by_those_of_the_api(self) -> None:
        columns = list(contact_files.COLUMNS)

        found = dict(zip(columns, headers.suggest(columns), strict=True))

        assert {it for it in columns if not found[it]} == {
            *("kind", "status", "lost_reason", "country_code", "life_stage", "owner_ids"),
            *("team_id", "external_ids", "create_time", "update_time"),
        }
