"""Two people who each see their own: one has things, the other has their ids."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

from google.protobuf import message_factory

from local.running import House
from services.gateway.api.routes import ROUTES
from services.gateway.api.table import PREFIX, Route
from tests.e2e.matrix import called, methods, path

SECONDS = 60.0
MARK = "kín đáo 7f3a"
"""In every text of the one who has things: where it shows to the other, something leaked."""
ACTIONS = ("read", "write", "delete", "export", "start", "erase")
OWNED = ("contacts", "follow_ups", "notes", "proposals", "requests", "campaigns")
OCCURRENCE = "2031-01-13T02:00:00Z"
NO_SUCH = "no such contact"
"""The reason of a field of a request that names somebody who is not there."""
SHARED = ("segments", "templates", "sources", "messages", "suppressions", "senders")


@dataclass(frozen=True)
class Answer:
    """What a call came to."""

    status: int
    text: str

    @property
    def json(self) -> Any:
        """The document, None where it is none."""
        try:
            return json.loads(self.text)
        except ValueError:
            return None

    @property
    def wrong(self) -> list[str]:
        """Of a request that could not be read the fields and what is wrong with them."""
        if self.status != 400:
            return []
        found = [f"{it['field']}: {it['reason']}" for it in self.json["errors"]]
        return [it for it in found if not it.endswith(NO_SUCH)] if found else [self.text]

    @property
    def hides(self) -> bool:
        """Whether it says that there is nothing, or nothing for this one: an empty list does."""
        if self.status == 200 and "next_page_token" in (self.json or ()):
            return not any(self.json.values())
        return self.status in (403, 404) or (self.status == 400 and not self.wrong)


@dataclass(frozen=True)
class Caller:
    """Somebody with a token."""

    url: str
    token: str

    def call(self, route: Route, path: Mapping[str, str], query: str, body: Any) -> Answer:
        """Call a route; a body of bytes is a file."""
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid.uuid4())}
        data: bytes | None = None
        if isinstance(body, bytes):
            headers["Content-Type"] = "multipart/form-data; boundary=b"
            head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n'
            data = head.encode() + body + b"\r\n--b--\r\n"
        elif route.method not in ("GET", "DELETE"):
            headers["Content-Type"] = "application/json"
            data = json.dumps(body or {}).encode()
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=SECONDS)
        address = PREFIX + route.path.format(**path) + (f"?{query}" if query else "")
        connection.request(route.method, address, data, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        connection.close()
        return Answer(answer.status, text)

    def __call__(self, name: str, body: Any = None, query: str = "", **path: str) -> Any:
        """Call a route that has to succeed, by its name; returns its document."""
        route = next(it for it in ROUTES if it.name == name)
        answer = self.call(route, path, query, body)
        assert answer.status == route.status, f"{name}: {answer.status} {answer.text}"
        return answer.json


def things(owner: Caller, house: Caller) -> dict[str, str]:
    """Make one of everything that somebody owns; returns ids by the name of their collection,
    and what calls about the contact have to name.

    `house` makes what is everybody's.
    """
    made: dict[str, str] = {}
    # A login is known by its address, and this is made more than once in a house.
    address = f"kin-{uuid.uuid4()}@example.vn"

    def add(collection: str, name: str, body: Any, **path: str) -> str:
        found = owner(name, body, **path)
        made[collection] = found.get("id") or found["feed"]["id"]
        return made[collection]

    contact = add(
        "contacts",
        "CreateContact",
        {"display_name": MARK, "emails": [{"address": address}], "company": MARK},
    )
    made["address"] = address
    made["reference_code"] = owner("GetContact", id=contact)["reference_code"]
    plan = {"title": MARK, "type": "CALL", "contact_ids": [contact]}
    meeting = {**plan, "type": "MEETING", "start_time": "2031-01-02T03:04:05Z"}
    add("follow-ups", "CreateFollowUp", meeting)
    batch = {**plan, "assign_to_owner": True, "start_time": "2032-01-02T03:04:05Z"}
    add("follow-up-batches", "CreateFollowUpBatch", batch)
    weekly = {"rrule": "FREQ=WEEKLY;BYDAY=MO", "start": "2031-01-06T09:00"}
    add("series", "CreateSeries", {**plan, "duration": {"seconds": 900}, "calendar": weekly})
    add("calendar-feeds", "CreateFeed", {"name": MARK})
    add("contact-logins", "CreateContactLogin", {"contact_id": contact, "channel": "EMAIL"})
    gone = owner("CreateContact", {"display_name": "Người đã quên"})
    sure = {"reason": "REQUESTED", "confirm": gone["reference_code"]}
    add("erasures", "EraseContact", sure, contact_id=gone["id"])
    add("notes", "CreateNote", {"text": MARK}, contact_id=contact)
    call = {"contact_id": contact, "kind": "CALL", "text": MARK}
    add("interactions", "CreateInteraction", {"interaction": call})
    template = house(
        "CreateProposalTemplate", {"name": f"x {uuid.uuid4()}", "blocks": [{"text": "x"}]}
    )
    line = {"description": MARK, "quantity": "1", "unit_price": 99, "vat_rate": "8"}
    proposal = {"title": MARK, "contact_id": contact, "template_id": template["id"]}
    add(
        "proposals",
        "CreateProposal",
        {**proposal, "lines": [line], "valid_until": "2099-12-31"},
    )
    sender = house(
        "CreateAdvertiser", {"name": f"x {uuid.uuid4()}", "postal_address": "1 Lê Lợi, Huế"}
    )
    made["advertisers"] = sender["id"]
    identity = house(
        "CreateSenderIdentity",
        {
            "advertiser_id": sender["id"],
            "channel": "EMAIL",
            "address": f"a-{uuid.uuid4()}@mekong.example",
        },
    )
    made["sender-identities"] = identity["id"]
    mail = {"name": f"x {uuid.uuid4()}", "channel": "EMAIL", "subject": "x", "html": "<p>x</p>"}
    made["templates"] = house("CreateTemplate", mail)["id"]
    add(
        "campaigns",
        "CreateCampaign",
        {
            "name": MARK,
            "channel": "EMAIL",
            "purpose": "CARE",
            "advertiser_id": sender["id"],
            "sender_identity_id": identity["id"],
            "template_id": made["templates"],
            "audience": {"contact_ids": [contact]},
        },
    )
    made["life-stages"] = house("CreateLifeStage", {"name": f"stage {uuid.uuid4()}"})["id"]
    return made


def asked_for(house: House, token: str) -> str:
    """Have the customer of a token ask for something; returns the request's id."""
    name = "/crm.interactions.v1.PortalService/CreateMyRequest"
    method = next(it for it in methods() if path(it) == name)
    request = message_factory.GetMessageClass(method.input_type)(subject=MARK, text=MARK)
    code, reason, answers = called(house, method, token, request)
    assert not reason, (code, reason)
    made: Any = message_factory.GetMessageClass(method.output_type).FromString(answers[0])
    return str(made.id)


def bodies(made: Mapping[str, str]) -> dict[str, Any]:
    """What is asked where an empty request would be refused before anybody looks whose it is."""
    contact, follow_up = made["contacts"], made["follow-ups"]
    said = {"purpose": "MARKETING", "channel": "EMAIL", "method": "x"}
    proof = {"time": "2026-01-02T03:04:05Z", "evidence": "x"}
    return {
        "UpdateContact": {"company": "x"},
        "ConfirmAddress": {"address": made["address"]},
        "EraseContact": {"reason": "REQUESTED", "confirm": made["reference_code"]},
        "CreateContactLogin": {"contact_id": contact, "channel": "EMAIL"},
        "ChangeStatus": {"status": "CONTACTED"},
        "MoveToLifeStage": {"life_stage_id": made["life-stages"]},
        "GiveConsent": {**said, **proof, "advertiser_id": made["advertisers"]},
        "WithdrawConsent": said,
        "BatchGetContacts": {"ids": [contact]},
        "UpdateFollowUp": {"title": "x"},
        "CompleteFollowUp": {"outcome": "x"},
        "CancelFollowUp": {"reason": "x"},
        "CreateFollowUp": {
            "title": "x",
            "type": "CALL",
            "contact_ids": [contact],
            "start_time": "2031-01-02T03:04:05Z",
        },
        "RescheduleFollowUps": {"follow_ups": [{"id": follow_up}], "day": "2031-01-20"},
        "UpdateSeries": {"title": "x"},
        "SkipOccurrence": {"recurrence_time": OCCURRENCE},
        "SplitSeries": {"recurrence_time": OCCURRENCE, "series": {"title": "x"}},
        "ReplyToRequest": {"text": "x"},
        "CreateNote": {"text": "x"},
        "UpdateNote": {"text": "x"},
        "CreateInteraction": {"interaction": {"contact_id": contact, "kind": "CALL", "text": "x"}},
        "BatchGetStandings": {"contact_ids": [contact]},
        "UpdateProposal": {"title": "x"},
        "LinkProposal": {"contact_id": contact},
        "SendProposal": {
            "advertiser_id": made["advertisers"],
            "sender_identity_id": made["sender-identities"],
        },
        "RemoveProposalAttachment": {"name": "a.pdf"},
        "AddProposalAttachment": b"%PDF-1.7",
        "UpdateCampaign": {"name": "x"},
        "BatchGetCampaigns": {"ids": [made["campaigns"]]},
    }


def asked(route: Route, made: Mapping[str, str]) -> str:
    """A query that names the other's things wherever the call takes an id, and all the rest."""
    by_field = {
        "contact_id": made["contacts"],
        "contact_ids": made["contacts"],
        "follow_up_id": made["follow-ups"],
        "proposal_id": made["proposals"],
        "campaign_id": made["campaigns"],
        "user_id": str(uuid.uuid4()),
        "organizer_email": "to@mekong.example",
        "query": MARK,
        "time_zone": "Asia/Ho_Chi_Minh",
        "name": "a.pdf",
    }
    if route.body or route.kind in ("upload", "file"):
        return ""
    path = set(route.parameters.values())
    fields = [it.name for it in route.descriptor.input_type.fields if it.name not in path]
    return urlencode({name: by_field[name] for name in fields if name in by_field})
