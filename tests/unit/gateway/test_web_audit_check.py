"""The page that says whether the audit log is whole."""

from typing import Any

from crm.accounts.v1 import audit_pb2, audit_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.audit_parts import HASH
from tests.unit.gateway.audit_parts import log as log
from tests.unit.gateway.web_parts import AWAY, PARTIAL, shown


def verdict(**given: Any) -> audit_service_pb2.VerifyAuditResponse:
    return audit_service_pb2.VerifyAuditResponse(
        **{"intact": True, "entries": 1200, "newest": 1200, "head": HASH, **given}
    )


class TestTheCheck:
    def test_a_chain_that_holds_shows_its_head(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["VerifyAudit"] = verdict()

        page = shown(log, "/audit/verify")

        assert "The chain holds: 1,200 entries." in page
        assert HASH in page
        assert 'hx-trigger="load"' not in page

    def test_a_long_one_goes_on_by_itself(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["VerifyAudit"] = verdict(next_page_token="more", newest=9000)

        page = shown(log, f"/audit/verify?expected_head={HASH}&page=before", headers=PARTIAL)

        asked = peers.named("VerifyAudit")[-1].request
        assert (asked.expected_head, asked.page_token) == (HASH, "before")
        assert "<html" not in page
        assert "1,200 of about 9,000 entries" in page
        assert f'hx-get="/audit/verify?expected_head={HASH}&amp;page=more"' in page

    def test_each_finding_is_told(self, log: FlaskClient, peers: Any) -> None:
        kinds = audit_pb2.AuditFindingKind
        found = [
            audit_pb2.AuditFinding(kind=kinds.AUDIT_FINDING_KIND_ALTERED, first=1234, last=1234),
            audit_pb2.AuditFinding(kind=kinds.AUDIT_FINDING_KIND_REMOVED, first=5, last=7),
            audit_pb2.AuditFinding(kind=kinds.AUDIT_FINDING_KIND_INSERTED, first=9, last=9),
            audit_pb2.AuditFinding(kind=kinds.AUDIT_FINDING_KIND_REWRITTEN, first=10, last=10),
            audit_pb2.AuditFinding(kind=kinds.AUDIT_FINDING_KIND_CUT_OFF, first=11, last=20),
            audit_pb2.AuditFinding(kind=kinds.AUDIT_FINDING_KIND_CUT_OFF, first=11),
        ]
        peers.answers["VerifyAudit"] = verdict(intact=False, findings=found)

        page = shown(log, "/audit/verify?lang=vi")

        for part in (
            "Chuỗi đã bị can thiệp",
            "Bị sửa: 1.234",
            "Bị xóa: 5–7",
            "Bị chèn: 9",
            "Khác với mã đã xuất: 10",
            "Bị cắt ở cuối: 11–20",
            "không còn trong chuỗi",
        ):
            assert part in page, part
        assert "còn nguyên vẹn" not in page

    def test_what_is_no_head_is_said_at_its_input(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["VerifyAudit"] = errors.InvalidArgument(
            "FIELDS_INVALID",
            "no",
            violations=[
                FieldViolation("expected_head", "is neither a hash nor a place and a hash")
            ],
        )

        page = shown(log, "/audit/verify?expected_head=x&lang=vi", 400)

        assert "Không phải mã băm" in page
        assert 'value="x"' in page

    def test_while_accounts_is_away_it_says_so(self, log: FlaskClient, peers: Any) -> None:
        peers.answers["VerifyAudit"] = AWAY

        assert log.get("/audit/verify").status_code == 503
