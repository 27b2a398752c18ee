"""Operations on proposals, campaigns and their runs answer 2xx to who may."""

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.integration.gateway.operations.calls import Api, until


@pytest.mark.timeout(300)
class TestCampaigns:
    def test_proposals_and_their_templates(
        self, api: Api, contact: Any, advertiser: Any, sender: Any
    ) -> None:
        block = {"text": "Kính gửi {{ display_name }}"}
        template = api("CreateProposalTemplate", body={"name": "Báo giá", "blocks": [block]})
        line = {"description": "Máy lọc", "quantity": "1.5", "unit_price": 99, "vat_rate": "8"}
        plan = {
            "title": "Máy lọc nước",
            "contact_id": contact["id"],
            "template_id": template["id"],
            "lines": [line],
            "valid_until": "2099-12-31",
        }
        by = {"advertiser_id": advertiser["id"], "sender_identity_id": sender["id"]}

        api("GetProposalTemplate", id=template["id"])
        api("UpdateProposalTemplate", body={"name": "Báo giá mới"}, id=template["id"])
        api("ListProposalTemplates")
        api("PreviewProposalTemplate", body={"template": {"name": "x", "blocks": [block]}})
        preview = api("PreviewProposal", body={"proposal": plan})
        draft, spare = (api("CreateProposal", body=plan) for _ in range(2))
        api("GetProposal", id=draft["id"])
        api("UpdateProposal", body={"title": "Máy lọc"}, id=draft["id"])
        api("DeleteProposal", id=spare["id"])
        pdf = api("GetProposalPdf", id=draft["id"])
        file = {"body": b"%PDF-1.7", "file_name": "gi\u00e1.pdf"}
        name = urlencode({"name": file["file_name"]})
        enclosed = api("AddProposalTemplateAttachment", **file, id=template["id"])
        of_template = api("GetProposalTemplateAttachment", query=name, id=template["id"])
        remove = {"name": file["file_name"]}
        api("RemoveProposalTemplateAttachment", body=remove, id=template["id"])
        api("AddProposalAttachment", **file, id=draft["id"])
        api("AddProposalAttachment", 400, body=b"x", file_name="b.pdf", id=draft["id"])
        api("AddProposalAttachment", body=b"%PDF-", file_name="b.pdf", id=draft["id"])
        api("RemoveProposalAttachment", body={"name": "b.pdf"}, id=draft["id"])
        attached = api("ListProposalAttachments", proposal_id=draft["id"])
        of_draft = api("GetProposalAttachment", query=name, id=draft["id"])
        sent = api("SendProposal", body=by, id=draft["id"])
        until(lambda: api("GetProposal", id=draft["id"])["state"] == "SENT", "sent")
        api("WithdrawProposal", body={"reason": "sai"}, id=draft["id"])
        api("ReviseProposal", body={}, id=draft["id"])
        api("UpdateProposal", body={"contact_id": None, "address": "a@b.vn"}, id=draft["id"])
        linked = api("LinkProposal", body={"contact_id": contact["id"]}, id=draft["id"])
        listed = api("ListProposals", query=f"contact_id={contact['id']}")
        happened = api("ListProposalEvents", proposal_id=draft["id"])

        assert preview["totals"]["total"] == 149 + 12
        assert pdf.startswith("%PDF-")
        assert [it["name"] for it in enclosed["attachments"]] == [file["file_name"]]
        assert [it["name"] for it in attached["attachments"]] == [file["file_name"]]
        assert of_template == of_draft == "%PDF-1.7"
        assert sent["proposal"]["number"].startswith("BG-")
        assert linked["contact_id"] == contact["id"]
        assert [it["id"] for it in listed["proposals"]] == [draft["id"]]
        assert [it["kind"] for it in happened["events"]] == [
            *("linked", "revised", "withdrawn", "sent")
        ]

    def test_templates_campaigns_and_runs(
        self, api: Api, contact: Any, advertiser: Any, sender: Any
    ) -> None:
        text = {"subject": "Chào {{ given_name }}", "html": "<p>Chào {{ given_name }}</p>"}
        template = api("CreateTemplate", body={"name": "Chào", "channel": "EMAIL", **text})
        spare = api("CreateTemplate", body={"name": "Bỏ", "channel": "EMAIL", **text})
        plan = {
            "name": "Tháng giêng",
            "channel": "EMAIL",
            "purpose": "CARE",
            "advertiser_id": advertiser["id"],
            "sender_identity_id": sender["id"],
            "template_id": template["id"],
            "audience": {"contact_ids": [contact["id"]]},
        }

        api("GetTemplate", id=template["id"])
        api("ListTemplates", query="channel=EMAIL")
        api("UpdateTemplate", body={"subject": "Xin chào"}, id=template["id"])
        api("PreviewTemplate", body={"template_id": template["id"]})
        with_file = api("AddAttachment", body="giá,tên".encode(), id=template["id"])
        too_large = api("AddAttachment", 400, body=b"x" * (3 * 2**20 + 1), id=template["id"])
        program = api("AddAttachment", 400, body=b"MZ", id=template["id"])
        api("AddAttachment", body=b"1,2", id=spare["id"])
        without = api("RemoveAttachment", body={"name": "a.csv"}, id=spare["id"])
        api("DeleteTemplate", id=spare["id"])
        campaign = api("CreateCampaign", body=plan)
        draft = api("CreateCampaign", body={**plan, "name": "Bỏ"})
        api("GetCampaign", id=campaign["id"])
        api("ListCampaigns", query="channel=EMAIL")
        api("UpdateCampaign", body={"name": "Tháng hai"}, id=campaign["id"])
        api("DeleteCampaign", id=draft["id"])
        copy = api("DuplicateCampaign", body={}, id=campaign["id"])
        several = api("BatchGetCampaigns", body={"ids": [copy["id"], campaign["id"]]})
        review = api("ReviewCampaign", id=campaign["id"])
        run = api("StartCampaign", body={}, id=campaign["id"])
        watched = api("WatchRun", id=run["id"])
        api("GetRun", id=run["id"])
        api("ListRuns", query=f"campaign_id={campaign['id']}")
        api("ListRecipients", run_id=run["id"])
        api("ListContactRecipients", contact_id=contact["id"])
        api("CountMessages", run_id=run["id"])
        ended = until(lambda: api("GetRun", id=run["id"])["end_time"], "the run's end")
        part = {"run_id": run["id"], "states": ["FAILED"]}
        again = api("DraftResend", body={"unreached": part, "name": "Lần hai"})
        file = api("ExportRecipients", run_id=run["id"])

        assert [it["name"] for it in with_file["attachments"]] == ["a.csv"]
        assert (review["attachments"], without["attachments"]) == (with_file["attachments"], [])
        assert {it["field"] for it in too_large["errors"]} == {"file"}
        assert {it["field"] for it in program["errors"]} == {"file"}
        assert review["audience"] == review["planned"] + sum(
            it["count"] for it in review["excluded"]
        )
        assert [it["name"] for it in several["campaigns"]] == ["Tháng hai (2)", "Tháng hai"]
        assert "event: run" in watched
        assert (bool(ended), again["audience"]["unreached"]["run_id"]) == (True, run["id"])
        assert file.splitlines()[0].endswith("update_time,campaign_name,campaign_id,rule")
        assert contact["id"] in file

    def test_a_run_is_paused_resumed_and_cancelled(
        self, api: Api, advertiser: Any, sender: Any
    ) -> None:
        body = {"name": "Chậm", "channel": "EMAIL", "subject": "x", "html": "<p>x</p>"}
        template = api("CreateTemplate", body=body)
        plan = {
            "name": "Chậm",
            "channel": "EMAIL",
            "purpose": "TRANSACTIONAL",
            "advertiser_id": advertiser["id"],
            "sender_identity_id": sender["id"],
            "template_id": template["id"],
            "audience": {},
            "max_per_second": 1,
        }
        many = [{"emails": [{"address": f"cham{n}@example.vn"}]} for n in range(20)]
        for each in many:
            api("CreateContact", body={"display_name": "Chậm", **each})
        campaign = api("CreateCampaign", body=plan)

        run = api("StartCampaign", body={}, id=campaign["id"])
        paused = api("PauseRun", id=run["id"])
        resumed = api("ResumeRun", id=run["id"])
        cancelled = api("CancelRun", id=run["id"])

        assert paused["state"] == "PAUSED"
        assert resumed["state"] in ("PLANNING", "SENDING")
        assert cancelled["state"] == "CANCELLED"
