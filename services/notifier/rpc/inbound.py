"""InboundMailService."""

import asyncio
from datetime import UTC, datetime
from typing import Any

from crm.notifier.v1 import inbound_service_pb2 as pb
from crm.notifier.v1 import inbound_service_pb2_grpc
from prometheus_client import Counter
from pydantic import SecretStr

from chassis.db import Sessions
from chassis.errors import InvalidArgument, ResourceExhausted
from services.notifier.channels import inbound as channel
from services.notifier.domain.checks import Checks
from services.notifier.usecases import inbound

MOST_BYTES = 1_000_000
_LONGEST_ADDRESS = 320

_mails = Counter(
    "mekong_notifier_inbound_mails_total",
    "Mails that came back, by what they were understood as; `refused` names no message of ours.",
    ["what"],
)


class InboundMailServicer(inbound_service_pb2_grpc.InboundMailServiceServicer):
    """What mail servers hand over; the right is for programs."""

    def __init__(self, sessions: Sessions, mac_key: SecretStr) -> None:
        self._sessions = sessions
        self._secret = mac_key.get_secret_value().encode()

    async def ReportMail(self, request: pb.ReportMailRequest, _: Any) -> pb.InboundMail:
        """Takes one mail; answered after the commit."""
        _check(request)
        # A large mail takes some milliseconds, which the wires shall not wait for.
        mail = await asyncio.to_thread(channel.read, request.data)
        try:
            async with self._sessions.begin() as session:
                taken = await inbound.take(
                    session, mail, request.recipient.strip(), self._secret, datetime.now(UTC)
                )
        except InvalidArgument:
            _mails.labels("refused").inc()
            raise
        _mails.labels(taken.kind.name.lower()).inc()
        return pb.InboundMail(
            kind=pb.InboundMailKind.ValueType(taken.kind),
            message_id=str(taken.message_id or ""),
            reason=taken.reason,
            news=taken.news,
        )


def _check(request: pb.ReportMailRequest) -> None:
    checks = Checks()
    checks.text("recipient", request.recipient, _LONGEST_ADDRESS)
    if not request.data:
        checks.wrong("data", "is required")
    checks.end()
    if len(request.data) > MOST_BYTES:
        raise ResourceExhausted("TOO_LARGE", "the mail is too large", limit=MOST_BYTES)
