"""Operations on leads answer 2xx to who may; what is wrong is refused; and none is left out."""

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from services.gateway.api.routes import ROUTES
from tests.integration.gateway.operations.calls import Api, named, until


@pytest.mark.timeout(300)
class TestLeads:
    def test_contacts(self, api: Api, contact: Any) -> None:
        one = contact["id"]

        read = api("GetContact", id=one)
        found = api("ListContacts", query="query=dao&page_size=5")
        changed = api("UpdateContact", body={"company": "Chợ Lớn"}, id=one)
        api("ChangeStatus", body={"status": "CONTACTED"}, id=one)
        stage = api("CreateLifeStage", body={"name": "Hẹn gặp", "position": 1, "color": "#0054a6"})
        api("MoveToLifeStage", body={"life_stage_id": stage["id"]}, id=one)
        confirmed = api("ConfirmAddress", body={"address": "dao@example.vn"}, id=one)
        customer = api("ConvertContact", id=one)
        several = api("BatchGetContacts", body={"ids": [one]})
        moves = api("ListStageChanges", contact_id=one)
        other = api("CreateContact", body={"display_name": "Tạm"})
        api("DeleteContact", id=other["id"])
        last = api("CreateContact", body={"display_name": "Quên"})
        sure = {"reason": "REQUESTED", "confirm": last["reference_code"]}
        erased = api("EraseContact", body=sure, contact_id=last["id"])
        ordered = api("ListErasures")["erasures"]
        api("GetErasure", id=erased["id"])
        api("RepeatErasure", id=erased["id"])

        assert read["phones"][0]["number"] == "+84912345678"
        assert [it["id"] for it in found["contacts"]] == [one]
        assert changed["company"] == "Chợ Lớn"
        assert confirmed["emails"][0]["valid"]
        assert customer["kind"] == "CUSTOMER"
        assert [it["id"] for it in several["contacts"]] == [one]
        assert moves["changes"]
        assert [it["contact_id"] for it in ordered] == [last["id"]]

    def test_sources_and_stages(self, api: Api) -> None:
        source = api("CreateSource", body={"name": "Hội chợ"})
        api("GetSource", id=source["id"])
        api("ListSources")
        renamed = api("UpdateSource", body={"name": "Hội chợ Huế"}, id=source["id"])
        retired = api("RetireSource", id=source["id"])
        stage = api("CreateLifeStage", body={"name": "Thân thiết"})
        api("GetLifeStage", id=stage["id"])
        api("ListLifeStages")
        moved = api("UpdateLifeStage", body={"position": 3}, id=stage["id"])

        assert renamed["name"] == "Hội chợ Huế"
        assert retired["retire_time"]
        assert moved["position"] == 3

    def test_consents_and_transactions(self, api: Api, contact: Any, advertiser: Any) -> None:
        one = contact["id"]
        entry = {
            "advertiser_id": advertiser["id"],
            "purpose": "CARE",
            "channel": "EMAIL",
            "time": "2026-01-02T03:04:05Z",
            "method": "paper",
            "evidence": "form 7",
        }
        sale = {
            "system": "pos",
            "external_id": "A-1",
            "type": "ORDER",
            "contact_id": one,
            "amount": 250000,
            "time": "2026-01-03T03:04:05+07:00",
        }

        api("GiveConsent", body=entry, contact_id=one)
        api("WithdrawConsent", body={"channel": "SMS"}, contact_id=one)
        ledger = api("ListConsentEntries", contact_id=one)
        stored = api("IngestTransactions", body={"transactions": [sale]})
        sales = api("ListTransactions", contact_id=one)

        assert len(ledger["entries"]) >= 2
        assert stored["created"] == 1
        assert sales["transactions"][0]["amount"] == 250000

    def test_segments(self, api: Api) -> None:
        definition = {"match": "ANY", "conditions": [{"tag": {"tags": ["vip"]}}]}
        segment = api("CreateSegment", body={"name": "VIP", "definition": definition})

        api("GetSegment", id=segment["id"])
        api("ListSegments")
        preview = api("PreviewSegment", body={"definition": {"conditions": []}})
        changed = api("UpdateSegment", body={"description": "quen"}, id=segment["id"])
        api("DeleteSegment", id=segment["id"])

        assert preview["count"] >= 1
        assert changed["definition"]["conditions"][0]["tag"]["tags"] == ["vip"]

    def test_imports(self, api: Api) -> None:
        rows = "Họ tên,Điện thoại\nTrần Văn Nam,0987654321\nLê Thị Bưởi,12\n".encode()
        uploaded = api("UploadImport", body=rows)

        api("StartImport", body={"dry_run": True}, id=uploaded["id"])
        checked = until(
            lambda: next(
                iter(
                    it
                    for it in [api("GetImport", id=uploaded["id"])]
                    if it["state"] in ("CHECKED", "FAILED")
                ),
                None,
            ),
            "checked",
        )
        listed = api("ListImports")
        rejected = api("ListImportRows", query="outcome=REJECTED", import_id=uploaded["id"])

        assert checked["state"] == "CHECKED"
        assert checked["ledger"]["rows"] == 2
        assert listed["imports"][0]["id"] == uploaded["id"]
        assert len(rejected["rows"]) == checked["ledger"]["rejected"]

    def test_reports_and_what_sources_cost(self, api: Api, contact: Any) -> None:
        today = datetime.now(ZoneInfo("Asia/Ho_Chi_Minh")).date()
        source = api("CreateSource", body={"name": "Triển lãm"})
        days = {"start_date": f"{today}", "end_date": f"{today + timedelta(1)}"}
        given = {"source_id": source["id"], "amount": 300, **days}
        person = api("CreateContact", body={"display_name": "Lê", "source_id": source["id"]})
        asked = f"{urlencode(days)}&source_ids={source['id']}"

        cost = api("CreateSourceCost", body=given)
        read = api("GetSourceCost", id=cost["id"])
        cost = api("UpdateSourceCost", body={"note": "gian hàng"}, id=cost["id"])
        costs = api("ListSourceCosts", query=f"source_id={source['id']}&{urlencode(days)}")
        conversion = api("GetConversionReport", query=f"{asked}&grouping=SOURCE")
        brought = api("GetSourceReport", query=asked)
        lines = api("ExportConversionReport", query=f"{asked}&grouping=SOURCE")
        file = api("ExportSourceReport", query=asked)
        plan = {"title": "Gọi", "type": "CALL", "contact_ids": [person["id"]]}
        api("CreateFollowUp", body={**plan, "start_time": f"{today}T05:00:00+07:00"})
        to_do = api("GetFollowUpReport", query=f"{urlencode(days)}&grouping=CONTACT")
        tasks = api("ExportFollowUpReport", query=f"{urlencode(days)}&grouping=ASSIGNEE")
        untouched = f"created_from={today}T00:00:00%2B07:00&touch=UNTOUCHED&page_size=1000"
        until(
            lambda: person["id"] in api("ListReportedLeads", query=untouched)["contact_ids"],
            "told of the lead",
        )
        touches = api("GetLeadReport", query=urlencode(days))
        leads = api("ExportLeadReport", query=urlencode(days))
        (row,) = conversion["rows"]
        filled = [(k, v) for k, v in row["leads"]["rows"].items() if v not in (None, "", [], 0)]
        behind = api("ListContacts", query=urlencode(filled, doseq=True))
        api("DeleteSourceCost", id=cost["id"])

        assert (read["note"], cost["note"], costs["source_costs"]) == ("", "gian hàng", [cost])
        assert [it["id"] for it in behind["contacts"]] == [person["id"]]
        (calls,) = [it["calls"] for it in to_do["rows"] if it["group_id"] == person["id"]]
        assert (calls["count"], tasks.splitlines()[-1].split(",")[1]) == (1, "total")
        total = touches["total"]
        assert total["untouched"]["count"] >= 1
        assert leads.splitlines()[-1].startswith(f",total,{total['leads']['count']},")
        assert (row["name"], row["leads"]["count"]) == ("Triển lãm", 1)
        assert brought["total"]["cost"] == [{"currency": "VND", "amount": 300}]
        assert lines.splitlines()[1].startswith(f"{source['id']},Triển lãm,1,0")
        assert file.splitlines()[-1].startswith(",total,1,0")


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


@pytest.mark.timeout(300)
class TestEveryOperation:
    def test_each_of_them_answered(self, api: Api) -> None:
        assert named(__file__) - api.called == set()

    def test_none_was_left_out(self, api: Api, sender: Any) -> None:
        """Those that the fixtures call answered here, all others in the module that names them."""
        modules = sorted(Path(__file__).parent.glob("test_operations_*.py"))
        checked = [it for it in modules if "named(__file__) - api.called" in it.read_text()]
        called = api.called.union(*(named(it) for it in checked if it != Path(__file__)))

        assert {route.name for route in ROUTES} - called == set()
