"""Bad requests over REST: each is refused with its reason."""

import uuid
from typing import Any

import pytest

from tests.integration.gateway.operations.calls import Api


@pytest.mark.timeout(300)
class TestRefusals:
    def test_bad_values_are_named_all_at_once(self, api: Api) -> None:
        body = {"phones": [{"number": "12"}], "emails": [{"address": "no"}], "locale": "??"}

        problem = api("CreateContact", 400, body=body)

        named = {it["field"] for it in problem["errors"]}
        assert problem["reason"] == "FIELDS_INVALID"
        assert {"phones[0].number", "emails[0].address"} <= named

    def test_what_does_not_exist_is_404(self, api: Api) -> None:
        unknown = api("GetContact", 404, id=str(uuid.uuid4()))

        assert unknown["reason"] == "RESOURCE_MISSING"

    def test_what_is_no_id_is_refused_or_missing(self, api: Api) -> None:
        for operation in ("GetSegment", "GetFollowUp", "GetCampaign", "GetMessage", "GetUser"):
            try:
                problem = api(operation, 404, id="no-uuid")
            except AssertionError:
                problem = api(operation, 400, id="no-uuid")

            assert problem["reason"] in ("RESOURCE_MISSING", "FIELDS_INVALID")

    def test_a_stale_etag_is_412(self, api: Api, contact: Any) -> None:
        api("UpdateContact", body={"job_title": "Kế toán"}, id=contact["id"])

        stale = {"If-Match": f'"{contact["etag"]}"'}
        problem = api("UpdateContact", 412, body={"company": "x"}, id=contact["id"], headers=stale)

        assert problem["reason"] == "ETAG_STALE"

    def test_a_page_token_of_another_list_is_refused(self, api: Api) -> None:
        for _ in range(2):
            api("CreateContact", body={"display_name": "Trang"})
        token = api("ListContacts", query="page_size=1&query=trang")["next_page_token"]

        for wrong in (f"query=khac&page_token={token}", "page_token=rubbish"):
            problem = api("ListContacts", 400, query=wrong)

            assert problem["reason"] == "PAGE_TOKEN_INVALID"
        api("ListContacts", query=f"page_size=1&query=trang&page_token={token}")

    def test_a_key_that_was_used_for_something_else_is_refused(self, api: Api) -> None:
        key = {"Idempotency-Key": str(uuid.uuid4())}

        first = api("CreateContact", body={"display_name": "Một"}, headers=key)
        again = api("CreateContact", body={"display_name": "Một"}, headers=key)
        other = api("CreateContact", 409, body={"display_name": "Hai"}, headers=key)

        assert again["id"] == first["id"]
        assert other["reason"] == "REQUEST_ID_REUSED"

    def test_who_may_not_is_403_and_who_is_nobody_401(self, api: Api, house: Any) -> None:
        right = {"resource": "contacts", "action": "read", "level": "ALL"}
        program = api("CreateApiClient", body={"name": "reader", "rights": [right]})
        body = {"client_id": program["id"], "client_secret": program["secret"]}
        reader, token = Api(house.state["gateway_url"]), api("IssueToken", body=body)["token"]
        reader.identity = {"Authorization": f"Bearer {token}"}
        nobody = Api(house.state["gateway_url"])
        nobody.identity = {"Authorization": "Bearer rubbish"}
        wrong = {**body, "client_secret": "wrong"}

        reader("ListContacts")
        refused = reader("CreateContact", 403, body={"display_name": "x"})
        unknown = nobody("ListContacts", 401)
        mistaken = api("IssueToken", 401, body=wrong)

        assert refused["reason"] == "RIGHT_MISSING"
        assert refused["metadata"] == {"resource": "contacts", "action": "write"}
        assert unknown["reason"].startswith("TOKEN_")
        assert mistaken["reason"] == "SIGN_IN_REFUSED"

    def test_a_program_is_held_to_its_limit_and_told_where_it_stands(
        self, api: Api, house: Any
    ) -> None:
        right = {"resource": "contacts", "action": "read", "level": "ALL"}
        slow = {"name": "slow", "rights": [right], "requests_per_minute": 2}
        program = api("CreateApiClient", body=slow)
        body = {"client_id": program["id"], "client_secret": program["secret"]}
        asked = api("IssueToken", body={**body, "scope": "contacts.read"})
        reader = Api(house.state["gateway_url"])
        reader.identity = {"Authorization": f"Bearer {asked['token']}"}

        reader("ListContacts")
        reader("ListContacts")
        problem = reader("ListContacts", 429)
        greater = api("IssueToken", 400, body={**body, "scope": "contacts.write"})

        assert asked["scope"] == "contacts.read:all"
        assert (problem["reason"], problem["metadata"]) == ("RATE_LIMITED", {"limit": "2"})
        assert greater["reason"] == "SCOPE_INVALID"

    def test_a_binary_file_named_csv_is_refused(self, api: Api) -> None:
        problem = api("UploadImport", 400, body=b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 40)

        assert problem["reason"] == "FILE_UNREADABLE"

    def test_a_template_that_does_not_parse_is_refused(self, api: Api) -> None:
        body = {"name": "hỏng", "channel": "SMS", "text": "{% if %}"}

        problem = api("CreateTemplate", 400, body=body)

        assert problem["reason"] == "TEMPLATE_REFUSED"
