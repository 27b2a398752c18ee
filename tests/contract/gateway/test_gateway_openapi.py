"""The OpenAPI document is valid, complete, and says what the handlers do."""

import re
from typing import Any

import pytest
from flask import Flask
from openapi_spec_validator import validate

from services.gateway import app
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import PREFIX
from services.gateway.config import Settings


@pytest.fixture(scope="module")
def gateway() -> Flask:
    names = ("leads", "interactions", "campaigns", "notifier", "accounts")
    given: dict[str, Any] = {f"{name}_address": "127.0.0.1:1" for name in names}
    given |= {"seal_key": "0" * 32, "client_secret": "secret", "issuer_url": "http://127.0.0.1:1"}
    return app.create(Settings(**given))


@pytest.fixture(scope="module")
def document(gateway: Flask) -> dict[str, Any]:
    answer = gateway.test_client().get(f"{PREFIX}/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.get_json()
    return found


class TestDocument:
    def test_it_is_openapi_3_1_and_valid(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        validate(document)

    def test_it_has_every_route_and_no_other(self, document: dict[str, Any]) -> None:
        described = {
            (method.upper(), path) for path, item in document["paths"].items() for method in item
        }

        assert described == {(route.method, PREFIX + route.path) for route in ROUTES}

    def test_every_reference_leads_somewhere(self, document: dict[str, Any]) -> None:
        wanted = set(re.findall(r"#/components/schemas/([\w.-]+)", str(document)))

        assert wanted <= document["components"]["schemas"].keys()

    def test_every_operation_is_told_and_has_a_name_of_its_own(
        self, document: dict[str, Any]
    ) -> None:
        operations = [it for item in document["paths"].values() for it in item.values()]

        assert all(it["summary"] for it in operations)
        assert len({it["operationId"] for it in operations}) == len(operations)

    def test_failures_are_problem_details(self, document: dict[str, Any]) -> None:
        for item in document["paths"].values():
            for operation in item.values():
                content = operation["responses"]["default"]["content"]
                assert "application/problem+json" in content

    def test_what_is_output_only_cannot_be_sent_and_what_is_required_must(
        self, document: dict[str, Any]
    ) -> None:
        schemas = document["components"]["schemas"]

        assert "status" in schemas["Contact"]["properties"]
        assert "status" not in schemas["ContactInput"]["properties"]
        assert schemas["PhoneInput"]["required"] == ["number"]
        assert "name" in schemas["SegmentInput"]["required"]
        assert "required" not in schemas["SegmentPatch"]
        assert schemas["ContactInput"]["additionalProperties"] is False

    def test_the_page_shows_all_of_it_without_any_script(self, gateway: Flask) -> None:
        page = gateway.test_client().get("/api/docs").get_data(as_text=True)

        assert "<script" not in page
        for route in ROUTES:
            assert f"<code>{PREFIX}{route.path}</code>" in page
        assert 'id="ETAG_STALE"' in page
