"""Files of messages' templates, over REST and on the template's page."""

from typing import Any

import pytest
from crm.campaigns.v1 import campaign_pb2, campaign_service_pb2, template_pb2, template_service_pb2
from crm.leads.v1 import segment_service_pb2
from crm.notifier.v1 import suppression_service_pb2
from flask.testing import FlaskClient

from chassis import errors
from chassis.attachments import Attachment, File
from chassis.errors import FieldViolation
from services.campaigns.domain import attachments
from services.gateway.web import words
from tests.unit.gateway.page_parts import ID, csrf_token
from tests.unit.gateway.page_parts import signed_in as signed_in
from tests.unit.gateway.test_gateway_uploads import a_file, form

MIB = 2**20
FILE = template_pb2.Attachment(name="Bảng <giá>.pdf", size=2_097_152)
TEMPLATE = template_pb2.Template(
    id=ID, name="Thư", channel=template_pb2.CHANNEL_EMAIL, etag="2", attachments=[FILE]
)
REFUSED = errors.InvalidArgument(
    "FIELDS_INVALID", "no", violations=[FieldViolation("data", "the file is larger than 3 MiB")]
)


class TestRest:
    def test_a_file_becomes_its_name_and_bytes(self, program: Any, peers: Any) -> None:
        peers.answers["AddAttachment"] = TEMPLATE

        answer = program(
            "POST",
            f"/templates/{ID}/attachments",
            headers={"Idempotency-Key": "k1", "If-Match": '"1"'},
            **form(a_file("báo giá.pdf", b"x" * 3 * MIB)),
        )

        sent = peers.last.request
        assert answer.status_code == 201
        assert answer.headers["Location"] == f"/api/v1/templates/{ID}"
        assert answer.headers["ETag"] == '"2"'
        assert (sent.id, sent.name, sent.etag, sent.request_id) == (ID, "báo giá.pdf", "1", "k1")
        assert sent.data == b"x" * 3 * MIB

    @pytest.mark.parametrize("size", [3 * MIB + 1, 9 * MIB])
    def test_a_file_too_large_is_refused_by_its_field(
        self, program: Any, peers: Any, size: int
    ) -> None:
        sent = form(a_file("x.pdf", b"x" * size))
        answer = program("POST", f"/templates/{ID}/attachments", **sent)

        assert answer.status_code == 400
        assert answer.get_json()["errors"] == [
            {"field": "file", "reason": "the file is larger than 3 MiB"}
        ]

    def test_what_the_service_refuses_names_the_file(self, program: Any, peers: Any) -> None:
        wrong = [FieldViolation("name", "no name"), FieldViolation("id", "no id")]
        peers.answers["AddAttachment"] = errors.InvalidArgument(
            "FIELDS_INVALID", "no", violations=wrong
        )
        answer = program("POST", f"/templates/{ID}/attachments", **form(a_file("x.exe", b"x")))

        assert [it["field"] for it in answer.get_json()["errors"]] == ["file", "id"]

    def test_what_is_no_form_is_refused(self, program: Any, peers: Any) -> None:
        answer = program("POST", f"/templates/{ID}/attachments", json={"file": "x"})

        assert answer.get_json()["errors"][0]["field"] == "Content-Type"


def send(http: FlaskClient, **headers: str) -> Any:
    """Sends a file as the page does."""
    token = csrf_token(http, f"/templates/{ID}")
    return http.post(
        f"/templates/{ID}/attachments",
        **form(a_file("a.pdf", b"x" * 2 * MIB)),
        headers={"X-CSRF-Token": token, **headers},
    )


class TestPage:
    @pytest.mark.parametrize(("language", "said"), [("en", "Attachments"), ("vi", "Tệp đính kèm")])
    def test_a_template_shows_its_files(
        self, signed_in: FlaskClient, peers: Any, language: str, said: str
    ) -> None:
        peers.answers["GetTemplate"] = TEMPLATE

        page = signed_in.get(f"/templates/{ID}?lang={language}").get_data(as_text=True)

        assert said in page
        assert "Bảng &lt;giá&gt;.pdf" in page
        assert ("2.0 MB" if language == "en" else "2,0 MB") in page

    def test_a_template_for_sms_offers_none(self, signed_in: FlaskClient, peers: Any) -> None:
        sms = template_pb2.Template(id=ID, name="Tin", channel=template_pb2.CHANNEL_SMS)
        peers.answers["GetTemplate"] = sms

        assert "/attachments" not in signed_in.get(f"/templates/{ID}").get_data(as_text=True)

    def test_a_file_is_attached(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers.update(GetTemplate=TEMPLATE, AddAttachment=TEMPLATE)

        answer = send(signed_in)

        sent = peers.named("AddAttachment")[0].request
        assert (sent.id, sent.name, len(sent.data)) == (ID, "a.pdf", 2 * MIB)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/templates/{ID}")

    def test_why_it_is_refused_is_said(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers.update(GetTemplate=TEMPLATE, AddAttachment=REFUSED)

        part = send(signed_in, **{"HX-Request": "true"})
        page = send(signed_in)

        assert (part.status_code, page.status_code) == (422, 400)
        assert "The file is larger than 3 MiB" in part.get_data(as_text=True)
        assert "The file is larger than 3 MiB" in page.get_data(as_text=True)

    def test_a_file_is_removed(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers.update(GetTemplate=TEMPLATE, RemoveAttachment=TEMPLATE)
        data = {"attachment": FILE.name, "csrf_token": csrf_token(signed_in, f"/templates/{ID}")}

        answer = signed_in.post(f"/templates/{ID}/attachments/remove", data=data)

        sent = peers.named("RemoveAttachment")[0].request
        assert (sent.id, sent.name, answer.status_code) == (ID, FILE.name, 303)

    def test_why_it_cannot_be_removed_is_said(self, signed_in: FlaskClient, peers: Any) -> None:
        gone = errors.Unavailable("PEER_UNAVAILABLE", "away", peer="campaigns")
        peers.answers.update(GetTemplate=TEMPLATE, RemoveAttachment=gone)
        data = {"attachment": FILE.name, "csrf_token": csrf_token(signed_in, f"/templates/{ID}")}

        answer = signed_in.post(f"/templates/{ID}/attachments/remove", data=data)

        assert answer.status_code == 503
        assert 'role="alert"' in answer.get_data(as_text=True)

    def test_a_review_shows_them(self, signed_in: FlaskClient, peers: Any) -> None:
        peers.answers.update(
            GetCampaign=campaign_pb2.Campaign(id=ID, name="C", template_id=ID),
            ReviewCampaign=campaign_service_pb2.ReviewCampaignResponse(attachments=[FILE]),
            ListSenderIdentities=suppression_service_pb2.ListSenderIdentitiesResponse(),
            ListTemplates=template_service_pb2.ListTemplatesResponse(templates=[TEMPLATE]),
            ListSegments=segment_service_pb2.ListSegmentsResponse(),
        )

        page = signed_in.get(f"/campaigns/{ID}/review").get_data(as_text=True)

        assert "Bảng &lt;giá&gt;.pdf (2.0 MB)" in page


class TestWords:
    def test_every_reason_is_told_in_vietnamese(self) -> None:
        held = [Attachment("1.pdf", "", 5 * MIB, "")] * 5
        names = ["", "x" * 101, "a/b", "a\n", ".a", "a.exe", "1.PDF", "ok"]
        datas = [b"", b"x" * (3 * MIB + 1), b"MZ", b"x"]
        said = {
            it.description
            for of in (held, held[:1])
            for name in names
            for data in datas
            for it in attachments.violations(of, File(name, data))
        } | {"an SMS has no files"}

        assert len(said) == 13
        assert [it for it in said if words.complaint("vi", it).lower() == it.lower()] == []
