"""Interactions on a fresh database, with scripted peers that speak the real protocol."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from crm.campaigns.v1 import run_service_pb2_grpc
from crm.interactions.v1 import (
    agenda_service_pb2_grpc,
    calendar_service_pb2_grpc,
    feed_service_pb2_grpc,
    follow_up_service_pb2_grpc,
    interaction_service_pb2_grpc,
    lead_report_service_pb2_grpc,
    note_service_pb2_grpc,
    notification_service_pb2_grpc,
    portal_service_pb2_grpc,
    reassignment_service_pb2_grpc,
    report_service_pb2_grpc,
    request_service_pb2_grpc,
    series_service_pb2_grpc,
    working_hours_service_pb2_grpc,
)
from crm.leads.v1 import contact_service_pb2_grpc

from chassis import db
from chassis.rpc.identities import Identities
from chassis.rpc.keys import Verifier
from services.interactions import clients
from services.interactions.clients import audiences, notifier, press
from services.interactions.clients import people as persons
from services.interactions.clients.renderer import Renderer
from services.interactions.config import Settings
from services.interactions.rpc.agenda import AgendaServicer
from services.interactions.rpc.calendar import CalendarServicer
from services.interactions.rpc.feeds import FeedServicer
from services.interactions.rpc.follow_ups import FollowUpServicer
from services.interactions.rpc.gate import Gate
from services.interactions.rpc.interactions import InteractionServicer
from services.interactions.rpc.lead_reports import LeadReportServicer
from services.interactions.rpc.notes import NoteServicer
from services.interactions.rpc.notifications import NotificationServicer
from services.interactions.rpc.portal import PortalServicer
from services.interactions.rpc.proposal_parts import Studio
from services.interactions.rpc.reassigning import ReassignmentServicer
from services.interactions.rpc.reports import ReportServicer
from services.interactions.rpc.requests import RequestServicer
from services.interactions.rpc.sending import Desk
from services.interactions.rpc.series import SeriesServicer
from services.interactions.rpc.timeline import TimelineServicer
from services.interactions.rpc.working import WorkingHoursServicer
from tests.integration import emptied
from tests.integration.interactions import proposal_parts
from tests.integration.interactions.delivery_parts import Sending, sending
from tests.integration.interactions.house import (
    House,
    OwnersTokens,
    ScriptedCampaigns,
    ScriptedLeads,
    Tokens,
)
from tests.integration.notifier import notifier_parts
from tests.integration.notifier.mail_parts import MailServer
from tests.integration.pools import Pools


@pytest.fixture(scope="session")
def interactions_database(make_database: Callable[[], str]) -> str:
    """The URL of a migrated database, which tests use one after the other."""
    return emptied.migrate(make_database(), "services.interactions")


@pytest.fixture
def settings(interactions_database: str) -> Settings:
    given = {
        "seal_key": "seal",
        "database_url": interactions_database,
        "nats_url": "nats://127.0.0.1:1",
        "issuer_url": "http://127.0.0.1:1",
        "client_secret": "secret",
        "leads_address": "127.0.0.1:1",
        "campaigns_address": "127.0.0.1:1",
        "accounts_address": "127.0.0.1:1",
        "notifier_address": "127.0.0.1:1",
        "public_url": "https://crm.example.com",
        "mac_key": "a key of sixteen letters",
    }
    return Settings.model_validate(given)


@pytest.fixture
async def sessions(settings: Settings, pools: Pools) -> AsyncIterator[db.Sessions]:
    async with pools.open(settings, "interactions") as made:
        await emptied.empty(made)
        yield made


@pytest.fixture
async def house(settings: Settings, sessions: db.Sessions, serve: Callable[..., Any]) -> House:
    # The generated bases leave the calls that no test makes abstract to the type checker only.
    scripted: Any = (ScriptedLeads, ScriptedCampaigns)
    leads, campaigns = (peer() for peer in scripted)
    add_leads = contact_service_pb2_grpc.add_ContactServiceServicer_to_server
    add_campaigns = run_service_pb2_grpc.add_RunServiceServicer_to_server
    leads_server = await serve(settings, "leads", [(add_leads, leads)])
    campaigns_server = await serve(settings, "campaigns", [(add_campaigns, campaigns)])
    asked: Any = Tokens(leads_server)
    people = clients.connect_leads(settings, leads_server.address, asked)
    gate = Gate(sessions, people)
    merging: Any = Tokens(campaigns_server)
    runs = clients.connect_campaigns(settings, campaigns_server.address, merging)
    seal = settings.seal_key
    # Nobody is there: what these tests do has no message. `delivery_parts` has somebody there.
    desk = Desk(
        notifier.connect(settings, settings.notifier_address, asked),
        audiences.connect(settings, leads_server.address, asked),
        Renderer(),
        mails_staff=True,
    )
    studio = Studio(persons.connect(settings, leads_server.address, asked), press.Press())
    timeline = TimelineServicer(sessions, gate, runs, 0.5, seal)
    tokens: Any = OwnersTokens()
    owners = Identities(tokens, Verifier(tokens.keys, "interactions"), "interactions")
    served = await serve(
        settings,
        "interactions",
        [
            (
                calendar_service_pb2_grpc.add_CalendarServiceServicer_to_server,
                CalendarServicer(sessions, seal),
            ),
            (
                feed_service_pb2_grpc.add_FeedServiceServicer_to_server,
                FeedServicer(sessions, people, owners, seal),
            ),
            (
                follow_up_service_pb2_grpc.add_FollowUpServiceServicer_to_server,
                FollowUpServicer(sessions, gate, desk, seal),
            ),
            (
                series_service_pb2_grpc.add_SeriesServiceServicer_to_server,
                SeriesServicer(sessions, gate, desk, seal),
            ),
            (
                working_hours_service_pb2_grpc.add_WorkingHoursServiceServicer_to_server,
                WorkingHoursServicer(sessions),
            ),
            (
                reassignment_service_pb2_grpc.add_ReassignmentServiceServicer_to_server,
                ReassignmentServicer(sessions),
            ),
            (
                note_service_pb2_grpc.add_NoteServiceServicer_to_server,
                NoteServicer(sessions, gate, owners, seal),
            ),
            (
                notification_service_pb2_grpc.add_NotificationServiceServicer_to_server,
                NotificationServicer(sessions, seal),
            ),
            (
                interaction_service_pb2_grpc.add_InteractionServiceServicer_to_server,
                InteractionServicer(sessions, gate),
            ),
            (
                agenda_service_pb2_grpc.add_AgendaServiceServicer_to_server,
                AgendaServicer(sessions, seal),
            ),
            (note_service_pb2_grpc.add_TimelineServiceServicer_to_server, timeline),
            (
                request_service_pb2_grpc.add_RequestServiceServicer_to_server,
                RequestServicer(sessions, seal),
            ),
            (
                portal_service_pb2_grpc.add_PortalServiceServicer_to_server,
                PortalServicer(sessions, gate, studio, seal),
            ),
            (
                report_service_pb2_grpc.add_ReportServiceServicer_to_server,
                ReportServicer(sessions, seal),
            ),
            (
                lead_report_service_pb2_grpc.add_LeadReportServiceServicer_to_server,
                LeadReportServicer(sessions, seal),
            ),
        ],
    )
    return House(served, sessions, leads, campaigns, tokens.people)


@pytest.fixture
async def desk(
    settings: Settings, sessions: db.Sessions, serve: Callable[..., Any]
) -> proposal_parts.Desk:
    """The services of proposals, with scripted leads and notifier."""
    return await proposal_parts.desk(settings, sessions, serve)


@pytest.fixture(scope="session")
def notifier_url(make_database: Callable[[], str]) -> str:
    """The URL of a notifier's migrated database."""
    return emptied.migrate(make_database(), "services.notifier")


@pytest.fixture
async def parts(
    settings: Settings,
    sessions: db.Sessions,
    notifier_url: str,
    serve: Callable[..., Any],
    pools: Pools,
) -> AsyncIterator[Sending]:
    """Interactions with a real notifier and leads that freeze audiences."""
    theirs = notifier_parts.make_settings(notifier_url)
    async with pools.open(theirs, "notifier") as told:
        house = notifier_parts.House(theirs, told)
        async with sending(settings, sessions, house, serve) as made:
            yield made


@pytest.fixture
async def mail() -> AsyncIterator[MailServer]:
    """A running mail server."""
    server = MailServer()
    await server.start()
    yield server
    await server.stop()
