"""GateService."""

from typing import Any
from uuid import UUID

from crm.notifier.v1 import compliance_service_pb2 as pb
from crm.notifier.v1 import compliance_service_pb2_grpc, message_pb2

from chassis.db import Sessions
from chassis.errors import NotFound
from chassis.rpc import times
from services.notifier.domain import addresses, segments
from services.notifier.domain.checks import Checks
from services.notifier.domain.states import Channel, Purpose
from services.notifier.domain.work import NOBODY, Kind
from services.notifier.rpc import sought
from services.notifier.storage import senders
from services.notifier.usecases import probing
from services.notifier.usecases.gating import Standards

MOST_PROBED, MOST_TEXTS = 1_000, 100
_LONGEST = 10_000


class GateServicer(compliance_service_pb2_grpc.GateServiceServicer):
    """What gates would say."""

    def __init__(self, sessions: Sessions, standards: Standards, links: str) -> None:
        """`links` is what links to refuse by begin with."""
        self._sessions = sessions
        self._standards = standards
        self._links = links

    async def ProbeRecipients(
        self, request: pb.ProbeRecipientsRequest, _: Any
    ) -> pb.ProbeRecipientsResponse:
        """Asks the gates about recipients that have no message yet."""
        kind, recipients = _probed(request)
        async with self._sessions.begin() as session:
            may_go, stopped = await probing.probe(session, kind, recipients, self._standards)
        return pb.ProbeRecipientsResponse(
            may_go=may_go,
            stopped=[
                pb.Stopped(
                    state=message_pb2.MessageState.ValueType(it.to.state),
                    reason=it.to.reason,
                    rule=it.to.rule,
                    count=it.count,
                    not_before=times.out(it.not_before),
                )
                for it in stopped
            ],
        )

    async def ProbeTexts(self, request: pb.ProbeTextsRequest, _: Any) -> pb.ProbeTextsResponse:
        """Completes texts of SMS and counts their segments."""
        identity, purpose = _told(request)
        async with self._sessions.begin() as session:
            sender = (await senders.senders(session, [identity])).get(identity)
        if sender is None:
            raise NotFound(
                "RESOURCE_MISSING",
                "there is no such sender identity",
                resource="sender_identity",
                id=identity,
            )
        counted = segments.Counter(self._standards.rules, purpose, sender, self._links)
        found = [counted(it, request.sample_url) for it in request.texts]
        return pb.ProbeTextsResponse(
            texts=[
                pb.ProbedText(
                    text=it.text,
                    encoding=it.size.encoding,
                    segments=it.size.parts,
                    billed_segments=it.billed,
                    rule=it.rule,
                )
                for it in found
            ]
        )


def _probed(request: pb.ProbeRecipientsRequest) -> tuple[Kind, list[probing.Recipient]]:
    checks = Checks()
    channel = checks.channel("channel", request.channel) or Channel.SMS
    if request.recipients:
        sought.must_be_shown(channel)
    if int(request.purpose) not in set(Purpose):
        checks.wrong("purpose", "is required")
    advertiser = checks.uuid("advertiser_id", request.advertiser_id)
    identity = checks.uuid("sender_identity_id", request.sender_identity_id)
    if len(request.recipients) > MOST_PROBED:
        checks.wrong("recipients", f"has more than {MOST_PROBED}")
    checks.end()
    # An address that is none is left out at the plan, and no gate's business.
    recipients = [
        probing.Recipient(it.address, key, it.time_zone)
        for it in request.recipients
        if (key := addresses.normalised(channel, it.address))
    ]
    purpose = Purpose(request.purpose)
    return Kind(None, channel, purpose, advertiser or NOBODY, identity, ""), recipients


def _told(request: pb.ProbeTextsRequest) -> tuple[UUID, Purpose]:
    checks = Checks()
    if int(request.purpose) not in set(Purpose):
        checks.wrong("purpose", "is required")
    identity = checks.uuid("sender_identity_id", request.sender_identity_id)
    if len(request.texts) > MOST_TEXTS:
        checks.wrong("texts", f"has more than {MOST_TEXTS}")
    for place, text in enumerate(request.texts[:MOST_TEXTS]):
        if len(text) > _LONGEST:
            checks.wrong(f"texts[{place}]", f"is longer than {_LONGEST} characters")
    checks.end()
    return identity or NOBODY, Purpose(request.purpose)
