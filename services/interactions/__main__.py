"""Runs interactions."""

from functools import partial

from crm.interactions.v1 import access_service_pb2_grpc as access_grpc
from crm.interactions.v1 import agenda_service_pb2_grpc as agenda_grpc
from crm.interactions.v1 import calendar_service_pb2_grpc as calendar_grpc
from crm.interactions.v1 import erasure_service_pb2_grpc as erasure_grpc
from crm.interactions.v1 import feed_service_pb2_grpc as feed_grpc
from crm.interactions.v1 import follow_up_batch_service_pb2_grpc as batch_grpc
from crm.interactions.v1 import follow_up_service_pb2_grpc as follow_up_grpc
from crm.interactions.v1 import interaction_service_pb2_grpc as interaction_grpc
from crm.interactions.v1 import lead_report_service_pb2_grpc as lead_report_grpc
from crm.interactions.v1 import note_service_pb2_grpc as note_grpc
from crm.interactions.v1 import notification_service_pb2_grpc as notification_grpc
from crm.interactions.v1 import portal_service_pb2_grpc as portal_grpc
from crm.interactions.v1 import proposal_attachment_service_pb2_grpc as attachment_grpc
from crm.interactions.v1 import proposal_service_pb2_grpc as proposal_grpc
from crm.interactions.v1 import reassignment_service_pb2_grpc as reassignment_grpc
from crm.interactions.v1 import report_service_pb2_grpc as report_grpc
from crm.interactions.v1 import request_service_pb2_grpc as request_grpc
from crm.interactions.v1 import series_service_pb2_grpc as series_grpc
from crm.interactions.v1 import working_hours_service_pb2_grpc as working_grpc

from chassis import app, db
from chassis.db.outbox import Class
from chassis.events.connection import Connection
from chassis.events.consumer import consume
from chassis.events.relay import Relay
from chassis.rpc.identities import identities
from chassis.rpc.tokens import TokenSource
from services import rights
from services.interactions import clients, consumers, workers
from services.interactions.clients import audiences, mail, notifier, people, press, staff
from services.interactions.clients.renderer import Renderer
from services.interactions.config import Settings
from services.interactions.domain.proposals.links import Links
from services.interactions.rpc.agenda import AgendaServicer
from services.interactions.rpc.batches import FollowUpBatchServicer
from services.interactions.rpc.calendar import CalendarServicer
from services.interactions.rpc.erasing import ErasureServicer
from services.interactions.rpc.explaining import AccessServicer
from services.interactions.rpc.feeds import FeedServicer
from services.interactions.rpc.follow_ups import FollowUpServicer
from services.interactions.rpc.gate import Gate
from services.interactions.rpc.interactions import InteractionServicer
from services.interactions.rpc.lead_reports import LeadReportServicer
from services.interactions.rpc.notes import NoteServicer
from services.interactions.rpc.notifications import NotificationServicer
from services.interactions.rpc.portal import PortalServicer
from services.interactions.rpc.proposal_attachments import ProposalAttachmentServicer
from services.interactions.rpc.proposal_links import ProposalLinkServicer
from services.interactions.rpc.proposal_parts import Studio
from services.interactions.rpc.proposal_templates import ProposalTemplateServicer
from services.interactions.rpc.proposals import ProposalServicer
from services.interactions.rpc.reassigning import ReassignmentServicer
from services.interactions.rpc.reports import ReportServicer
from services.interactions.rpc.requests import RequestServicer
from services.interactions.rpc.sending import Desk
from services.interactions.rpc.series import SeriesServicer
from services.interactions.rpc.timeline import TimelineServicer
from services.interactions.rpc.working import WorkingHoursServicer
from services.interactions.storage import notifications
from services.interactions.storage.due import Kind
from services.interactions.workers import moving
from services.interactions.workers import proposals as proposal_workers
from services.interactions.workers import requests as request_workers
from services.interactions.workers.batching import Maker
from services.interactions.workers.contact_reminders import Herald
from services.interactions.workers.delivering import Courier
from services.interactions.workers.digests import Digester
from services.interactions.workers.reminder_letters import Postman
from services.interactions.workers.resolving import Resolver
from services.interactions.workers.rounds import Watch

NAME, PACKAGE = "interactions", "services.interactions"


async def main(settings: Settings) -> None:
    """Wires the parts and serves."""
    sessions, nats, seal = (
        db.sessions(settings, NAME),
        Connection(settings, NAME),
        settings.seal_key,
    )
    tokens = TokenSource(settings)
    leads = clients.connect_leads(settings, settings.leads_address, tokens)
    campaigns = clients.connect_campaigns(settings, settings.campaigns_address, tokens)
    gate = Gate(sessions, leads)
    desk = Desk(
        notifier.connect(settings, settings.notifier_address, tokens),
        audiences.connect(settings, settings.leads_address, tokens),
        Renderer(),
        mails_staff=settings.staff_sender_identity_id is not None,
    )
    timeline = TimelineServicer(sessions, gate, campaigns, settings.messages_seconds, seal)
    owners = identities(settings, NAME, tokens)
    persons = people.connect(settings, settings.leads_address, tokens)
    studio = Studio(persons, press.Press())
    links = Links(settings.public_url, settings.mac_key.get_secret_value().encode())
    letters = mail.connect(settings, settings.notifier_address, tokens)
    colleagues = staff.connect(settings, settings.accounts_address, tokens)
    prefix = settings.proposal_number_prefix
    watch = Watch(sessions, settings.open_seconds)
    await app.run(
        settings,
        NAME,
        contract=rights,
        servicers=[
            (
                follow_up_grpc.add_FollowUpServiceServicer_to_server,
                FollowUpServicer(sessions, gate, desk, seal),
            ),
            (
                batch_grpc.add_FollowUpBatchServiceServicer_to_server,
                FollowUpBatchServicer(sessions, gate, seal),
            ),
            (
                calendar_grpc.add_CalendarServiceServicer_to_server,
                CalendarServicer(sessions, seal),
            ),
            (
                feed_grpc.add_FeedServiceServicer_to_server,
                FeedServicer(sessions, leads, owners, seal),
            ),
            (
                series_grpc.add_SeriesServiceServicer_to_server,
                SeriesServicer(sessions, gate, desk, seal),
            ),
            (
                note_grpc.add_NoteServiceServicer_to_server,
                NoteServicer(sessions, gate, owners, seal),
            ),
            (
                notification_grpc.add_NotificationServiceServicer_to_server,
                NotificationServicer(sessions, seal),
            ),
            (
                interaction_grpc.add_InteractionServiceServicer_to_server,
                InteractionServicer(sessions, gate),
            ),
            (agenda_grpc.add_AgendaServiceServicer_to_server, AgendaServicer(sessions, seal)),
            (erasure_grpc.add_ErasureServiceServicer_to_server, ErasureServicer(sessions)),
            (access_grpc.add_AccessServiceServicer_to_server, AccessServicer(sessions, owners)),
            (note_grpc.add_TimelineServiceServicer_to_server, timeline),
            (
                proposal_grpc.add_ProposalTemplateServiceServicer_to_server,
                ProposalTemplateServicer(sessions, studio, seal),
            ),
            (
                proposal_grpc.add_ProposalServiceServicer_to_server,
                ProposalServicer(sessions, gate, studio, links, prefix, seal),
            ),
            (
                attachment_grpc.add_ProposalAttachmentServiceServicer_to_server,
                ProposalAttachmentServicer(sessions, links),
            ),
            (
                proposal_grpc.add_ProposalLinkServiceServicer_to_server,
                ProposalLinkServicer(sessions, studio, links),
            ),
            (
                working_grpc.add_WorkingHoursServiceServicer_to_server,
                WorkingHoursServicer(sessions),
            ),
            (
                reassignment_grpc.add_ReassignmentServiceServicer_to_server,
                ReassignmentServicer(sessions),
            ),
            (request_grpc.add_RequestServiceServicer_to_server, RequestServicer(sessions, seal)),
            (
                portal_grpc.add_PortalServiceServicer_to_server,
                PortalServicer(sessions, gate, studio, seal),
            ),
            (report_grpc.add_ReportServiceServicer_to_server, ReportServicer(sessions, seal)),
            (
                lead_report_grpc.add_LeadReportServiceServicer_to_server,
                LeadReportServicer(sessions, seal),
            ),
        ],
        background=[
            *(Relay(sessions, nats, cls) for cls in Class),
            *(
                consume(
                    settings,
                    nats,
                    sessions,
                    stream=stream,
                    durable=durable,
                    handlers=consumers.HANDLERS,
                    policy=consumers.POLICY,
                )
                for durable, stream in consumers.DURABLES.items()
            ),
            consumers.messages(settings, nats, sessions),
            watch,
            watch.wakes(Kind.OPENING, workers.open_due(sessions)),
            watch.wakes(Kind.REMINDERS, workers.give_reminders(sessions)),
            watch.wakes(Kind.PROPOSALS, proposal_workers.tend(sessions, letters, links)),
            watch.wakes(Kind.MOVES, moving.moves(sessions, persons)),
            # Two, as the database stores what one planned while the other plans.
            watch.wakes(Kind.SERIES, workers.expand_series(sessions)),
            watch.wakes(Kind.SERIES, workers.expand_series(sessions)),
            watch.wakes(Kind.RESOLUTIONS, Resolver(settings, sessions, desk.people)),
            watch.wakes(Kind.BATCHES, Maker(settings, sessions, desk.people, leads)),
            watch.wakes(Kind.REVERTING, workers.revert_batches(sessions)),
            watch.wakes(Kind.DELIVERIES, Courier(settings, sessions, desk.people, desk.notifier)),
            watch.wakes(
                Kind.CONTACT_REMINDERS, Herald(settings, sessions, desk.people, desk.notifier)
            ),
            watch.wakes(
                Kind.REMINDER_LETTERS,
                Postman(settings, sessions, owners, colleagues, desk.notifier, letters),
            ),
            request_workers.watch(sessions, colleagues, settings.requests_seconds),
            workers.measure_due(sessions),
            Digester(settings, sessions, owners, colleagues, desk.notifier, letters),
        ],
        ready=[db.check(sessions), db.revision_check(sessions, PACKAGE)],
        closing=[nats.close],
        prunes=[partial(notifications.prune, limit=db.housekeeping.BATCH)],
    )


if __name__ == "__main__":
    app.start(NAME, Settings, main, PACKAGE)
