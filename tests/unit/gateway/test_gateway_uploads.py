"""A file passes through in pieces, and only a file."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from crm.leads.v1 import import_pb2
from crm.notifier.v1 import inbound_service_pb2
from werkzeug.exceptions import ClientDisconnected

from chassis import errors

BOUNDARY = "b0undary"


def form(*parts: tuple[str, bytes]) -> dict[str, Any]:
    body = b"".join(
        b"--" + BOUNDARY.encode() + b"\r\n" + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )
    return {
        "data": body + b"--" + BOUNDARY.encode() + b"--\r\n",
        "content_type": f"multipart/form-data; boundary={BOUNDARY}",
    }


def a_file(name: str, content: bytes, field: str = "file") -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{field}"; filename="{name}"', content


@pytest.fixture
def leads(peers: Any) -> Any:
    peers.answers["UploadImport"] = import_pb2.Import(id="i1", file_name="x.csv")
    return peers


class TestMail:
    """A mail is the body itself, or a member of JSON."""

    @pytest.fixture
    def notifier(self, peers: Any) -> Any:
        kind = inbound_service_pb2.INBOUND_MAIL_KIND_BOUNCED
        peers.answers["ReportMail"] = inbound_service_pb2.InboundMail(kind=kind, news=True)
        return peers

    def test_it_is_the_body_and_its_recipient_stands_in_the_address(
        self, program: Any, notifier: Any
    ) -> None:
        mail = b"Subject: x\r\n\r\n\xff\x00"

        answer = program(
            "POST",
            "/inbound-mails?recipient=b-00%40m.example",
            data=mail,
            content_type="message/rfc822",
        )

        assert (answer.status_code, answer.get_json()["kind"]) == (200, "BOUNCED")
        asked = notifier.last.request
        assert (asked.recipient, asked.data) == ("b-00@m.example", mail)

    def test_json_says_the_same(self, program: Any, notifier: Any) -> None:
        body = {"recipient": "b-00@m.example", "data": "U3ViamVjdDogeA=="}

        assert program("POST", "/inbound-mails", json=body).status_code == 200
        assert notifier.last.request.data == b"Subject: x"

    @pytest.mark.parametrize(
        ("query", "field"),
        [("?data=x", "data"), ("?to=a", "to"), ("?recipient=a&recipient=b", "recipient")],
    )
    def test_what_its_address_may_not_say_is_named(
        self, program: Any, notifier: Any, query: str, field: str
    ) -> None:
        answer = program("POST", f"/inbound-mails{query}", data=b"x", content_type="message/rfc822")

        assert answer.status_code == 400
        assert [it["field"] for it in answer.get_json()["errors"]] == [field]
        assert notifier.named("ReportMail") == []

    def test_one_too_large_is_refused(self, program: Any, notifier: Any) -> None:
        answer = program(
            "POST",
            "/inbound-mails?recipient=a",
            data=b"x" * (1024 * 1024 + 1),
            content_type="message/rfc822",
        )

        assert answer.status_code == 413

    def test_what_is_neither_is_refused(self, program: Any, notifier: Any) -> None:
        answer = program("POST", "/inbound-mails?recipient=a", data=b"x", content_type="text/plain")

        assert answer.status_code == 400


class TestUpload:
    def test_the_bytes_arrive_in_pieces_and_in_order(self, program: Any, leads: Any) -> None:
        content = bytes(range(256)) * 12_000

        answer = program(
            "POST",
            "/imports",
            headers={"Idempotency-Key": "k1"},
            **form(a_file("khách hàng.csv", content)),
        )

        sent = leads.last.request
        assert answer.status_code == 201
        assert answer.headers["Location"] == "/api/v1/imports/i1"
        assert (sent[0].file_name, sent[0].request_id) == ("khách hàng.csv", "k1")
        assert b"".join(part.data for part in sent) == content
        assert max(len(part.data) for part in sent) <= 1024 * 1024
        assert len(sent) > 5

    def test_a_path_in_the_name_is_dropped(self, program: Any, leads: Any) -> None:
        program("POST", "/imports", **form(a_file("C:\\\\secret\\\\leads.csv", b"a,b")))

        assert leads.last.request[0].file_name == "leads.csv"

    def test_a_file_above_the_limit_is_refused(
        self, make_gateway: Callable[..., Any], leads: Any
    ) -> None:
        http = make_gateway(upload_max_bytes=100_000).test_client()

        answer = http.post(
            "/api/v1/imports",
            headers={"Authorization": "Bearer t"},
            **form(a_file("x.csv", b"x" * 100_001)),
        )

        assert answer.status_code == 413
        assert answer.get_json()["reason"] == "TOO_LARGE"
        assert answer.get_json()["metadata"] == {"limit": "100000"}

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"json": {"file": "x"}}, "Content-Type"),
            ({"data": b"a", "content_type": "multipart/form-data"}, "Content-Type"),
            (form(), "file"),
            (form(a_file("x.csv", b"a", field="other")), "other"),
            (form(a_file("x.csv", b"a"), a_file("y.csv", b"b")), "file"),
            (form(a_file("x.csv", b"a"), ('Content-Disposition: form-data; name="z"', b"1")), "z"),
            (form(a_file("x" * 252 + ".csv", b"a")), "file"),
            ({**form(), "data": b"no form at all"}, "file"),
            ({**form(), "data": form(a_file("x.csv", b"a"))["data"][:-20]}, "file"),
        ],
        ids=["json", "no boundary", "none", "other", "two", "more", "name", "garbage", "cut"],
    )
    def test_what_is_not_one_file_is_refused_naming_the_field(
        self, program: Any, leads: Any, given: dict[str, Any], field: str
    ) -> None:
        answer = program("POST", "/imports", **given)

        assert answer.status_code == 400
        assert answer.get_json()["errors"][0]["field"] == field

    def test_a_browser_that_went_away_is_no_bug_of_ours(self, program: Any, leads: Any) -> None:
        class Cut(io.BytesIO):
            def read(self, *_: Any) -> bytes:
                raise ClientDisconnected

        whole = form(a_file("x.csv", b"a"))

        answer = program(
            "POST",
            "/imports",
            content_type=whole["content_type"],
            content_length=1_000_000,
            input_stream=Cut(),
        )

        assert answer.status_code == 400

    def test_a_file_the_service_refuses_says_why(self, program: Any, leads: Any) -> None:
        leads.answers["UploadImport"] = errors.InvalidArgument(
            "FILE_UNREADABLE", "a picture", detected="image/png"
        )

        answer = program("POST", "/imports", **form(a_file("x.csv", b"\x89PNG")))

        assert answer.status_code == 400
        assert answer.get_json()["reason"] == "FILE_UNREADABLE"
