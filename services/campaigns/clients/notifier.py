"""The home notifier: for whom and under which name messages may be sent, and which it has."""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import grpc
from crm.campaigns.v1 import run_pb2
from crm.notifier.v1 import (
    compliance_service_pb2,
    compliance_service_pb2_grpc,
    message_pb2,
    message_service_pb2,
    message_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
    suppression_service_pb2,
    suppression_service_pb2_grpc,
)

from chassis.config import ServiceSettings
from chassis.errors import DeadlineExceeded, Error, FieldViolation, NotFound, Unavailable
from chassis.rpc import client
from chassis.rpc.tokens import TokenSource
from services.campaigns.domain import rendering
from services.campaigns.domain.campaigns import Campaign, Draft, as_uuid
from services.campaigns.domain.planning import Member
from services.campaigns.messages import kinds

SERVICES = [
    suppression_service_pb2.DESCRIPTOR.services_by_name["SenderService"],
    message_service_pb2.DESCRIPTOR.services_by_name["MessageService"],
    compliance_service_pb2.DESCRIPTOR.services_by_name["GateService"],
    run_service_pb2.DESCRIPTOR.services_by_name["RunControlService"],
]
PROBE_SECONDS = 5.0
STOP_SECONDS = 1.0

A = TypeVar("A")


@dataclass(frozen=True)
class Stop:
    """People whom a rule would skip or put off, and when the first of them may go."""

    is_deferred: bool
    reason: str
    rule: str
    count: int
    not_before: datetime | None


@dataclass(frozen=True)
class Probe:
    """What the gates would say now."""

    may_go: int
    stopped: Sequence[Stop]


@dataclass(frozen=True)
class Counted:
    """An SMS as it would be sent, and how many segments are sent and billed, by which rule."""

    text: str
    encoding: str
    segments: int
    billed: int
    rule: str


class Senders:
    """Calls to the notifier; each raises members of the error family."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._senders = suppression_service_pb2_grpc.SenderServiceStub(channel)
        self._gates = compliance_service_pb2_grpc.GateServiceStub(channel)
        self._messages = message_service_pb2_grpc.MessageServiceStub(channel)
        self._runs = run_service_pb2_grpc.RunControlServiceStub(channel)

    async def known(self, run_id: UUID, message_ids: Sequence[UUID]) -> Collection[UUID]:
        """Return those of a run's messages, at most 1,000, that the notifier has."""
        request = message_service_pb2.FindMessagesRequest(
            run_id=str(run_id), message_ids=[id.bytes for id in message_ids]
        )
        answer = await self._messages.FindMessages(request)
        return {UUID(bytes=id) for id in answer.message_ids}

    async def probe(self, campaign: Campaign, members: Sequence[Member]) -> Probe | None:
        """Return what the gates would say of these people now; None when nobody answers."""
        request = compliance_service_pb2.ProbeRecipientsRequest(
            channel=kinds.number(message_pb2.Channel, campaign.channel),
            purpose=kinds.number(message_pb2.Purpose, campaign.purpose),
            advertiser_id=str(campaign.advertiser_id),
            sender_identity_id=str(campaign.sender_identity_id),
            recipients=[
                compliance_service_pb2.ProbedRecipient(
                    address=each.address, time_zone=each.time_zone
                )
                for each in members
            ],
        )
        found = await _heard(self._gates.ProbeRecipients(request, timeout=PROBE_SECONDS))
        if found is None:
            return None
        return Probe(found.may_go, [_stop(each) for each in found.stopped])

    async def count(self, campaign: Campaign, texts: Sequence[str]) -> Sequence[Counted] | None:
        """Return what these SMS would become and cost; None when nobody answers."""
        request = compliance_service_pb2.ProbeTextsRequest(
            purpose=kinds.number(message_pb2.Purpose, campaign.purpose),
            sender_identity_id=str(campaign.sender_identity_id),
            texts=texts,
            sample_url=rendering.SAMPLE_VALUES["unsubscribe_url"],
        )
        found = await _heard(self._gates.ProbeTexts(request, timeout=PROBE_SECONDS), NotFound)
        if found is None:
            return None
        return [
            Counted(it.text, it.encoding, it.segments, it.billed_segments, it.rule)
            for it in found.texts
        ]

    async def stop(self, run: run_pb2.Run) -> bool:
        """Say that a run was paused or ended; False when nobody hears it within a second."""
        request = run_service_pb2.StopRunRequest(run=run)
        return await _heard(self._runs.StopRun(request, timeout=STOP_SECONDS)) is not None

    async def violations(self, draft: Draft) -> list[FieldViolation]:
        """Return what is wrong with the advertiser and the sender identity of a draft.

        Ids that are no UUIDs are left to the draft's own checks.
        """
        found = []
        if as_uuid(draft.advertiser_id) and not await self._advertiser_exists(draft):
            found.append(("advertiser_id", "no such advertiser"))
        if as_uuid(draft.sender_identity_id):
            found += await self._identity(draft)
        return [FieldViolation(f"campaign.{field}", why) for field, why in found]

    async def _advertiser_exists(self, draft: Draft) -> bool:
        request = suppression_service_pb2.GetAdvertiserRequest(id=draft.advertiser_id)
        try:
            await self._senders.GetAdvertiser(request)
        except NotFound:
            return False
        return True

    async def _identity(self, draft: Draft) -> list[tuple[str, str]]:
        request = suppression_service_pb2.GetSenderIdentityRequest(id=draft.sender_identity_id)
        try:
            identity = await self._senders.GetSenderIdentity(request)
        except NotFound:
            return [("sender_identity_id", "no such sender identity")]
        found = []
        if identity.advertiser_id.lower() != draft.advertiser_id.lower():
            found.append(("sender_identity_id", "belongs to another advertiser"))
        if draft.channel and identity.channel != kinds.number(message_pb2.Channel, draft.channel):
            found.append(("sender_identity_id", f"is not for {draft.channel}"))
        return found


async def _heard(asked: Awaitable[A], *also: type[Error]) -> A | None:
    """Return what was answered, None when nobody answers: away, slow, or of a version before."""
    silent: tuple[type[Error], ...] = (Unavailable, DeadlineExceeded, *also)
    try:
        return await asked
    except silent:
        return None
    except grpc.aio.AioRpcError as older:
        if older.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
        return None


def _stop(message: compliance_service_pb2.Stopped) -> Stop:
    return Stop(
        message.state == message_pb2.MESSAGE_STATE_DEFERRED,
        message.reason,
        message.rule,
        message.count,
        kinds.moment(message, "not_before"),
    )


def connect(settings: ServiceSettings, address: str, tokens: TokenSource) -> Senders:
    """Return a client that connects when it is first used."""
    return Senders(client.channel(address, settings, tokens, SERVICES))
