"""Every method and every route as a customer: what is for customers answers, of their own alone.

Made from the contracts: a new method for customers without a case here fails.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import aiohttp
import grpc
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

from chassis.rpc.rights import Caller
from local.demo.api import Api
from local.running import House
from services import rights
from services.accounts.usecases.keyring import Keyring
from services.gateway.api.routes import ROUTES
from tests import customers
from tests.e2e.matrix import BROKEN, called, methods, path, requested

pytestmark = pytest.mark.timeout(300)

SECONDS = 60.0


@dataclass(frozen=True)
class Case:
    """What a method is asked with: the fields, and the id of which kind of thing, if any."""

    of: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)


_LEADS, _DONE = "/crm.leads.v1.PortalService", "/crm.interactions.v1.PortalService"
_CONSENT = {"advertiser_id": str(uuid4()), "purpose": "PURPOSE_CARE", "channel": "CHANNEL_SMS"}
CASES: Mapping[str, Case] = {
    "/crm.accounts.v1.PortalService/ExportMyLogin": Case(),
    f"{_LEADS}/GetMyProfile": Case(),
    f"{_LEADS}/UpdateMyProfile": Case(fields={"profile": {"salutation": "Anh"}}),
    f"{_LEADS}/ListMyConsents": Case(),
    f"{_LEADS}/ChangeMyConsent": Case(fields=_CONSENT),
    f"{_LEADS}/ListMyTransactions": Case(),
    f"{_LEADS}/ExportMyData": Case(),
    f"{_DONE}/ListMyProposals": Case(),
    f"{_DONE}/GetMyProposal": Case("proposal"),
    f"{_DONE}/GetMyProposalPdf": Case("proposal"),
    f"{_DONE}/GetMyProposalAttachment": Case("proposal", {"name": "a.pdf"}),
    f"{_DONE}/SeeMyProposal": Case("proposal", {"issue": 1}),
    f"{_DONE}/AcceptMyProposal": Case("proposal", {"issue": 7, "name": "Mai"}),
    f"{_DONE}/DeclineMyProposal": Case("proposal", {"issue": 7}),
    f"{_DONE}/CommentMyProposal": Case("proposal", {"text": "xem lại"}),
    f"{_DONE}/ListMyAppointments": Case(),
    f"{_DONE}/GetMyAppointment": Case("appointment"),
    f"{_DONE}/AskForAnotherTime": Case("appointment", {"text": "mai"}),
    f"{_DONE}/ListMyRequests": Case(),
    f"{_DONE}/GetMyRequest": Case("request"),
    f"{_DONE}/CreateMyRequest": Case(fields={"subject": "hỏi", "text": "khi nào"}),
    f"{_DONE}/ReplyToMyRequest": Case("request", {"text": "cảm ơn"}),
    f"{_DONE}/AskForErasure": Case(),
    f"{_DONE}/ExportMyData": Case(),
}
# What is there and has no such part: the thing itself was found.
FOUND = {"STATE_FORBIDS", "ETAG_STALE", ""}


@dataclass(frozen=True)
class Person:
    """A customer with one of everything; `words` are in no answer to anybody else."""

    token: str
    contact_id: str
    things: Mapping[str, str]
    words: Sequence[bytes]


async def _person(house: House, keyring: Keyring, api: Api, name: str, phone: str) -> Person:
    email = f"{name.lower()}@kh.example"
    body = {
        "display_name": f"Khách {name}",
        "phones": [{"number": phone}],
        "emails": [{"address": email}],
    }
    contact = await api.post("/contacts", body)
    start = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    meeting = {"type": "MEETING", "title": f"Gặp {name}", "start_time": start}
    planned = await api.post("/follow-ups", {**meeting, "contact_ids": [contact["id"]]})
    sold = {"system": "matrix", "external_id": name, "type": "ORDER", "contact_id": contact["id"]}
    now = datetime.now(UTC).isoformat()
    await api.post(
        "/transactions:ingest", {"transactions": [{**sold, "amount": 1_000, "time": now}]}
    )
    token = customers.token(keyring, house, contact["id"])
    things = {
        "appointment": planned["id"],
        "proposal": await _proposal(api, contact["id"], name),
        "request": _asked(house, token, name),
    }
    digits = phone.removeprefix("0")
    return Person(token, contact["id"], things, [it.encode() for it in (name, digits, email)])


async def _proposal(api: Api, contact_id: str, name: str) -> str:
    form = await api.post(
        "/proposal-templates", {"name": f"Mẫu {uuid4()}", "blocks": [{"text": "Kính gửi"}]}
    )
    line = {"description": "Máy lọc", "quantity": "1", "unit_price": 500_000, "vat_rate": "NONE"}
    draft = {"title": f"Báo giá {name}", "contact_id": contact_id, "template_id": form["id"]}
    made = await api.post("/proposals", {**draft, "lines": [line], "valid_until": "2099-12-31"})
    identities = (await api.get("/sender-identities"))["sender_identities"]
    sender = next(it for it in identities if it["channel"] == "EMAIL")
    by = {"advertiser_id": sender["advertiser_id"], "sender_identity_id": sender["id"]}
    await api.post(f"/proposals/{made['id']}:send", by)
    ends = time.monotonic() + SECONDS
    while (await api.get(f"/proposals/{made['id']}"))["state"] == "SENDING":
        assert time.monotonic() < ends, "the proposal was not handed over"
        await asyncio.sleep(0.2)
    return str(made["id"])


def _asked(house: House, token: str, name: str) -> str:
    method = next(it for it in methods() if path(it) == f"{_DONE}/CreateMyRequest")
    request = _request(method, {"subject": f"Hỏi của {name}", "text": "khi nào giao"})
    _, _, (answer,) = called(house, method, token, request)
    made: Any = message_factory.GetMessageClass(method.output_type).FromString(answer)
    return str(made.id)


def _request(method: MethodDescriptor, fields: Mapping[str, Any]) -> Message:
    return json_format.ParseDict(dict(fields), message_factory.GetMessageClass(method.input_type)())


def for_customers() -> Mapping[str, MethodDescriptor]:
    """The methods that customers may call, by name."""
    return {path(it): it for it in methods() if rights.rule(path(it)).caller is Caller.CONTACT}


@pytest.fixture
async def mine(house: House, keyring: Keyring, api: Api) -> Person:
    return await _person(house, keyring, api, f"Maitrix{uuid4().hex[:6]}", "0912 000 111")


@pytest.fixture
async def theirs(house: House, keyring: Keyring, api: Api) -> Person:
    return await _person(house, keyring, api, f"Nammatrix{uuid4().hex[:6]}", "0977888999")


def test_every_method_for_customers_has_a_case() -> None:
    assert set(CASES) == set(for_customers())
    takes_an_id = {
        name for name, it in for_customers().items() if "id" in it.input_type.fields_by_name
    }
    assert takes_an_id == {name for name, case in CASES.items() if case.of}
    whose = {"contact_id", "contact", "customer_id", "login_id"}
    for method in for_customers().values():
        assert not whose & set(method.input_type.fields_by_name), path(method)


class TestEveryMethod:
    def test_it_refuses_a_customer_unless_it_is_for_customers(
        self, house: House, keyring: Keyring
    ) -> None:
        wrong, token = [], customers.token(keyring, house, str(uuid4()))

        for method in methods():
            caller = rights.rule(path(method)).caller
            if caller in (Caller.CONTACT, Caller.ANYBODY):
                continue
            code, reason, _ = called(house, method, token)
            if (code, reason) != (grpc.StatusCode.PERMISSION_DENIED, "RIGHT_MISSING"):
                wrong.append(f"{path(method)}: {code} {reason}")

        assert not wrong

    def test_what_is_for_customers_is_refused_to_a_token_that_names_no_contact(
        self, house: House, keyring: Keyring
    ) -> None:
        token = customers.token(keyring, house, "*")

        answers = {called(house, it, token)[1] for it in for_customers().values()}

        assert answers == {"TOKEN_INVALID"}


class TestEveryRoute:
    async def test_it_refuses_a_customer(self, house: House, keyring: Keyring) -> None:
        wrong, token = [], customers.token(keyring, house, str(uuid4()))
        headers = {"Authorization": f"Bearer {token}"}

        async with aiohttp.ClientSession(house.state["gateway_url"], headers=headers) as http:
            for route in [it for it in ROUTES if it.needs_token]:
                found, reason = await requested(http, route)
                # What cannot be read as a request at all goes no further than the gateway.
                if found != 400 and (found, reason) != (403, "RIGHT_MISSING"):
                    wrong.append(f"{route.method} {route.path}: {found} {reason}")

        assert not wrong


class TestAnothersThings:
    async def test_each_is_answered_as_what_is_not_there(
        self, house: House, mine: Person, theirs: Person
    ) -> None:
        wrong = []
        for name, case in CASES.items():
            if not case.of:
                continue
            method = for_customers()[name]
            for wanted in [*theirs.things.values(), theirs.contact_id]:
                nothing = str(uuid4())
                answers = [
                    called(house, method, mine.token, _request(method, {**case.fields, "id": it}))
                    for it in (wanted, nothing)
                ]
                codes = [(code, reason) for code, reason, _ in answers]
                words = [
                    b" ".join(told).replace(given.encode(), b"")
                    for (_, _, told), given in zip(answers, (wanted, nothing), strict=True)
                ]
                missing = (grpc.StatusCode.NOT_FOUND, "RESOURCE_MISSING")
                alike = words[0] == words[1] and codes == [missing, missing]
                if not alike or any(it in words[0] for it in theirs.words):
                    wrong.append(f"{name} with {wanted}: {codes} {words}")

        assert not wrong

    async def test_ones_own_are_found_so_that_the_above_can_fail(
        self, house: House, mine: Person
    ) -> None:
        for name, case in CASES.items():
            if case.of:
                method = for_customers()[name]
                request = _request(method, {**case.fields, "id": mine.things[case.of]})
                code, reason, _ = called(house, method, mine.token, request)
                missing_file = name.endswith("Attachment") and reason == "RESOURCE_MISSING"
                assert reason in FOUND or missing_file, (name, code, reason)

    async def test_no_answer_has_anything_of_another(
        self, house: House, mine: Person, theirs: Person
    ) -> None:
        found: dict[str, bytes] = {}
        for name, case in CASES.items():
            method = for_customers()[name]
            fields = {**case.fields, "id": mine.things[case.of]} if case.of else case.fields
            code, _, answers = called(house, method, mine.token, _request(method, fields))
            assert code not in BROKEN, name
            found[name] = b"".join(answers)

        leaking = [(it, name) for name, told in found.items() for it in theirs.words if it in told]
        assert leaking == []
        assert mine.words[0] in found[f"{_LEADS}/GetMyProfile"]
        assert mine.words[0] in found[f"{_DONE}/ListMyRequests"]
