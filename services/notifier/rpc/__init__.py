"""The notifier's gRPC services."""

from collections.abc import Sequence
from typing import Any, Protocol

from crm.notifier.v1 import (
    compliance_service_pb2_grpc,
    doubt_service_pb2_grpc,
    erasure_service_pb2_grpc,
    inbound_service_pb2_grpc,
    message_service_pb2_grpc,
    run_service_pb2_grpc,
    support_service_pb2_grpc,
    suppression_service_pb2_grpc,
)

from chassis.db import Sessions
from chassis.rpc.server import Servicers
from services.notifier.config import Settings
from services.notifier.rpc.compliance import AgreementServicer, DoNotCallServicer
from services.notifier.rpc.doubts import DoubtServicer
from services.notifier.rpc.erasing import ErasureServicer
from services.notifier.rpc.gates import GateServicer
from services.notifier.rpc.inbound import InboundMailServicer
from services.notifier.rpc.messages import MessageServicer
from services.notifier.rpc.runs import RunControlServicer
from services.notifier.rpc.senders import SenderServicer
from services.notifier.rpc.support import SupportServicer
from services.notifier.rpc.suppressions import SuppressionServicer
from services.notifier.usecases import rulebook
from services.notifier.usecases.gating import Standards


class Nudged(Protocol):
    """What is told that a message waits."""

    def nudge(self) -> None: ...


def servicers(settings: Settings, sessions: Sessions, engines: Sequence[Nudged]) -> Servicers:
    """Every service of the notifier with what adds it to a server."""

    def nudge() -> None:
        for engine in engines:
            engine.nudge()

    standards = Standards(
        rulebook.load(settings.rules_file),
        settings.default_time_zone,
        settings.mac_key.get_secret_value().encode(),
    )
    pairs: list[tuple[Any, Any]] = [
        (
            message_service_pb2_grpc.add_MessageServiceServicer_to_server,
            MessageServicer(sessions, settings.seal_key, nudge),
        ),
        (
            run_service_pb2_grpc.add_RunControlServiceServicer_to_server,
            RunControlServicer(sessions),
        ),
        (
            doubt_service_pb2_grpc.add_DoubtServiceServicer_to_server,
            DoubtServicer(settings, sessions),
        ),
        (
            support_service_pb2_grpc.add_SupportServiceServicer_to_server,
            SupportServicer(settings, sessions),
        ),
        (
            suppression_service_pb2_grpc.add_SuppressionServiceServicer_to_server,
            SuppressionServicer(sessions, settings.seal_key, settings.mac_key, standards),
        ),
        (
            suppression_service_pb2_grpc.add_SenderServiceServicer_to_server,
            SenderServicer(sessions, settings.seal_key, standards.rules),
        ),
        (
            inbound_service_pb2_grpc.add_InboundMailServiceServicer_to_server,
            InboundMailServicer(sessions, settings.mac_key),
        ),
        (
            compliance_service_pb2_grpc.add_DoNotCallServiceServicer_to_server,
            DoNotCallServicer(sessions),
        ),
        (
            compliance_service_pb2_grpc.add_AgreementServiceServicer_to_server,
            AgreementServicer(sessions, settings.seal_key),
        ),
        (
            compliance_service_pb2_grpc.add_GateServiceServicer_to_server,
            GateServicer(sessions, standards, settings.unsubscribe_base),
        ),
        (
            erasure_service_pb2_grpc.add_ErasureServiceServicer_to_server,
            ErasureServicer(sessions, settings.mac_key),
        ),
    ]
    return pairs
