"""What campaigns asks its peers, and what it makes of their answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import grpc
import pytest
from crm.leads.v1 import (
    audience_pb2,
    audience_service_pb2,
    audience_service_pb2_grpc,
    contact_pb2,
    contact_service_pb2,
    contact_service_pb2_grpc,
)
from crm.notifier.v1 import compliance_service_pb2 as gates_pb
from crm.notifier.v1 import (
    compliance_service_pb2_grpc,
    message_pb2,
    suppression_pb2,
    suppression_service_pb2_grpc,
)

from chassis.context import Level
from chassis.rpc.tokens import TokenSource
from chassis.scope import EVERYTHING, Scope
from services.campaigns.clients import leads, notifier
from services.campaigns.clients.leads import View
from services.campaigns.config import Settings
from services.campaigns.domain.campaigns import Audience, Draft
from services.campaigns.domain.kinds import Channel, Purpose
from services.campaigns.domain.planning import CONSENTED, GONE, People
from services.campaigns.domain.runs import Plan
from services.campaigns.domain.states import ExclusionReason, RunState
from tests.unit.campaigns.test_campaigns_config import NEEDED
from tests.unit.campaigns.test_campaigns_states import a_run

ADVERTISER, IDENTITY = str(uuid4()), str(uuid4())


class FakeAudiences(audience_service_pb2_grpc.AudienceServiceServicer):
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def SampleAudience(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return audience_service_pb2.SampleAudienceResponse(
            size=10,
            without_address=1,
            invalid_address=5,
            shared_address=2,
            without_consent=3,
            reachable=4,
            sample=[audience_pb2.AudienceMember(contact_id=bytes(16), address="a@x.vn")] * 3,
        )

    async def FreezeAudience(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return audience_pb2.Audience(id=request.run_id, size=7)

    async def StreamAudience(self, request: Any, context: Any) -> AsyncIterator[Any]:
        self.asked.append(request)
        for number in (1, 2):
            yield audience_service_pb2.StreamAudienceResponse(
                first_ordinal=2 * number - 1,
                contact_ids=bytes(16) + bytes([1] * 16),
                marks=bytes([1, 2]),
                addresses=b"A@x.vn\0",
                address_keys=b"a@x.vn\0",
                time_zones=b"UTC\0",
                locales=b"vi\0",
                regions=b"vn\0",
                values=[b"v\0", "ờ\0".encode()],
            )

    async def ProbeAudience(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        return audience_service_pb2.ProbeAudienceResponse(anybody=bool(request.query.segment_ids))


class FakeContacts(contact_service_pb2_grpc.ContactServiceServicer):
    """Knows nobody but Khai."""

    async def BatchGetContacts(self, request: Any, context: Any) -> Any:
        khai = contact_pb2.Contact(id=IDENTITY, given_name="Khai")
        known = [khai] if request.ids == [IDENTITY] else []
        return contact_service_pb2.BatchGetContactsResponse(contacts=known)


class FakeSenders(suppression_service_pb2_grpc.SenderServiceServicer):
    """Has one advertiser with one identity for e-mail."""

    async def GetAdvertiser(self, request: Any, context: Any) -> Any:
        if request.id != ADVERTISER:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no")
        return suppression_pb2.Advertiser(id=ADVERTISER)

    async def GetSenderIdentity(self, request: Any, context: Any) -> Any:
        if request.id != IDENTITY:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no")
        return suppression_pb2.SenderIdentity(
            id=IDENTITY, advertiser_id=ADVERTISER, channel=message_pb2.CHANNEL_EMAIL
        )


class FakeGates(compliance_service_pb2_grpc.GateServiceServicer):
    """Bills two segments for each text, or fails as a test says."""

    code: grpc.StatusCode | None = None
    asked: Any = None

    async def ProbeTexts(self, request: Any, context: Any) -> Any:
        if self.code is not None:
            await context.abort(self.code, "no")
        self.asked = request
        texts = [
            gates_pb.ProbedText(
                text=f"[QC] {it}", encoding="gsm7", segments=1, billed_segments=2, rule="r"
            )
            for it in request.texts
        ]
        return gates_pb.ProbeTextsResponse(texts=texts)


def _instance(kind: type[Any]) -> Any:
    """Make one of a kind that answers only some of its calls; the stubs say it is abstract."""
    return kind()


class NoTokens(TokenSource):
    """Tokens nobody looks at."""

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        return "token"


class Peers:
    """Both peers on one address, with the clients that ask them."""

    def __init__(self, address: str, audiences: Any, gates: Any) -> None:
        settings = Settings.model_validate(NEEDED)
        self.audiences = audiences
        self.gates = gates
        self.leads = leads.connect(settings, address, NoTokens(settings))
        self.senders = notifier.connect(settings, address, NoTokens(settings))


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    server, audiences = grpc.aio.server(), _instance(FakeAudiences)
    gates = _instance(FakeGates)
    compliance_service_pb2_grpc.add_GateServiceServicer_to_server(gates, server)
    audience_service_pb2_grpc.add_AudienceServiceServicer_to_server(audiences, server)
    contact_service_pb2_grpc.add_ContactServiceServicer_to_server(_instance(FakeContacts), server)
    suppression_service_pb2_grpc.add_SenderServiceServicer_to_server(_instance(FakeSenders), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield Peers(f"127.0.0.1:{port}", audiences, gates)
    await server.stop(0)


class TestLeads:
    async def test_a_sample_divides_the_audience(self, peers: Peers) -> None:
        segment = str(uuid4())
        view = View(Channel.SMS, Purpose.CARE, UUID(ADVERTISER), ("company",))

        found = await peers.leads.sample(Audience("lead", (segment,)), view, 2)

        (asked,) = peers.audiences.asked
        assert asked.query.kind == contact_pb2.CONTACT_KIND_LEAD
        assert list(asked.query.segment_ids) == [segment]
        assert (asked.view.channel, asked.view.purpose) == (
            contact_pb2.CHANNEL_SMS,
            contact_pb2.PURPOSE_CARE,
        )
        assert (asked.view.advertiser_id, list(asked.view.variables)) == (ADVERTISER, ["company"])
        assert (found.size, found.reachable, len(found.members)) == (10, 4, 2)
        assert found.excluded == {
            ExclusionReason.NO_ADDRESS: 1,
            ExclusionReason.INVALID_ADDRESS: 5,
            ExclusionReason.SHARED_ADDRESS: 2,
            ExclusionReason.NO_CONSENT: 3,
        }

    async def test_an_audience_is_frozen_and_streamed_after_the_cursor(self, peers: Peers) -> None:
        run = replace(a_run(RunState.PLANNING), plan=Plan(cursor=5))

        size = await peers.leads.freeze(run)
        batches = [batch async for batch in peers.leads.stream(run)]

        frozen, streamed = peers.audiences.asked
        assert (frozen.run_id, size) == (str(run.id), 7)
        assert (streamed.run_id, streamed.after_ordinal) == (str(run.id), 5)
        assert [each.first_ordinal for each in batches] == [1, 3]
        assert batches[0] == People(
            1,
            [bytes(16), bytes([1] * 16)],
            bytes([CONSENTED, GONE]),
            ["A@x.vn", ""],
            ["a@x.vn", ""],
            ["UTC", ""],
            ["vi", ""],
            ["vn", ""],
            [["v", ""], ["ờ", ""]],
        )

    async def test_whether_there_is_anybody_is_asked(self, peers: Peers) -> None:
        assert await peers.leads.anybody(Audience("lead", (str(uuid4()),)))
        assert not await peers.leads.anybody(Audience("lead"))

    async def test_a_contact_is_found_or_not(self, peers: Peers) -> None:
        found = await peers.leads.values(UUID(IDENTITY), EVERYTHING)

        assert found is not None
        assert found["given_name"] == "Khai"
        assert await peers.leads.values(uuid4(), EVERYTHING) is None

    async def test_one_out_of_reach_is_not_found(self, peers: Peers) -> None:
        nobody = Scope(Level.OWN, IDENTITY, UUID(IDENTITY))

        assert await peers.leads.values(UUID(IDENTITY), nobody) is None
        assert await peers.leads.readable([UUID(IDENTITY).bytes], nobody) == set()
        assert await peers.leads.readable([UUID(IDENTITY).bytes], EVERYTHING) == {
            UUID(IDENTITY).bytes
        }


class TestSenders:
    def draft(self, **given: object) -> Draft:
        values: dict[str, object] = {
            "name": "N",
            "channel": Channel.EMAIL,
            "purpose": Purpose.CARE,
            "advertiser_id": ADVERTISER,
            "sender_identity_id": IDENTITY,
            "template_id": "",
            "audience": Audience(),
        }
        return Draft(**(values | given))  # type: ignore[arg-type]

    async def test_those_that_fit_are_accepted(self, peers: Peers) -> None:
        assert await peers.senders.violations(self.draft()) == []

    @pytest.mark.parametrize(
        ("given", "fields"),
        [
            ({"advertiser_id": str(uuid4())}, ["advertiser_id", "sender_identity_id"]),
            ({"sender_identity_id": str(uuid4())}, ["sender_identity_id"]),
            ({"channel": Channel.SMS}, ["sender_identity_id"]),
            ({"advertiser_id": "", "sender_identity_id": "x"}, []),
        ],
    )
    async def test_what_does_not_fit_is_named(
        self, peers: Peers, given: dict[str, object], fields: list[str]
    ) -> None:
        found = await peers.senders.violations(self.draft(**given))

        assert [each.field for each in found] == [f"campaign.{field}" for field in fields]


class TestCounting:
    CAMPAIGN: Any = SimpleNamespace(purpose=Purpose.MARKETING, sender_identity_id=UUID(IDENTITY))

    async def test_texts_come_back_as_they_would_be_sent_and_billed(self, peers: Peers) -> None:
        (found,) = await peers.senders.count(self.CAMPAIGN, ["Giam gia"]) or []

        assert found == notifier.Counted("[QC] Giam gia", "gsm7", 1, 2, "r")
        asked = peers.gates.asked
        assert (asked.purpose, asked.sender_identity_id) == (
            message_pb2.PURPOSE_MARKETING,
            IDENTITY,
        )
        assert asked.sample_url == "https://example.vn/u/sample"

    @pytest.mark.parametrize("code", ["UNAVAILABLE", "NOT_FOUND", "UNIMPLEMENTED"])
    async def test_without_an_answer_nothing_is_known(self, peers: Peers, code: str) -> None:
        peers.gates.code = grpc.StatusCode[code]

        assert await peers.senders.count(self.CAMPAIGN, ["a"]) is None

    async def test_what_a_notifier_cannot_have_said_is_no_answer(self, peers: Peers) -> None:
        peers.gates.code = grpc.StatusCode.DATA_LOSS

        with pytest.raises(grpc.aio.AioRpcError):
            await peers.senders.count(self.CAMPAIGN, ["a"])
