"""The pages of the audit log: filters, what changed, and the file."""

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from crm.accounts.v1 import audit_pb2, audit_service_pb2, session_service_pb2, user_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from services.gateway.files import MOST
from tests.unit.gateway.audit_parts import HASH, changed, entry, listed
from tests.unit.gateway.audit_parts import log as log
from tests.unit.gateway.web_parts import AWAY, ID, PARTIAL, RUN, shown


class TestTheList:
    def test_an_entry_says_who_did_what_to_what_and_what_changed(self, log: FlaskClient) -> None:
        page = shown(log, "/audit")

        for part in (
            "contact.update",
            "Lan",
            f'href="/contacts/{ID}"',
            "Lan &lt;b&gt;Anh",
            "<del>Huế</del>",
            "<ins>Đà Nẵng &lt;i&gt;</ins>",
            "Leads and customers",
            "1,234",
            HASH,
        ):
            assert part in page, part

    def test_filters_become_those_of_the_call(self, log: FlaskClient, peers: Any) -> None:
        page = shown(
            log,
            f"/audit?actor_id=u9&service=leads&action_prefix=contact.&subject_type=contact&subject_id={ID}"
            "&from=2026-03-01&to=2026-03-31&page=more&lang=vi",
        )

        asked = peers.named("ListAuditEntries")[-1].request
        assert (asked.actor_id, asked.service, asked.action_prefix) == ("u9", "leads", "contact.")
        assert (asked.subject_type, asked.subject_id, asked.page_token) == ("contact", ID, "more")
        days = [it.ToDatetime().isoformat() for it in (getattr(asked, "from"), asked.until)]
        assert days == ["2026-02-28T17:00:00", "2026-03-31T17:00:00"]
        assert 'value="2026-03-31"' in page
        assert '<option value="u9" selected>' in page

    @pytest.mark.parametrize("wrong", ["from=soon", "to=2026-02-30", "to=9999-12-31"])
    def test_a_day_that_is_none_is_said_at_its_input(
        self, log: FlaskClient, peers: Any, wrong: str
    ) -> None:
        page = shown(log, f"/audit?{wrong}", 400)

        assert "This is no day." in page
        assert not peers.named("ListAuditEntries")

    def test_what_the_service_refuses_is_said_at_its_input(
        self, log: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ListAuditEntries"] = errors.InvalidArgument(
            "FIELDS_INVALID",
            "no",
            violations=[FieldViolation("action_prefix", "has a character that no entry has")],
        )

        assert "mà không mục nào có" in shown(log, "/audit?action_prefix=x&lang=vi", 400)

    def test_more_of_it_comes_as_rows_alone(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["ListAuditEntries"] = listed(entry(), next_page_token="later")

        page = shown(log, "/audit?page=more&service=leads", headers=PARTIAL)

        assert "<html" not in page
        assert "page=later" in page

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"actor_id": "", "actor_kind": ""}, "Nobody signed in"),
            ({"actor_id": "notifier", "actor_kind": "service"}, "Delivery"),
            ({"actor_id": "0123456789", "actor_kind": "client"}, "Program 01234567"),
            ({"acting_service": "campaigns"}, "through Campaigns"),
            ({"subject_type": "run", "subject_id": RUN}, f'href="/runs/{RUN}"'),
            ({"subject_type": "user", "subject_id": "u1"}, "Lan"),
            ({"subject_type": "address", "subject_id": "f00d" * 8}, "f00d" * 8),
            ({"erased": True}, "Its values were erased"),
        ],
    )
    def test_each_kind_of_entry_is_told(
        self, log: FlaskClient, peers: Any, given: dict[str, Any], said: str
    ) -> None:
        peers.answers["ListAuditEntries"] = listed(entry(**given))

        assert said in shown(log, "/audit")

    @pytest.mark.parametrize("strange", ["1", "../../sign-out", "x" * 300, ID.upper()])
    def test_what_is_no_id_leads_nowhere(self, log: FlaskClient, peers: Any, strange: str) -> None:
        peers.answers["ListAuditEntries"] = listed(entry(subject_id=strange))

        assert 'href="/contacts/' not in shown(log, "/audit")

    def test_values_of_any_shape_are_readable(self, log: FlaskClient, peers: Any) -> None:
        before = {"a": {"b": 1, "c": [1, "x"]}, "same": "s", "gone": "g", "flag": True}
        after = {"a": {"b": 2.5, "c": [{"d": None}]}, "same": "s", "new": "", "flag": False}
        peers.answers["ListAuditEntries"] = listed(changed(before, after))

        page = shown(log, "/audit")

        for part in (
            "<dt>a.b</dt><dd><del>1</del> → <ins>2.5</ins>",
            "<dt>a.c</dt><dd><del>1, x</del> → <ins>[{&#34;d&#34;: null}]</ins>",
            "<dt>gone</dt><dd><del>g</del></dd>",
            "<dt>new</dt><dd><ins>–</ins></dd>",
            "<dt>flag</dt><dd><del>yes</del> → <ins>no</ins>",
        ):
            assert part in page, part
        assert "<dt>same</dt>" not in page

    def test_one_side_shows_all_it_has(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["ListAuditEntries"] = listed(changed(None, {"name": "Lan", "city": "Huế"}))

        page = shown(log, "/audit")

        assert "<dt>name</dt><dd>Lan</dd>" in page
        assert "<dt>city</dt><dd>Huế</dd>" in page
        peers.answers["ListAuditEntries"] = listed(changed({"name": "Lan"}, None))
        assert "<dt>name</dt><dd><del>Lan</del></dd>" in shown(log, "/audit")

    def test_without_any_it_says_so(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["ListAuditEntries"] = listed()

        assert "No entry" in shown(log, "/audit")

    @pytest.mark.parametrize(
        ("failure", "status"), [(AWAY, 503), (errors.PermissionDenied("RIGHT_MISSING", "no"), 403)]
    )
    def test_a_failure_is_a_page(
        self, log: FlaskClient, peers: Any, failure: Any, status: int
    ) -> None:
        peers.answers["ListAuditEntries"] = failure

        assert log.get("/audit").status_code == status


class TestTheMenu:
    def test_it_is_there_for_those_who_may_read_it(self, log: FlaskClient) -> None:
        assert 'href="/audit"' in shown(log, "/support")

    def test_nobody_else_is_shown_it_nor_the_file(self, log: FlaskClient, peers: Any) -> None:
        session: session_service_pb2.ExchangeSessionResponse = peers.answers["ExchangeSession"]
        del session.rights[:]
        session.rights.add(resource="support", action="*", level=user_pb2.LEVEL_ALL)

        assert 'href="/audit"' not in shown(log, "/support")
        assert "/audit.csv" not in shown(log, "/audit")


def lines(*given: dict[str, Any]) -> Any:
    made = [
        audit_pb2.AuditLine(sequence=n, time="2026-03-01T17:00:00+00:00", **it)
        for n, it in enumerate(given, 1)
    ]
    return iter([audit_service_pb2.ExportAuditEntriesResponse(entries=[it]) for it in made])


class TestTheFile:
    def test_it_has_what_the_filters_leave_and_no_formula(
        self, log: FlaskClient, peers: Any
    ) -> None:
        peers.answers["ExportAuditEntries"] = lines(
            {"action": "contact.update", "after": '{"name": "=1+1"}', "subject_id": "@SUM(A1)"},
            {"actor_id": "=cmd", "service": "leads"},
        )

        answer = log.get(
            "/audit.csv?service=leads&action_prefix=contact.&to=2026-03-31&lang=vi", buffered=True
        )

        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        asked = peers.named("ExportAuditEntries")[-1].request
        assert (asked.service, asked.action_prefix) == ("leads", "contact.")
        assert asked.HasField("until")
        assert (answer.mimetype, len(rows)) == ("text/csv", 2)
        assert rows[0]["Mã đối tượng"] == "'@SUM(A1)"
        assert rows[1]["Mã người làm"] == "'=cmd"
        assert rows[0]["Thời điểm"] == "02/03/2026 00:00:00"

    def test_a_day_that_is_none_makes_no_file(self, log: FlaskClient, peers: Any) -> None:
        assert "This is no day." in shown(log, "/audit.csv?from=soon", 400)
        assert not peers.named("ExportAuditEntries")

    def test_a_refusal_is_a_page_and_frees_its_place(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["ExportAuditEntries"] = errors.PermissionDenied("RIGHT_MISSING", "no")

        for _ in range(MOST + 1):
            assert log.get("/audit.csv", buffered=True).status_code == 403

    def test_over_rest_too(self, program: Callable[..., Any], peers: Any) -> None:
        peers.answers["ExportAuditEntries"] = lines({"action": "=x", "before": '{"a": 1}'})

        answer = program("GET", "/audit-entries:export?action_prefix=contact.", buffered=True)

        rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
        assert [(it["action"], it["before"], it["sequence"]) for it in rows] == [
            ("'=x", '{"a": 1}', "1")
        ]
        assert peers.named("ExportAuditEntries")[-1].request.action_prefix == "contact."
