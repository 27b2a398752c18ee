"""The page of a proposal: opening changes nothing, answers name what was read."""

from typing import Any

import pytest
from crm.interactions.v1 import proposal_pb2, proposal_service_pb2

from chassis import errors

STATE = proposal_pb2.ProposalState


def public(state: str = "SENT", **changes: Any) -> proposal_pb2.PublicProposal:
    given = {
        "number": "BG-2026-00001",
        "title": "Báo giá <b>",
        "state": STATE.Value(f"PROPOSAL_STATE_{state}"),
        "issue": 3,
        "html": "<article class='proposal'>Tổng cộng</article>",
        "locale": "vi",
        **changes,
    }
    return proposal_pb2.PublicProposal(**given)


@pytest.fixture
def sent(peers: Any) -> Any:
    peers.answers["OpenProposal"] = public()
    peers.answers["AcceptProposal"] = public("ACCEPTED", answer_name="Đào")
    peers.answers["DeclineProposal"] = public("DECLINED")
    peers.answers["CommentProposal"] = public()
    return peers


class TestOpening:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_it_changes_nothing(self, http: Any, sent: Any, method: str) -> None:
        assert http.open("/p/token-1", method=method).status_code == 200

        assert {call.method for call in sent.calls} <= {"OpenProposal"}

    def test_it_shows_the_proposal_and_asks_for_an_answer(self, http: Any, sent: Any) -> None:
        page = http.get("/p/token-1").get_data(as_text=True)

        assert "<article class='proposal'>" in page
        assert "<title>Báo giá &lt;b&gt;</title>" in page
        assert 'action="/p/token-1/accept?lang=vi"' in page
        assert 'name="issue" value="3"' in page
        assert sent.last.request.token == "token-1"

    def test_it_speaks_the_proposals_language_unless_asked_otherwise(
        self, http: Any, sent: Any
    ) -> None:
        vietnamese = http.get("/p/t", headers={"Accept-Language": "en"}).get_data(as_text=True)
        english = http.get("/p/t?lang=en").get_data(as_text=True)

        assert "Chấp nhận báo giá" in vietnamese
        assert "Accept this proposal" in english

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ("ACCEPTED", "Người chấp nhận: Đào &lt;i&gt;."),
            ("DECLINED", "Báo giá đã bị từ chối."),
            ("EXPIRED", "đã hết hiệu lực"),
            ("WITHDRAWN", "đã thu hồi"),
            ("DRAFT", "đang sửa"),
        ],
    )
    def test_one_that_is_over_says_so_and_takes_no_answer(
        self, http: Any, peers: Any, state: str, said: str
    ) -> None:
        html = "" if state in ("WITHDRAWN", "DRAFT") else "<p>x</p>"
        peers.answers["OpenProposal"] = public(state, answer_name="Đào <i>", html=html)

        page = http.get("/p/t").get_data(as_text=True)

        assert said in page
        assert "/accept" not in page
        assert "data-seen" not in page

    def test_a_link_that_is_none_of_ours_says_so(self, http: Any, peers: Any) -> None:
        peers.answers["OpenProposal"] = errors.NotFound("PROPOSAL_LINK_INVALID", "no")

        answer = http.get("/p/nonsense")

        assert answer.status_code == 404
        assert "Liên kết này không hợp lệ" in answer.get_data(as_text=True)

    def test_it_may_not_be_kept_framed_or_indexed(self, http: Any, sent: Any) -> None:
        answer = http.get("/p/t")

        assert answer.headers["Cache-Control"] == "no-store"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "noindex" in answer.get_data(as_text=True)

    def test_the_document_can_be_kept(self, http: Any, peers: Any) -> None:
        pdf = proposal_service_pb2.ProposalPdf(data=b"%PDF-1.7", file_name="BG-2026-00001.pdf")
        peers.answers["OpenProposalPdf"] = pdf

        answer = http.get("/p/t/pdf")

        assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF-1.7")
        assert 'filename="BG-2026-00001.pdf"' in answer.headers["Content-Disposition"]

    @pytest.mark.parametrize(("language", "size"), [("vi", "2,0 MB"), ("en", "2.0 MB")])
    def test_files_are_listed_with_their_size(
        self, http: Any, peers: Any, language: str, size: str
    ) -> None:
        file = proposal_pb2.ProposalAttachment(name="Bảng <giá> 1.pdf", size=2_097_152)
        peers.answers["OpenProposal"] = public(attachments=[file])

        page = http.get(f"/p/t?lang={language}").get_data(as_text=True)

        assert "Bảng &lt;giá&gt; 1.pdf" in page
        assert 'href="/p/t/files/B%E1%BA%A3ng%20%3Cgi%C3%A1%3E%201.pdf"' in page
        assert size in page

    def test_a_file_is_kept_and_never_shown_in_place(self, http: Any, peers: Any) -> None:
        peers.answers["OpenProposalAttachment"] = proposal_pb2.ProposalFile(
            data=b"%PDF-1.7", file_name='Bảng "giá" 1.pdf', media_type="application/pdf"
        )

        answer = http.get("/p/t/files/B%E1%BA%A3ng%20%22gi%C3%A1%22%201.pdf")

        asked = peers.last.request
        assert (asked.token, asked.name) == ("t", 'Bảng "giá" 1.pdf')
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        assert (answer.data, answer.content_length) == (b"%PDF-1.7", 8)
        told = answer.headers["Content-Disposition"]
        assert told.startswith("attachment; ")
        assert "filename*=UTF-8''B%E1%BA%A3ng%20%22gi%C3%A1%22%201.pdf" in told
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert {call.method for call in peers.calls} == {"OpenProposalAttachment"}

    @pytest.mark.parametrize(
        ("refusal", "status"),
        [
            (errors.NotFound("PROPOSAL_LINK_INVALID", "no"), 404),
            (errors.NotFound("RESOURCE_MISSING", "no"), 404),
            (errors.FailedPrecondition("STATE_FORBIDS", "no", state="draft"), 409),
        ],
    )
    def test_a_file_that_is_not_to_be_had_is_none(
        self, http: Any, peers: Any, refusal: errors.Error, status: int
    ) -> None:
        peers.answers["OpenProposalAttachment"] = refusal

        answer = http.get("/p/t/files/a.pdf")

        assert (answer.status_code, answer.mimetype) == (status, "text/html")
        assert "Content-Disposition" not in answer.headers

    @pytest.mark.parametrize("path", ["/p/t/files/", "/p/t/files/a/b.pdf", "/p/t/files/..%2Fa.pdf"])
    def test_no_path_leads_anywhere(self, http: Any, peers: Any, path: str) -> None:
        assert http.get(path).status_code == 404
        assert peers.calls == []

    def test_a_file_is_asked_for_by_get_only_and_bounded(
        self, make_gateway: Any, peers: Any
    ) -> None:
        peers.answers["OpenProposalAttachment"] = proposal_pb2.ProposalFile(
            file_name="a.pdf", media_type="application/pdf"
        )
        http = make_gateway(public_per_minute=2).test_client()

        assert http.post("/p/t/files/a.pdf").status_code == 405
        assert [http.get("/p/t/files/a.pdf").status_code for _ in range(3)] == [200, 200, 429]

    def test_a_look_is_told_by_a_post_only(self, http: Any, peers: Any) -> None:
        from google.protobuf.empty_pb2 import Empty

        peers.answers["SeeProposal"] = Empty()

        assert http.get("/p/t/seen").status_code == 405
        assert http.post("/p/t/seen", data={"issue": "3"}).status_code == 204
        assert (peers.last.request.token, peers.last.request.issue) == ("t", 3)

    def test_visits_are_bounded(self, make_gateway: Any, sent: Any) -> None:
        http = make_gateway(public_per_minute=2).test_client()

        assert [http.get("/p/t").status_code for _ in range(3)] == [200, 200, 429]


class TestAnswering:
    def test_it_is_accepted_by_name_and_what_was_read(self, http: Any, sent: Any) -> None:
        answer = http.post("/p/t/accept?lang=en", data={"name": "Đào", "issue": "3"})

        (asked,) = [call.request for call in sent.named("AcceptProposal")]
        assert (asked.token, asked.issue, asked.name) == ("t", 3, "Đào")
        assert answer.status_code == 303
        assert answer.headers["Location"] == "/p/t?said=accepted&lang=en"
        assert "has been recorded" in http.get(answer.headers["Location"]).get_data(as_text=True)

    def test_it_is_declined_and_commented(self, http: Any, sent: Any) -> None:
        http.post("/p/t/decline", data={"reason": "đắt", "issue": "3"})
        http.post("/p/t/comment", data={"text": "?", "request_id": "r1"})

        assert sent.named("DeclineProposal")[0].request.reason == "đắt"
        comment = sent.named("CommentProposal")[0].request
        assert (comment.text, comment.request_id) == ("?", "r1")

    @pytest.mark.parametrize("issue", ["", "x", "-1", "9" * 30, "٣"])
    def test_an_answer_to_nothing_in_particular_names_no_issue(
        self, http: Any, sent: Any, issue: str
    ) -> None:
        http.post("/p/t/accept", data={"name": "Đào", "issue": issue})

        assert sent.named("AcceptProposal")[0].request.issue == 0

    @pytest.mark.parametrize(
        ("refusal", "status", "said"),
        [
            (errors.Aborted("ETAG_STALE", "x"), 409, "đã được sửa sau khi bạn mở"),
            (
                errors.FailedPrecondition("STATE_FORBIDS", "x", state="expired"),
                *(409, "đã hết hiệu lực. Chưa ghi nhận"),
            ),
            (
                errors.FailedPrecondition("STATE_FORBIDS", "x", state="accepted"),
                *(409, "Chưa ghi nhận gì thêm"),
            ),
            (
                errors.InvalidArgument(
                    "FIELDS_INVALID", "x", violations=[errors.FieldViolation("name", "is required")]
                ),
                *(400, "Vui lòng nhập tên"),
            ),
        ],
    )
    def test_what_is_refused_is_said_with_the_proposal_as_it_is_now(
        self, http: Any, sent: Any, refusal: errors.Error, status: int, said: str
    ) -> None:
        sent.answers["AcceptProposal"] = refusal

        answer = http.post("/p/t/accept", data={"name": "Đào <i>", "issue": "2"})

        page = answer.get_data(as_text=True)
        assert answer.status_code == status
        assert said in page
        assert "<i>" not in page
        assert "<article class='proposal'>" in page

    def test_it_waits_for_interactions(self, http: Any, sent: Any) -> None:
        sent.answers["AcceptProposal"] = errors.Unavailable("X", "restarting")

        answer = http.post("/p/t/accept", data={"name": "Đào", "issue": "3"})

        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
