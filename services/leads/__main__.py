"""Runs leads."""

from datetime import UTC, datetime, timedelta

from crm.leads.v1 import access_service_pb2_grpc as access_grpc
from crm.leads.v1 import audience_service_pb2_grpc as audience_grpc
from crm.leads.v1 import consent_service_pb2_grpc as consent_grpc
from crm.leads.v1 import contact_service_pb2_grpc as contact_grpc
from crm.leads.v1 import erasure_service_pb2_grpc as erasure_grpc
from crm.leads.v1 import import_service_pb2_grpc as import_grpc
from crm.leads.v1 import portal_service_pb2_grpc as portal_grpc
from crm.leads.v1 import report_service_pb2_grpc as report_grpc
from crm.leads.v1 import segment_service_pb2_grpc as segment_grpc
from crm.leads.v1 import source_cost_service_pb2_grpc as source_cost_grpc
from crm.leads.v1 import source_service_pb2_grpc as source_grpc
from crm.leads.v1 import transaction_service_pb2_grpc as transaction_grpc

from chassis import app, db
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from chassis.rpc.identities import identities
from chassis.rpc.server import Servicers
from chassis.rpc.tokens import TokenSource
from chassis.sealing import Keys
from services import rights
from services.leads import clients, consumers
from services.leads.config import Settings
from services.leads.rpc.audiences import AudienceServicer
from services.leads.rpc.consents import ConsentServicer
from services.leads.rpc.contacts import ContactServicer
from services.leads.rpc.erasures import ErasureServicer
from services.leads.rpc.explaining import AccessServicer
from services.leads.rpc.imports import ImportServicer
from services.leads.rpc.portal import PortalServicer
from services.leads.rpc.reports import ReportServicer
from services.leads.rpc.segments import SegmentServicer
from services.leads.rpc.source_costs import SourceCostServicer
from services.leads.rpc.sources import LifeStageServicer, SourceServicer
from services.leads.rpc.transactions import TransactionServicer
from services.leads.storage import sealed
from services.leads.workers.eraser import Eraser
from services.leads.workers.gauges import Gauges
from services.leads.workers.importer import Importer

NAME, PACKAGE = "leads", "services.leads"


async def main(settings: Settings) -> None:
    """Wires the parts and serves."""
    keys, nats = Keys(settings.field_keys_file), Connection(settings, NAME)
    sessions = db.sessions(settings, NAME, carrying={sealed.CARRIED: keys})
    tokens = TokenSource(settings)
    await app.run(
        settings,
        NAME,
        contract=rights,
        servicers=_servicers(settings, sessions, tokens),
        background=[
            *(Relay(sessions, nats, cls) for cls in Class),
            Importer(sessions, _now, settings.region, settings.seal_key.get_secret_value()),
            *_erasers(settings, sessions, nats, tokens),
            Gauges(sessions, keys),
            consume(
                settings,
                nats,
                sessions,
                stream=consumers.STREAM,
                durable=consumers.DURABLE,
                handlers=consumers.handlers(_now),
            ),
            consume(
                settings,
                nats,
                sessions,
                stream=consumers.FACTS,
                durable=consumers.ADDRESSES,
                handlers=consumers.facts(_now),
            ),
        ],
        ready=[db.check(sessions), db.revision_check(sessions, PACKAGE)],
        closing=[nats.close],
    )


def _erasers(
    settings: Settings, sessions: db.Sessions, nats: Connection, tokens: TokenSource
) -> list[Eraser]:
    """Returns who works at erasures, nobody in a house whose services leads does not know."""
    if not settings.knows_everybody:
        return []
    return [
        Eraser(
            sessions,
            nats,
            clients.connect(settings, tokens),
            settings.seal_key.get_secret_value(),
            _now,
            settle=timedelta(seconds=settings.erasure_settle_seconds),
            every_seconds=settings.erasures_seconds,
        )
    ]


def _servicers(settings: Settings, sessions: db.Sessions, tokens: TokenSource) -> Servicers:
    seal = settings.seal_key
    contacts = ContactServicer(sessions, seal, settings.region, _now)
    sources, stages = (kind(sessions, seal, _now) for kind in (SourceServicer, LifeStageServicer))
    consents = ConsentServicer(sessions, seal, _now)
    transactions = TransactionServicer(sessions, seal, _now)
    segments = SegmentServicer(sessions, seal, _now)
    audiences, imports = AudienceServicer(sessions, _now), ImportServicer(sessions, _now, seal)
    return [
        (contact_grpc.add_ContactServiceServicer_to_server, contacts),
        (source_grpc.add_SourceServiceServicer_to_server, sources),
        (source_grpc.add_LifeStageServiceServicer_to_server, stages),
        (consent_grpc.add_ConsentServiceServicer_to_server, consents),
        (transaction_grpc.add_TransactionServiceServicer_to_server, transactions),
        (segment_grpc.add_SegmentServiceServicer_to_server, segments),
        (audience_grpc.add_AudienceServiceServicer_to_server, audiences),
        (import_grpc.add_ImportServiceServicer_to_server, imports),
        (
            source_cost_grpc.add_SourceCostServiceServicer_to_server,
            SourceCostServicer(sessions, seal, _now),
        ),
        (
            erasure_grpc.add_ErasureServiceServicer_to_server,
            ErasureServicer(sessions, seal, _now, knows_everybody=settings.knows_everybody),
        ),
        (report_grpc.add_ReportServiceServicer_to_server, ReportServicer(sessions)),
        (
            portal_grpc.add_PortalServiceServicer_to_server,
            PortalServicer(sessions, seal, settings.region, _now),
        ),
        (
            access_grpc.add_AccessServiceServicer_to_server,
            AccessServicer(sessions, identities(settings, NAME, tokens)),
        ),
    ]


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    app.start(NAME, Settings, main, PACKAGE)
