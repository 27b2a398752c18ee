"""Files of proposals and their templates: over REST, and on the page of each."""

import re
from typing import Any

import pytest
from crm.interactions.v1 import proposal_attachment_service_pb2 as files_pb2
from crm.interactions.v1 import proposal_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.errors import FieldViolation
from tests.unit.gateway.test_gateway_uploads import a_file, form
from tests.unit.gateway.test_web_proposals import desk as desk
from tests.unit.gateway.test_web_proposals import post, proposal
from tests.unit.gateway.web_parts import ID, PARTIAL, shown

MIB = 2**20
FILE = proposal_pb2.ProposalAttachment(name="Bảng <giá>.pdf", size=2_097_152)
KEPT = proposal_pb2.ProposalFile(data=b"%PDF-", file_name="a.pdf", media_type="application/pdf")
TEMPLATE = proposal_pb2.ProposalTemplate(id=ID, name="Mẫu", version=3, attachments=[FILE])
REFUSED = errors.InvalidArgument(
    "FIELDS_INVALID",
    "no",
    violations=[FieldViolation("data", "the file is not what its name says")],
)
# Address, page, and calls of each that has files.
OWNERS = [
    (f"/proposals/{ID}", "AddProposalAttachment", "RemoveProposalAttachment"),
    (
        f"/proposal-templates/{ID}",
        "AddProposalTemplateAttachment",
        "RemoveProposalTemplateAttachment",
    ),
]


@pytest.fixture
def filed(desk: FlaskClient, peers: Any) -> FlaskClient:
    """A draft and a template, each with a file."""
    peers.answers.update(
        GetProposal=proposal(attachments=[FILE]),
        GetProposalTemplate=TEMPLATE,
        AddProposalAttachment=proposal(),
        AddProposalTemplateAttachment=TEMPLATE,
        RemoveProposalAttachment=proposal(),
        RemoveProposalTemplateAttachment=TEMPLATE,
        GetProposalAttachment=KEPT,
        GetProposalTemplateAttachment=KEPT,
    )
    return desk


def send(http: FlaskClient, address: str, **headers: str) -> Any:
    """Sends a file as the page does."""
    token = re.search(r'name="csrf-token" content="([0-9a-f]+)"', shown(http, "/proposals"))
    assert token is not None
    return http.post(
        f"{address}/attachments",
        **form(a_file("a.pdf", b"x" * 2 * MIB)),
        headers={"X-CSRF-Token": token.group(1), "X-Request-Key": "k1", **headers},
    )


class TestRest:
    @pytest.mark.parametrize(("address", "call", "_"), OWNERS)
    def test_a_file_becomes_its_name_and_bytes(
        self, program: Any, peers: Any, address: str, call: str, _: str
    ) -> None:
        peers.answers[call] = proposal() if "proposals" in address else TEMPLATE

        answer = program(
            "POST",
            f"{address}/attachments",
            headers={"Idempotency-Key": "k1", "If-Match": '"4"'},
            **form(a_file("báo giá.pdf", b"%PDF-")),
        )

        sent = peers.last.request
        assert (answer.status_code, peers.last.method) == (201, call)
        assert answer.headers["Location"] == f"/api/v1{address}"
        assert (sent.id, sent.name, sent.data) == (ID, "báo giá.pdf", b"%PDF-")
        assert (sent.etag, sent.request_id) == ("4", "k1")

    def test_what_the_service_refuses_names_the_file(self, program: Any, peers: Any) -> None:
        peers.answers["AddProposalAttachment"] = REFUSED

        answer = program("POST", f"/proposals/{ID}/attachments", **form(a_file("a.pdf", b"x")))

        assert answer.status_code == 400
        assert answer.get_json()["errors"] == [
            {"field": "file", "reason": "the file is not what its name says"}
        ]

    def test_a_file_too_large_is_refused_before_it_is_passed_on(
        self, program: Any, peers: Any
    ) -> None:
        sent = form(a_file("a.pdf", b"x" * (3 * MIB + 1)))

        answer = program("POST", f"/proposals/{ID}/attachments", **sent)

        assert answer.get_json()["errors"] == [
            {"field": "file", "reason": "the file is larger than 3 MiB"}
        ]
        assert peers.named("AddProposalAttachment") == []

    @pytest.mark.parametrize(
        ("path", "call"),
        [
            (f"/proposals/{ID}:getAttachment?name=a%3Ab.pdf&issue=2", "GetProposalAttachment"),
            (
                f"/proposal-templates/{ID}:getAttachment?name=a%3Ab.pdf&version=2",
                "GetProposalTemplateAttachment",
            ),
        ],
    )
    def test_one_is_given_to_be_kept(self, program: Any, peers: Any, path: str, call: str) -> None:
        peers.answers[call] = KEPT

        answer = program("GET", path)

        sent = peers.last.request
        number = sent.issue if call == "GetProposalAttachment" else sent.version
        assert (sent.id, sent.name, number) == (ID, "a:b.pdf", 2)
        assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF-")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="a.pdf"'
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"

    def test_its_name_is_required(self, program: Any, peers: Any) -> None:
        answer = program("GET", f"/proposals/{ID}:getAttachment")

        assert [it["field"] for it in answer.get_json()["errors"]] == ["name"]

    def test_those_of_a_sending_are_listed(self, program: Any, peers: Any) -> None:
        peers.answers["ListProposalAttachments"] = files_pb2.ListProposalAttachmentsResponse(
            attachments=[FILE]
        )

        answer = program("GET", f"/proposals/{ID}/attachments?issue=2")

        assert peers.last.request.issue == 2
        assert [it["name"] for it in answer.get_json()["attachments"]] == [FILE.name]


class TestPage:
    @pytest.mark.parametrize(("address", "_", "__"), OWNERS)
    @pytest.mark.parametrize(("language", "said"), [("en", "Attachments"), ("vi", "Tệp đính kèm")])
    def test_it_shows_its_files_and_offers_to_change_them(
        self, filed: FlaskClient, address: str, _: str, __: str, language: str, said: str
    ) -> None:
        page = shown(filed, f"{address}?lang={language}")

        assert said in page
        assert "Bảng &lt;giá&gt;.pdf" in page
        assert ("2.0 MB" if language == "en" else "2,0 MB") in page
        assert f'hx-post="{address}/attachments"' in page
        assert f'action="{address}/attachments/remove"' in page
        assert f"{address}/attachments/file?name=B" in page

    def test_what_was_sent_shows_them_and_offers_nothing(
        self, filed: FlaskClient, peers: Any
    ) -> None:
        peers.answers["GetProposal"] = proposal("SENT", attachments=[FILE])

        page = shown(filed, f"/proposals/{ID}")

        assert f"/proposals/{ID}/attachments/file?name=B" in page
        assert f'"/proposals/{ID}/attachments"' not in page
        assert "/attachments/remove" not in page

    def test_an_older_version_offers_nothing(self, filed: FlaskClient) -> None:
        page = shown(filed, f"/proposal-templates/{ID}?version=2")

        assert "Bảng &lt;giá&gt;.pdf" in page
        assert "/attachments" not in page

    @pytest.mark.parametrize(("address", "call", "_"), OWNERS)
    def test_a_file_is_attached(
        self, filed: FlaskClient, peers: Any, address: str, call: str, _: str
    ) -> None:
        answer = send(filed, address)

        sent = peers.named(call)[0].request
        assert (sent.id, sent.name, len(sent.data), sent.request_id) == (ID, "a.pdf", 2 * MIB, "k1")
        assert (answer.status_code, answer.headers["Location"]) == (303, address)

    @pytest.mark.parametrize(("address", "call", "_"), OWNERS)
    def test_why_it_is_refused_is_said(
        self, filed: FlaskClient, peers: Any, address: str, call: str, _: str
    ) -> None:
        peers.answers[call] = REFUSED

        part = send(filed, address, **PARTIAL)
        page = send(filed, address)

        assert (part.status_code, page.status_code) == (422, 400)
        for answer in (part, page):
            assert "The file is not what its name says" in answer.get_data(as_text=True)

    def test_one_that_was_sent_meanwhile_says_so(self, filed: FlaskClient, peers: Any) -> None:
        peers.answers["GetProposal"] = proposal("SENT")
        peers.answers["AddProposalAttachment"] = errors.FailedPrecondition("STATE_FORBIDS", "no")

        answer = send(filed, f"/proposals/{ID}")

        assert answer.status_code == 409
        assert "Its state does not allow this" in answer.get_data(as_text=True)

    @pytest.mark.parametrize(("address", "_", "call"), OWNERS)
    def test_a_file_is_removed_or_why_not_is_said(
        self, filed: FlaskClient, peers: Any, address: str, _: str, call: str
    ) -> None:
        answer = post(filed, f"{address}/attachments/remove", attachment=FILE.name)
        sent = peers.named(call)[0].request
        peers.answers[call] = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="interactions")
        again = post(filed, f"{address}/attachments/remove", attachment=FILE.name)

        assert (sent.id, sent.name, sent.request_id) == (ID, FILE.name, ID)
        assert (answer.status_code, answer.headers["Location"]) == (303, address)
        assert again.status_code == 503
        assert 'role="alert"' in again.get_data(as_text=True)

    @pytest.mark.parametrize(("address", "_", "__"), OWNERS)
    def test_a_file_is_given_to_be_kept(
        self, filed: FlaskClient, peers: Any, address: str, _: str, __: str
    ) -> None:
        answer = filed.get(f"{address}/attachments/file?name=a.pdf")

        assert (peers.last.request.id, peers.last.request.name) == (ID, "a.pdf")
        assert (answer.mimetype, answer.data) == ("application/pdf", b"%PDF-")
        assert answer.headers["Content-Disposition"] == 'attachment; filename="a.pdf"'

    @pytest.mark.parametrize(("address", "_", "__"), OWNERS)
    def test_a_file_without_the_forms_token_is_refused(
        self, filed: FlaskClient, peers: Any, address: str, _: str, __: str
    ) -> None:
        answer = filed.post(f"{address}/attachments", **form(a_file("a.pdf", b"x")))

        assert answer.status_code == 403
        assert not [it for it in peers.calls if it.method.startswith("Add")]
