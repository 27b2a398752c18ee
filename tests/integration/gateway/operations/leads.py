"""Operations on leads."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from tests.integration.gateway.operations.calls import Api, until


@pytest.mark.timeout(300)
class TestLeads:
    def test_contacts(self, api: Api, contact: Any) -> None:
        one = contact["id"]

        read = api("GetContact", id=one)
        found = api("ListContacts", query="query=dao&page_size=5")
        api("ExportContacts", query="query=dao")
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
