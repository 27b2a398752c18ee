"""Every answer has its headers, its line of log and its metrics; none tells too much."""

import json
from typing import Any

import structlog
from crm.leads.v1 import contact_pb2, contact_service_pb2
from prometheus_client import generate_latest

from services.gateway import bundle, metrics


class TestHeaders:
    def test_pages_and_documents_have_them_all(self, http: Any) -> None:
        for path in ("/api/docs", "/api/v1/contacts", "/nowhere"):
            headers = http.get(path).headers

            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["X-Frame-Options"] == "DENY"
            assert headers["Referrer-Policy"] == "same-origin"
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["Cache-Control"] == "no-store"

    def test_https_is_insisted_on_where_cookies_are_secure(self, make_gateway: Any) -> None:
        secure = make_gateway(cookie_secure=True).test_client().get("/api/docs")

        assert secure.headers["Strict-Transport-Security"].startswith("max-age=")

    def test_a_proxys_word_counts_only_where_one_is_trusted(
        self, make_gateway: Any, peers: Any
    ) -> None:
        headers = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "crm.example"}

        ignored = make_gateway().test_client().get("/api/docs", headers=headers)
        heard = make_gateway(trusted_proxies=1).test_client().get("/api/docs", headers=headers)

        assert "https://crm.example" not in ignored.get_data(as_text=True)
        assert "https://crm.example" in heard.get_data(as_text=True)


class TestLog:
    def test_a_request_is_one_line_with_its_route_and_no_personal_data(
        self, program: Any, peers: Any
    ) -> None:
        peers.answers["ListContacts"] = contact_service_pb2.ListContactsResponse()

        with structlog.testing.capture_logs() as lines:
            program("GET", "/contacts?query=%2B84912345678", buffered=True)

        requests = [line for line in lines if line["event"] == "request"]
        assert len(requests) == 1
        assert requests[0]["route"] == "/api/v1/contacts"
        assert requests[0]["status"] == 200
        assert "84912345678" not in json.dumps(lines)

    def test_an_address_nobody_serves_is_not_repeated(self, http: Any) -> None:
        with structlog.testing.capture_logs() as lines:
            http.get("/lan@example.vn", buffered=True)

        assert lines[-1]["route"] == "none"
        assert "example.vn" not in json.dumps(lines)


class TestMetrics:
    def test_requests_are_counted_by_route(self, program: Any, peers: Any) -> None:
        peers.answers["GetContact"] = contact_pb2.Contact(id="c1")
        route = "/api/v1/contacts/<id:id>"
        before = metrics.http_handled.labels("GET", route, "200")._value.get()

        program("GET", "/contacts/c1", buffered=True)

        assert metrics.http_handled.labels("GET", route, "200")._value.get() == before + 1

    def test_parts_that_the_gateway_does_not_have_are_not_reported(self) -> None:
        text = generate_latest(metrics.REGISTRY).decode()

        assert "mekong_grpc_client_handled_total" in text
        assert "mekong_nats_connected" not in text
        assert "mekong_outbox" not in text


class TestAssets:
    def test_a_name_with_a_hash_is_kept_for_a_year(self, http: Any, tmp_path: Any) -> None:
        if not bundle.built("public.css"):
            assert http.get("/api/docs").status_code == 200  # pages work unbuilt
            return

        with http.get(bundle.asset("public.css")) as answer:
            assert answer.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]

    def test_nothing_above_the_folder_is_served(self, http: Any) -> None:
        answer = http.get("/static/../config.py")

        assert answer.status_code == 404


class TestFailures:
    def test_a_bug_is_logged_and_not_told(self, program: Any, peers: Any) -> None:
        with structlog.testing.capture_logs() as lines:
            answer = program("GET", "/contacts/c1")

        assert answer.status_code == 500
        assert any(line["event"] == "request_failed" for line in lines)
        assert "secret detail" not in answer.get_data(as_text=True)
