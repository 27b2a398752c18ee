"""Every REST operation answers 2xx to who may, over the real services."""

import base64
import io
import json
import re
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import grpc
import pyotp
import pytest
from crm.interactions.v1 import portal_service_pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub

from local import running
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import PREFIX
from services.notifier import inbound
from services.notifier.domain.tokens import return_path
from services.notifier.domain.work import Key
from tests import customers
from tests.unit.notifier import inbound_parts

SECONDS = 60.0


class Api:
    """Calls one gateway as a signed-in API client, and remembers which operations were called."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url).netloc
        self.identity: dict[str, str] = {}
        self.called: set[str] = set()

    def __call__(
        self,
        operation: str,
        expected: int = 0,
        /,
        *,
        query: str = "",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        file_name: str = "a.csv",
        **path: str,
    ) -> Any:
        """Call an operation by its name (`GetContact`); returns the JSON of its answer."""
        route = next(it for it in ROUTES if it.name == operation)
        key = str(uuid.uuid4())
        given = {**self.identity, "Idempotency-Key": key, **(headers or {})}
        data, kind = body, "text/csv"
        if not isinstance(body, bytes):
            data, kind = json.dumps(body).encode() if body is not None else None, "application/json"
        elif route.kind in ("upload", "file"):
            kind = "multipart/form-data; boundary=b"
            head = f'--b\r\nContent-Disposition: form-data; name="file"; filename="{file_name}"'
            data = head.encode() + b"\r\n\r\n" + body + b"\r\n--b--\r\n"
        address = PREFIX + route.path.format(**path) + (f"?{query}" if query else "")
        connection = HTTPConnection(self._address, timeout=SECONDS)
        connection.request(route.method, address, data, {**given, "Content-Type": kind})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        assert answer.status == (expected or route.status), f"{operation}: {answer.status} {text}"
        if answer.status == route.status:
            self.called.add(operation)
        is_json = "json" in (answer.getheader("Content-Type") or "")
        return json.loads(text) if is_json else text


def until(found: Any, what: str) -> Any:
    ends = time.monotonic() + SECONDS
    while time.monotonic() < ends:
        it = found()
        if it:
            return it
        time.sleep(0.1)
    raise AssertionError(f"not within {SECONDS} seconds: {what}")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    # Somebody who is invited gets no mail: this house has no sender of that id.
    names = ("staff_sender_identity_id", "contact_email_identity_id")
    senders = [it for name in names for it in ("--set", f"accounts.{name}={uuid.uuid4()}")]
    with running.house(tmp_path_factory.mktemp("house"), *senders) as made:
        yield made


@pytest.fixture(scope="module")
def api(house: Any) -> Api:
    state = house.state
    made = Api(state["gateway_url"])
    secret = Path(state["client_secret_file"]).read_text().strip()
    body = {"client_id": state["client_id"], "client_secret": secret}
    token = made("IssueToken", body=body)["token"]
    made.identity = {"Authorization": f"Bearer {token}"}
    return made


@pytest.fixture
def person(api: Api, house: Any) -> Api:
    """The same as the first user, by the session of a browser."""
    cookie = _signed_in(house).partition(";")[0]
    home = urllib.request.Request(house.state["gateway_url"], headers={"Cookie": cookie})  # noqa: S310
    page = urllib.request.urlopen(home).read().decode()  # noqa: S310
    found = re.search(r'name="csrf-token" content="([0-9a-f]+)"', page)
    assert found is not None
    made = Api(house.state["gateway_url"])
    made.identity, made.called = {"Cookie": cookie, "X-CSRF-Token": found[1]}, api.called
    return made


def _signed_in(house: Any) -> str:
    """Sign the first user in; returns the cookie that was set."""
    email = house.state["first_user"]
    password = Path(house.state["first_password_file"]).read_text().strip()
    connection = HTTPConnection(urlsplit(house.state["gateway_url"]).netloc, timeout=SECONDS)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"email": email, "password": password})
    connection.request("POST", "/sign-in", form, kind)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.getheader("Set-Cookie") or ""


@pytest.fixture(scope="module")
def advertiser(api: Api) -> Any:
    return api("CreateAdvertiser", body={"name": "Mekong", "postal_address": "1 Lê Lợi, Huế"})


@pytest.fixture(scope="module")
def sender(api: Api, advertiser: Any) -> Any:
    body = {
        "advertiser_id": advertiser["id"],
        "channel": "EMAIL",
        "address": "chao@mekong.example",
        "display_name": "Mekong",
    }
    return api("CreateSenderIdentity", body=body)


@pytest.fixture(scope="module")
def contact(api: Api) -> Any:
    body = {
        "family_name": "Nguyễn",
        "given_name": "Thị Đào",
        "phones": [{"number": "0912 345 678"}],
        "emails": [{"address": "dao@example.vn"}],
    }
    return api("CreateContact", body=body)


@pytest.mark.timeout(300)
class TestEveryOperation:
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

    def test_follow_ups_notes_and_the_timeline(self, api: Api, contact: Any) -> None:
        one = contact["id"]
        plan = {
            "title": "Gọi lại",
            "type": "CALL",
            "contact_ids": [one],
            "start_time": "2030-01-02T03:04:05Z",
        }
        first, second, third = (api("CreateFollowUp", body=plan) for _ in range(3))

        api("GetFollowUp", id=first["id"])
        listed = api("ListFollowUps", query=f"contact_id={one}&types=CALL")
        api("UpdateFollowUp", body={"title": "Gọi sớm"}, id=first["id"])
        done = api("CompleteFollowUp", body={"outcome": "hẹn mua"}, id=first["id"])
        cancelled = api("CancelFollowUp", body={"reason": "bận"}, id=second["id"])
        api("DeleteFollowUp", id=third["id"])
        note = api("CreateNote", body={"text": "thích màu xanh"}, contact_id=one)
        api("GetNote", id=note["id"])
        api("UpdateNote", body={"text": "thích màu đỏ"}, id=note["id"])
        api("ListNotes", contact_id=one)
        story = api("ListTimeline", contact_id=one)
        api("DeleteNote", id=note["id"])

        assert len(listed["follow_ups"]) == 3
        assert done["status"] == "COMPLETED"
        assert cancelled["status"] == "CANCELLED"
        assert story["entries"]

    def test_notifications(self, api: Api, person: Api, contact: Any) -> None:
        me = person("GetUser", id="me")
        note = {"text": "@Lan xem giúp", "mentioned_user_ids": [me["id"]]}

        written = [api("CreateNote", body=note, contact_id=contact["id"]) for _ in range(2)]
        told = person("ListNotifications", query="unread_only=true")["notifications"]
        counted = person("CountUnreadNotifications")
        read = person("MarkNotificationRead", id=told[0]["id"])
        rest = person("MarkAllNotificationsRead", body={})
        wanted = person("GetNotificationPreferences")
        chosen = person("UpdateNotificationPreferences", body={"daily_digest": False})

        assert [it["note_id"] for it in told] == [it["id"] for it in reversed(written)]
        assert (counted["count"], rest["count"]) == (2, 1)
        assert read["read_time"]
        assert (wanted["daily_digest"], chosen["daily_digest"]) == (True, False)

    def test_requests_of_customers(self, api: Api, contact: Any, house: Any) -> None:
        token = customers.token(customers.keyring(house), house, contact["id"])
        with grpc.insecure_channel(house.state["grpc"]["interactions"]) as channel:
            asking = portal_service_pb2.CreateMyRequestRequest(subject="Bảo hành", text="Kêu to")
            made = PortalServiceStub(channel).CreateMyRequest(
                asking, metadata=[("authorization", f"Bearer {token}")]
            )

        listed = api("ListRequests", query=f"contact_id={contact['id']}&states=OPEN")["requests"]
        answered = api("ReplyToRequest", body={"text": "Mai có thợ"}, id=made.id)
        closed = api("CloseRequest", body={"etag": answered["etag"]}, id=made.id)
        kept = api("GetRequest", id=made.id)

        assert [it["subject"] for it in listed] == ["Bảo hành"]
        assert [it["text"] for it in kept["replies"]] == ["Mai có thợ"]
        assert (answered["state"], closed["state"]) == ("ANSWERED", "CLOSED")

    def test_the_calendar_and_its_feeds(
        self, api: Api, person: Api, house: Any, contact: Any
    ) -> None:
        plan = {
            "title": "Họp",
            "type": "MEETING",
            "contact_ids": [contact["id"]],
            "start_time": "2031-01-02T03:04:05Z",
        }
        range_ = "range_start=2031-01-01T00:00:00Z&range_end=2031-02-01T00:00:00Z"

        meeting = person("CreateFollowUp", body=plan)
        move = {"follow_ups": [{"id": meeting["id"], "etag": "1"}], "day": "2031-01-20"}
        moved = api("RescheduleFollowUps", body=move)
        by = {"follow_ups": [{"id": meeting["id"]}], "offset": {"seconds": 3600}}
        api("RescheduleFollowUps", body=by)
        shown = api("ListCalendar", query=f"{range_}&types=MEETING")
        busy = person("CheckOverlaps", query="start_time=2031-01-20T04:10:00Z")
        file = api("GetInvitation", query="organizer_email=lan@mekong.example", id=meeting["id"])
        made = person("CreateFeed", body={"name": "Điện thoại"})
        listed = person("ListFeeds")
        read = urllib.request.urlopen(house.state["gateway_url"] + made["path"]).read()  # noqa: S310
        person("RevokeFeed", id=made["feed"]["id"])

        assert moved["entries"][0]["start_time"] == "2031-01-20T03:04:05Z"
        assert [it["start_time"] for it in shown["entries"]] == ["2031-01-20T04:04:05Z"]
        assert [it["id"] for it in busy["entries"]] == [meeting["id"]]
        assert file.startswith("BEGIN:VCALENDAR\r\n")
        assert [it["id"] for it in listed["feeds"]] == [made["feed"]["id"]]
        assert read.startswith(b"BEGIN:VCALENDAR\r\n")

    def test_logged_calls_next_steps_and_queues(self, api: Api, contact: Any) -> None:
        one = contact["id"]
        step = {"title": "Gặp lại", "type": "MEETING", "start_time": "2030-01-02T03:04:05Z"}
        call = {"contact_id": one, "kind": "CALL", "duration": {"seconds": 95}, "text": "hỏi giá"}
        logged = api("CreateInteraction", body={"interaction": call, "next": step})
        got = api("GetInteraction", id=logged["id"])
        (stands,) = api("BatchGetStandings", body={"contact_ids": [one]})["standings"]
        late = {**step, "contact_ids": [one], "start_time": "2026-01-02T03:04:05Z"}
        planned = api("CreateFollowUp", body=late)
        overdue = api("ListQueue", query="queue=OVERDUE&time_zone=Asia/Ho_Chi_Minh")
        day = api("GetDay", query="page_size=1000")
        lead = api("CreateContact", body={"display_name": "Bước"})["id"]
        api("CreateFollowUp", body={**step, "contact_ids": [lead]})
        sorted_ = api("ListStandings", query="order=NEXT_EARLIEST&page_size=1000")
        api("DeleteInteraction", id=logged["id"])

        assert planned["id"] in {it["follow_up"]["id"] for it in day["overdue"]["items"]}
        assert lead in {it["contact_id"] for it in sorted_["standings"]}
        assert got == logged
        assert stands["next_follow_up_id"] == logged["next_follow_up_id"]
        assert stands["last_interaction_kind"] == "call"
        assert planned["id"] in {it["follow_up"]["id"] for it in overdue["items"]}

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

    def test_follow_ups_that_send_themselves(self, api: Api, advertiser: Any, sender: Any) -> None:
        address = "theo-doi@example.vn"
        person = api("CreateContact", body={"emails": [{"address": address}]})
        plan = {
            "title": "Chăm sóc",
            "type": "EMAIL",
            "contact_ids": [person["id"]],
            "start_time": "2026-01-02T03:04:05Z",
            "message": {
                "purpose": "TRANSACTIONAL",
                "advertiser_id": advertiser["id"],
                "sender_identity_id": sender["id"],
                "subject": "Chào {{ display_name }}",
                "text": "Cảm ơn",
            },
        }

        shown = api("PreviewFollowUp", body={"follow_up": plan})
        planned = api("CreateFollowUp", body=plan)

        def sent() -> Any:
            found = api("ListFollowUpDeliveries", follow_up_id=planned["id"])["deliveries"]
            return found and found[0]["state"] == "SENT"

        assert shown["rendered"][0]["address"] == address
        until(sent, "it is sent by itself")
        until(lambda: api("GetFollowUp", id=planned["id"])["status"] == "COMPLETED", "it is done")

    def test_a_contact_is_reminded_of_a_call(self, api: Api, advertiser: Any, sender: Any) -> None:
        person = api("CreateContact", body={"emails": [{"address": "nhac-hen@example.vn"}]})
        start = datetime.now(UTC) + timedelta(seconds=62)
        to_contact = {
            "channel": "EMAIL",
            "purpose": "TRANSACTIONAL",
            "advertiser_id": advertiser["id"],
            "sender_identity_id": sender["id"],
        }
        plan = {
            "title": "Gọi",
            "type": "CALL",
            "contact_ids": [person["id"]],
            "start_time": start.isoformat(),
            "reminders": [{"minutes_before": 1, "to_contact": to_contact}],
        }

        planned = api("CreateFollowUp", body=plan)

        def sent() -> Any:
            found = api("ListContactReminders", follow_up_id=planned["id"])["reminders"]
            return found and found[0]["state"] == "SENT"

        assert planned["reminders"][0]["to_contact"] == to_contact
        until(sent, "the contact is reminded")

    def test_mails_that_come_back(
        self, house: Any, api: Api, advertiser: Any, sender: Any, tmp_path: Path
    ) -> None:
        address = "tra-lai@example.vn"
        person = api("CreateContact", body={"emails": [{"address": address}]})
        message = {
            "channel": "EMAIL",
            "address": address,
            "purpose": "TRANSACTIONAL",
            "advertiser_id": advertiser["id"],
            "sender_identity_id": sender["id"],
            "subject": "Mã xác nhận",
            "text": "123456",
        }
        sent = api("SendMessage", body=message)
        until(lambda: api("GetMessage", id=sent["id"])["state"] == "ACCEPTED", "it is taken")
        key = Key(date.fromisoformat(sent["run_date"]), uuid.UUID(sent["id"]))
        mac_key = (house.home / "secrets" / "mac_key").read_bytes().strip()
        path = return_path(key, "mekong.localhost", mac_key)
        told = {"recipient": path, "data": base64.b64encode(inbound_parts.vacation()).decode()}
        options = ["--gateway", house.state["gateway_url"], "--token-file", str(tmp_path / "token")]
        options += ["--client-id", house.state["client_id"]]
        options += ["--secret-file", house.state["client_secret_file"]]

        bounce = inbound_parts.postfix().replace(b"dao@example.vn", address.encode())

        heard = api("ReportMail", body=told)
        ends = [
            inbound.main([*options, to], io.BytesIO(bounce))
            for to in (path, path, "b-00@mekong.localhost")
        ]

        assert heard["kind"] == "AUTOMATIC"
        assert ends == [0, 0, 65]
        until(lambda: api("GetMessage", id=sent["id"])["state"] == "BOUNCED", "it came back")
        assert api("GetMessage", id=sent["id"])["reason"] == "ADDRESS_INVALID"
        until(lambda: not api("GetContact", id=person["id"])["emails"][0]["valid"], "leads hears")
        confirmed = api("ConfirmAddress", body={"address": address}, id=person["id"])
        assert confirmed["emails"][0]["valid"]

    def test_messages_suppressions_and_senders(
        self, api: Api, advertiser: Any, sender: Any
    ) -> None:
        message = {
            "channel": "EMAIL",
            "address": "otp@example.vn",
            "purpose": "TRANSACTIONAL",
            "advertiser_id": advertiser["id"],
            "sender_identity_id": sender["id"],
            "subject": "Mã xác nhận",
            "text": "123456",
        }
        gone = {"channel": "EMAIL", "address": "khong@example.vn", "reason": "by hand"}

        sent = api("SendMessage", body=message)
        api("GetMessage", id=sent["id"])
        listed = api("ListMessages", query="address=otp%40example.vn")
        dossier = api("LookUpAddress", body={"address": "OTP@example.vn", "reason": "she asked"})
        suppression = api("CreateSuppression", body=gone)
        api("ListSuppressions", query="channel=EMAIL")
        api("DeleteSuppression", id=suppression["id"])
        numbers = {"additions": ["+84901111111"], "as_of": "2026-01-01T00:00:00Z"}
        changed = api("ChangeDoNotCallList", body=numbers, list="vn")
        lists = api("ListDoNotCallLists")
        terms = {
            "advertiser_id": advertiser["id"],
            "channel": "SMS",
            "address": "+84901111111",
            "most": 5,
            "windows": ["06:00-23:00"],
            "evidence": "hợp đồng 12",
        }
        agreement = api("CreateAgreement", body=terms)
        agreements = api("ListAgreements", query="address=%2B84901111111")
        api("DeleteAgreement", id=agreement["id"])
        api("GetAdvertiser", id=advertiser["id"])
        api("ListAdvertisers")
        api("UpdateAdvertiser", body={"contact": "0234 123 456"}, id=advertiser["id"])
        api("GetSenderIdentity", id=sender["id"])
        api("ListSenderIdentities", query=f"advertiser_id={advertiser['id']}")
        providers = api("ListProviders")

        assert [it["id"] for it in listed["messages"]] == [sent["id"]]
        assert [it["message"]["id"] for it in dossier["messages"]] == [sent["id"]]
        assert providers["providers"]
        assert (changed["name"], changed["added"]) == ("vn", 1)
        assert [it["name"] for it in lists["lists"]] == ["vn"]
        assert [it["id"] for it in agreements["agreements"]] == [agreement["id"]]

    def test_working_hours(self, api: Api) -> None:
        monday = {"weekday": 1, "start": "08:00", "end": "17:30"}
        holiday = {"date": "2026-09-02", "name": "Quốc khánh"}

        api("UpdateWorkingHours", body={"intervals": [monday], "holidays": [holiday]})
        kept = api("GetWorkingHours")
        api("UpdateWorkingHours", body={"intervals": [], "holidays": []})

        assert (kept["intervals"], kept["holidays"]) == ([monday], [holiday])

    def test_what_a_person_leaves_behind(self, api: Api) -> None:
        leaver, taker = str(uuid.uuid4()), str(uuid.uuid4())

        count = api("CountReassignment", query=f"user_id={leaver}")
        given = api("ReassignFollowUps", body={"user_id": leaver, "to_user_id": taker})

        assert (count["follow_up_count"], given["remaining_count"]) == (0, 0)

    def test_follow_ups_for_many(self, api: Api, contact: Any) -> None:
        plan = {
            "title": "Gọi chăm sóc",
            "type": "CALL",
            "contact_ids": [contact["id"]],
            "assign_to_owner": True,
            "start_time": "2032-01-02T03:04:05Z",
        }

        made = api("CreateFollowUpBatch", body=plan)
        api("GetFollowUpBatch", id=made["id"])
        listed = api("ListFollowUpBatches")
        api("CancelFollowUpBatch", id=made["id"])
        api("CountFollowUpBatchRevert", id=made["id"])
        reverted = api("RevertFollowUpBatch", id=made["id"])

        assert made["contact_count"] == 1
        assert reverted["state"] in {"REVERTING", "REVERTED"}
        assert [it["id"] for it in listed["follow_up_batches"]] == [made["id"]]

    def test_series(self, api: Api, contact: Any) -> None:
        calendar = {"rrule": "FREQ=WEEKLY;BYDAY=MO,TH", "start": "2030-01-07T09:00"}
        plan = {
            "title": "Hỏi thăm",
            "type": "CALL",
            "contact_ids": [contact["id"]],
            "duration": {"seconds": 900},
            "calendar": calendar,
        }

        preview = api("PreviewSeries", body={"calendar": calendar, "count": 3})
        made = api("CreateSeries", body=plan)
        api("GetSeries", id=made["id"])
        listed = api("ListSeries", query=f"contact_id={contact['id']}")
        changed = api("UpdateSeries", body={"title": "Chào hỏi"}, id=made["id"])
        monday, thursday, next_monday = (it["time"] for it in preview["occurrences"])
        skipped = api("SkipOccurrence", body={"recurrence_time": thursday}, id=made["id"])
        rest = {"recurrence_time": next_monday, "series": {"title": "Từ nay"}}
        following = api("SplitSeries", body=rest, id=made["id"])
        paused = api("PauseSeries", id=following["id"])
        resumed = api("ResumeSeries", id=following["id"])
        deleted = api("DeleteSeries", id=made["id"])

        assert monday == "2030-01-07T02:00:00Z"
        assert [it["id"] for it in listed["series"]] == [made["id"]]
        assert changed["title"] == "Chào hỏi"
        assert skipped["calendar"]["exceptions"] == ["2030-01-10T09:00:00"]
        assert following["previous_series_id"] == made["id"]
        assert (paused["state"], resumed["state"]) == ("PAUSED", "ACTIVE")
        assert deleted["handed_over_count"] == 0

    def test_messages_in_doubt(self, api: Api, advertiser: Any, sender: Any) -> None:
        for n in range(2):
            message = {
                "channel": "EMAIL",
                "address": f"close-{n}@example.vn",  # taken, and hung up on instead of answered
                "purpose": "TRANSACTIONAL",
                "advertiser_id": advertiser["id"],
                "sender_identity_id": sender["id"],
                "subject": "Mã xác nhận",
                "text": "123456",
            }
            api("SendMessage", body=message)

        def both() -> Any:
            found = api("ListDoubts", query="channel=EMAIL&doubt_until=2100-01-02T03:04:05Z")
            return found["doubts"] if len(found["doubts"]) == 2 else None

        first, second = (it["message"]["id"] for it in until(both, "doubts"))
        read = api("GetDoubt", message_id=first)
        said = {"act": "ACCEPTED", "reason": "asked the provider", "etag": read["etag"]}
        settled = api("SettleDoubt", body=said, message_id=first)
        again = {"reason": "she waits", "accept_duplicate": True}
        resent = api("ResendDoubt", body=again, message_id=second)
        past = {"provider": "smtp", "doubt_until": "2026-01-02T03:04:05Z"}
        none = api("SettleDoubts", body={"filter": past, "act": "ABANDONED", "reason": "gone"})
        api("ResendDoubts", body={"filter": past, **again})
        deeds = api("ListDoubtDeeds")["deeds"]

        assert read["written"] is True
        assert (settled["act"], resent["act"], none["count"]) == ("ACCEPTED", "SENT_AGAIN", 0)
        assert [it["message_id"] for it in deeds] == [second, first]

    def test_people_programs_and_the_audit_log(self, api: Api) -> None:
        right = {"resource": "contacts", "action": "read", "level": "OWN"}
        role = api("CreateRole", body={"name": "Thực tập", "rights": [right]})
        team = api("CreateTeam", body={"name": "Miền Trung"})
        person = {"email": "lan@mekong.example", "display_name": "Lan", "role_id": role["id"]}
        password = "con ngựa đá con ngựa"

        user = api("CreateUser", body={"user": person, "password": password})
        api("GetUser", id=user["id"])
        api("ListUsers", query="include_inactive=true")
        api("UpdateUser", body={"team_id": team["id"]}, id=user["id"])
        api("SetPassword", body={"new_password": password + " đá"}, id=user["id"])
        api("ListTeams")
        api("UpdateTeam", body={"name": "Miền Trung và Tây Nguyên"}, id=team["id"])
        api("ListRoles")
        api("UpdateRole", body={"name": "Tập sự"}, id=role["id"])
        api("ResetSecondFactor", id=user["id"])
        api("UnlinkOidcUser", id=user["id"])
        api("DeactivateUser", id=user["id"])
        guest = {**person, "email": "guest@mekong.example"}
        invited = api("CreateUser", body={"user": guest})
        api("InviteUser", id=invited["id"])
        client = api("CreateApiClient", body={"name": "pos", "rights": [right]})
        api("ListApiClients", query="query=pos&state=ACTIVE")
        api("GetApiClient", id=client["id"])
        limited = api("UpdateApiClient", body={"requests_per_minute": 90}, id=client["id"])
        half_day = {"old_secret_lifetime": {"seconds": 43_200}}
        rotated = api("RotateApiClientSecret", body=half_day, id=client["id"])
        api("RevokeApiClient", id=client["id"])
        entries = until(lambda: api("ListAuditEntries")["entries"], "audit entries")
        exported = api("ExportAuditEntries", query="service=accounts&action_prefix=user.")
        verdict = api("VerifyAudit")
        erase = {"subject_type": "user", "subject_id": user["id"]}
        api("EraseAuditValues", body=erase)

        assert invited["invited"]
        assert client["secret"]
        assert limited["requests_per_minute"] == 90
        assert rotated["secret"] not in ("", client["secret"])
        assert len(rotated["secrets"]) == 2
        assert entries[0]["sequence"] >= 1
        assert exported.lstrip("\ufeff").startswith("sequence,time,service,actor_id")
        assert (verdict["intact"], verdict["next_page_token"]) == (True, "")

    def test_logins_of_customers(self, api: Api) -> None:
        def customer(name: str) -> dict[str, Any]:
            return {"display_name": name, "emails": [{"address": f"{name}@cong.example"}]}

        known = api("CreateContact", body=customer("mai"))
        login = api("CreateContactLogin", body={"contact_id": known["id"], "channel": "EMAIL"})
        both = {"contact": customer("hoa"), "channel": "EMAIL"}
        together = api("CreateContactWithLogin", body=both)
        listed = until(
            lambda: {it["contact_id"]: it for it in api("ListContactLogins")["contact_logins"]}.get(
                together["id"]
            ),
            "the login of who was created with one",
        )
        disabled = api("DisableContactLogin", body={}, id=login["id"])
        enabled = api("EnableContactLogin", body={}, id=login["id"])
        api("InviteContact", body={"channel": "EMAIL"}, id=login["id"])
        kept = api("GetContactLogin", id=login["id"])
        api("DeleteContactLogin", id=login["id"])

        assert (login["state"], disabled["state"]) == ("INVITED", "DISABLED")
        assert enabled["state"] == kept["state"] == "INVITED"
        assert listed["address"] == "hoa@cong.example"

    def test_why_somebody_can_see_something(
        self, api: Api, contact: Any, advertiser: Any, sender: Any
    ) -> None:
        lan = api("ListUsers")["users"][0]["id"]
        who = f"user_id={lan}"
        plan = {"title": "Gọi", "type": "CALL", "contact_ids": [contact["id"]]}
        call = api("CreateFollowUp", body={**plan, "start_time": "2030-01-02T03:04:05Z"})
        blocks = {"name": "Báo giá ngắn", "blocks": [{"text": "Kính gửi"}]}
        form = api("CreateProposalTemplate", body=blocks)
        offer = {"title": "Báo giá", "contact_id": contact["id"], "template_id": form["id"]}
        proposal = api("CreateProposal", body={**offer, "valid_until": "2099-12-31"})
        text = {"subject": "Chào", "html": "<p>Chào</p>"}
        template = api("CreateTemplate", body={"name": "Vì sao", "channel": "EMAIL", **text})
        by = {"advertiser_id": advertiser["id"], "sender_identity_id": sender["id"]}
        draft = {"name": "Vì sao", "channel": "EMAIL", "purpose": "CARE", "audience": {}, **by}
        campaign = api("CreateCampaign", body={**draft, "template_id": template["id"]})

        told = [
            api("ExplainContactAccess", id=contact["id"], query=who),
            api("ExplainFollowUpAccess", id=call["id"], query=who),
            api("ExplainProposalAccess", id=proposal["id"], query=who),
            api("ExplainCampaignAccess", id=campaign["id"], query=who),
        ]

        assert [it["actions"][0]["ground"] for it in told] == ["ALL"] * 4

    def test_sessions(self, api: Api, house: Any) -> None:
        cookie, email = _signed_in(house), house.state["first_user"]
        users = api("ListUsers")["users"]
        first = next(it for it in users if it["email"] == email)

        sessions = api("ListSessions", query=f"user_id={first['id']}")["sessions"]
        api("RevokeSession", id=sessions[0]["id"])

        assert "mekong=" in cookie

    def test_the_second_factor(self, person: Api, house: Any) -> None:
        password = Path(house.state["first_password_file"]).read_text().strip()

        begun = person("EnrollSecondFactor", body={"password": password})
        code = pyotp.TOTP(begun["secret"]).now()
        codes = person("ConfirmSecondFactor", body={"code": code})["codes"]
        state = person("GetSecondFactor", id="me")
        proof = {"password": password, "code": codes[0]}
        fresh = person("ReplaceRecoveryCodes", body=proof)["codes"]
        person("RemoveSecondFactor", body={"password": password, "code": fresh[0]})
        identity = person("GetOidcIdentity", id="me")
        person("UnlinkOwnOidcIdentity", body={"password": password})

        assert (state["enrolled"], state["recovery_codes_left"]) == (True, 10)
        assert identity["linked"] is False

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

    def test_none_was_left_out(self, api: Api) -> None:
        assert {route.name for route in ROUTES} - api.called == set()


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
