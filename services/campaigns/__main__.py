"""`python -m services.campaigns [migrate | settings]`: without a command it serves."""

from crm.campaigns.v1 import access_service_pb2_grpc as access_grpc
from crm.campaigns.v1 import campaign_service_pb2_grpc as campaign_grpc
from crm.campaigns.v1 import erasure_service_pb2_grpc as erasure_grpc
from crm.campaigns.v1 import run_service_pb2_grpc as run_grpc
from crm.campaigns.v1 import template_service_pb2_grpc as template_grpc

from chassis import app, db
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from chassis.rpc.identities import identities
from chassis.rpc.tokens import TokenSource
from services import rights
from services.campaigns import consumers, workers
from services.campaigns.clients import leads, notifier
from services.campaigns.clients.renderer import Renderer
from services.campaigns.config import Settings
from services.campaigns.domain.clock import utc_now
from services.campaigns.rpc.campaigns import CampaignServicer
from services.campaigns.rpc.erasing import ErasureServicer
from services.campaigns.rpc.explaining import AccessServicer
from services.campaigns.rpc.runs import RunServicer
from services.campaigns.rpc.templates import ContentServicer, TemplateServicer

NAME = "campaigns"
MIGRATIONS = "services.campaigns"


async def main(settings: Settings) -> None:
    """Wire the service and serve."""
    sessions = db.sessions(settings, NAME)
    nats = Connection(settings, NAME)
    tokens = TokenSource(settings)
    people = leads.connect(settings, settings.leads_address, tokens)
    senders = notifier.connect(settings, settings.notifier_address, tokens)
    renderer, seal = Renderer(), settings.seal_key
    templates = TemplateServicer(sessions, renderer, people, utc_now, seal)
    campaigns = CampaignServicer(sessions, people, senders, renderer, utc_now, seal)
    runs = RunServicer(sessions, senders, seal, settings.watch_seconds)
    await app.run(
        settings,
        NAME,
        contract=rights,
        servicers=[
            (template_grpc.add_TemplateServiceServicer_to_server, templates),
            (template_grpc.add_ContentServiceServicer_to_server, ContentServicer(sessions)),
            (campaign_grpc.add_CampaignServiceServicer_to_server, campaigns),
            (run_grpc.add_RunServiceServicer_to_server, runs),
            (erasure_grpc.add_ErasureServiceServicer_to_server, ErasureServicer(sessions)),
            (
                access_grpc.add_AccessServiceServicer_to_server,
                AccessServicer(sessions, identities(settings, NAME, tokens)),
            ),
        ],
        background=[
            *(Relay(sessions, nats, cls) for cls in Class),
            consume(
                settings,
                nats,
                sessions,
                stream=consumers.STREAM,
                durable=consumers.DURABLE,
                handlers=consumers.HANDLERS,
                batch=consumers.BATCH,
                apart=consumers.APART_SECONDS,
                batch_handler=consumers.all_progressed,
            ),
            consume(
                settings,
                nats,
                sessions,
                stream=consumers.STREAM,
                durable=consumers.COMPLAINTS,
                handlers=consumers.complaints(settings),
            ),
            *workers.all_of(settings, sessions, nats, people, senders, utc_now),
        ],
        ready=[db.check(sessions), db.revision_check(sessions, MIGRATIONS), nats.check],
        closing=[nats.close],
    )


if __name__ == "__main__":
    app.start(NAME, Settings, main, MIGRATIONS)
