"""Operations on messages, senders and requests answer 2xx to who may."""

import base64
import io
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import grpc
import pytest
from crm.interactions.v1 import portal_service_pb2
from crm.interactions.v1.portal_service_pb2_grpc import PortalServiceStub

from services.notifier import inbound
from services.notifier.domain.tokens import return_path
from services.notifier.domain.work import Key
from tests import customers
from tests.integration.gateway.operations.calls import Api, until
from tests.unit.notifier import inbound_parts


@pytest.mark.timeout(300)
class TestMessages:
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
        api("ListSenderIdentities", query=f"advertiser_id={advertiser['id']}")
        providers = api("ListProviders")

        assert [it["id"] for it in listed["messages"]] == [sent["id"]]
        assert [it["message"]["id"] for it in dossier["messages"]] == [sent["id"]]
        assert providers["providers"]
        assert (changed["name"], changed["added"]) == ("vn", 1)
        assert [it["name"] for it in lists["lists"]] == ["vn"]
        assert [it["id"] for it in agreements["agreements"]] == [agreement["id"]]

    def test_a_sender_is_renewed_as_it_was_read(self, api: Api, sender: Any) -> None:
        held = api("GetSenderIdentity", id=sender["id"])
        fresh = {"If-Match": f'"{held["etag"]}"'}
        renewed = {"reply_to": "hoi@mekong.example", "expire_time": "2099-01-02T03:04:05Z"}
        other = {"address": "khac@mekong.example"}

        kept = api("UpdateSenderIdentity", body=renewed, headers=fresh, id=sender["id"])
        api("UpdateSenderIdentity", 412, body=renewed, headers=fresh, id=sender["id"])
        refused = api("UpdateSenderIdentity", 400, body=other, id=sender["id"])
        ended = api("UpdateSenderIdentity", body={"expire_time": None}, id=sender["id"])

        assert kept == {**held, **renewed, "revision": kept["revision"], "etag": kept["etag"]}
        assert [it["field"] for it in refused["errors"]] == ["address"]
        assert ended["expire_time"] is None

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
