"""Contacts as a file over REST, from the real services, and what is noted of it."""

import csv
import io
import uuid
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.gateway.operations.calls import Api, until


def a_client(api: Api, house: Any, *actions: str) -> Api:
    """A program that may do this with contacts, and nothing else."""
    rights = [{"resource": "contacts", "action": it, "level": "ALL"} for it in actions]
    name = f"kho {uuid.uuid4()}"
    client = api("CreateApiClient", body={"name": name, "rights": rights})
    made = Api(house.state["gateway_url"])
    body = {"client_id": client["id"], "client_secret": client["secret"]}
    made.identity = {"Authorization": f"Bearer {made('IssueToken', body=body)['token']}"}
    return made


class TestContactFiles:
    def test_it_is_a_table_to_be_kept_with_no_formula(self, api: Api, house: Any) -> None:
        for name in ("=1+1 Xuất", "Mai Xuất"):
            body = {"display_name": name, "phones": [{"number": "0912 345 678"}]}
            api("CreateContact", body=body)
        api("CreateContact", body={"display_name": "Ai khác"})
        connection = HTTPConnection(urlsplit(house.state["gateway_url"]).netloc, timeout=60)

        connection.request("GET", "/api/v1/contacts:export?query=xuat", headers=api.identity)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()

        rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))
        assert answer.status == 200
        assert answer.getheader("Content-Type") == "text/csv; charset=utf-8"
        disposition = answer.getheader("Content-Disposition")
        assert disposition == 'attachment; filename="contacts.csv"'
        assert answer.getheader("X-Content-Type-Options") == "nosniff"
        assert answer.getheader("Cache-Control") == "no-store"
        assert [it["display_name"] for it in rows] == ["Mai Xuất", "'=1+1 Xuất"]
        assert [(it["phone"], it["kind"], it["status"]) for it in rows] == [
            ("+84912345678", "LEAD", "NEW")
        ] * 2

    def test_it_is_in_the_audit_log(self, api: Api, house: Any) -> None:
        reader = a_client(api, house, "read", "export")

        lines = reader("ExportContacts", query="query=nobody+is+called+so").splitlines()

        asked = "action_prefix=contact.export"
        (entry,) = until(
            lambda: [
                it
                for it in api("ListAuditEntries", query=asked)["entries"]
                if it["after"] == {"query": "filled", "contacts": 0}
            ],
            "the entry",
        )
        assert len(lines) == 1
        assert (entry["actor_kind"], entry["subject_type"]) == ("client", "contacts")

    @pytest.mark.parametrize("action", ["read", "export"])
    def test_one_right_without_the_other_is_not_enough(
        self, api: Api, house: Any, action: str
    ) -> None:
        problem = a_client(api, house, action)("ExportContacts", 403)

        assert problem["reason"] == "RIGHT_MISSING"

    def test_what_is_wrong_is_named(self, api: Api) -> None:
        problem = api("ExportContacts", 400, query="owner_ids=x&kind=DOG")
        other = api("ExportContacts", 400, query="owner_ids=x")

        assert [it["field"] for it in problem["errors"]] == ["kind"]
        assert [it["field"] for it in other["errors"]] == ["owner_ids[0]"]
