"""Interactions on a fresh database, with scripted peers that speak the real protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import uuid_utils.compat
from crm.campaigns.v1 import run_pb2, run_service_pb2, run_service_pb2_grpc, template_pb2
from crm.interactions.v1 import (
    agenda_service_pb2_grpc,
    calendar_service_pb2_grpc,
    feed_service_pb2_grpc,
    follow_up_pb2,
    follow_up_service_pb2,
    follow_up_service_pb2_grpc,
    interaction_service_pb2_grpc,
    lead_report_service_pb2_grpc,
    note_service_pb2_grpc,
    notification_service_pb2_grpc,
    reassignment_service_pb2_grpc,
    report_service_pb2_grpc,
    series_service_pb2_grpc,
    working_hours_service_pb2_grpc,
)
from crm.leads.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from chassis import context, db, errors
from chassis.context import Principal
from chassis.events.consumer import Event
from chassis.rpc.keys import Verifier
from services.interactions import clients, consumers
from services.interactions.clients import audiences, notifier
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
from services.interactions.rpc.reassigning import ReassignmentServicer
from services.interactions.rpc.reports import ReportServicer
from services.interactions.rpc.sending import Desk
from services.interactions.rpc.series import SeriesServicer
from services.interactions.rpc.timeline import TimelineServicer
from services.interactions.rpc.working import WorkingHoursServicer
from tests.integration import emptied, serving
from tests.integration.interactions import proposal_parts

SERVICE = Principal("interactions", "service")
NOON = datetime(2026, 5, 1, 5, tzinfo=UTC)


def stamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


class ScriptedLeads(contact_service_pb2_grpc.ContactServiceServicer):
    """Answers BatchGetContacts as leads does; notes for whom it was asked."""

    def __init__(self) -> None:
        self.contacts: dict[str, contact_pb2.Contact] = {}
        self.asked_for: list[str] = []
        self.away = False

    async def BatchGetContacts(self, request: Any, _: Any) -> Any:
        if self.away:
            raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="leads")
        self.asked_for.append(context.require_principal().subject)
        found = [self.contacts[each] for each in request.ids if each in self.contacts]
        return contact_service_pb2.BatchGetContactsResponse(contacts=found)


class ScriptedCampaigns(run_service_pb2_grpc.RunServiceServicer):
    """Answers ListContactRecipients by place in a list; can hang or be away."""

    def __init__(self) -> None:
        self.recipients: list[run_pb2.Recipient] = []
        self.hangs = False
        self.away = False

    async def ListContactRecipients(self, request: Any, _: Any) -> Any:
        if self.hangs:
            await asyncio.Event().wait()
        if self.away:
            raise errors.Unavailable("PEER_UNAVAILABLE", "away", peer="campaigns")
        start = int(request.page_token or 0)
        end = start + request.page_size
        return run_service_pb2.ListContactRecipientsResponse(
            recipients=self.recipients[start:end],
            next_page_token=str(end) if end < len(self.recipients) else "",
        )

    def had(self, time: datetime, campaign: str = "Tết") -> str:
        """Adds an older run's message; returns its id."""
        made = run_pb2.Recipient(
            message_id=str(uuid4()),
            run_id=str(uuid4()),
            channel=template_pb2.CHANNEL_SMS,
            state=run_pb2.RECIPIENT_STATE_DELIVERED,
            update_time=stamp(time),
            campaign_name=campaign,
        )
        self.recipients.append(made)
        return made.message_id


class Tokens:
    """Gives tokens that the scripted peer trusts."""

    def __init__(self, peer: serving.Served) -> None:
        self._peer = peer

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        who = Principal(on_behalf_of, "user", actor="interactions") if on_behalf_of else SERVICE
        return self._peer.token(who)

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        return None


class OwnersTokens:
    """Gives tokens with the rights that people have now, as accounts does for interactions."""

    def __init__(self) -> None:
        self.people: dict[str, Principal] = {}
        self.keys = serving.TestKeys()

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        if on_behalf_of not in self.people:
            raise errors.PermissionDenied("ON_BEHALF_OF_REFUSED", "not for this one")
        return self.keys.token(self.people[on_behalf_of], audience)

    def forget(self, audience: str, on_behalf_of: str | None = None) -> None:
        return None


@dataclass
class House:
    """The service under test, its peers, and what tests look into."""

    served: serving.Served
    sessions: db.Sessions
    leads: ScriptedLeads
    campaigns: ScriptedCampaigns
    people: dict[str, Principal]

    def calendar(self, who: Principal = SERVICE) -> Any:
        return calendar_service_pb2_grpc.CalendarServiceStub(self.served.as_(who))

    def feeds(self, who: Principal = SERVICE) -> Any:
        return feed_service_pb2_grpc.FeedServiceStub(self.served.as_(who))

    def follow_ups(self, who: Principal = SERVICE) -> Any:
        return follow_up_service_pb2_grpc.FollowUpServiceStub(self.served.as_(who))

    def series(self, who: Principal = SERVICE) -> Any:
        return series_service_pb2_grpc.SeriesServiceStub(self.served.as_(who))

    def working_hours(self, who: Principal = SERVICE) -> Any:
        return working_hours_service_pb2_grpc.WorkingHoursServiceStub(self.served.as_(who))

    def reassignments(self, who: Principal = SERVICE) -> Any:
        return reassignment_service_pb2_grpc.ReassignmentServiceStub(self.served.as_(who))

    def notes(self, who: Principal = SERVICE) -> Any:
        return note_service_pb2_grpc.NoteServiceStub(self.served.as_(who))

    def notifications(self, who: Principal = SERVICE) -> Any:
        return notification_service_pb2_grpc.NotificationServiceStub(self.served.as_(who))

    def interactions(self, who: Principal = SERVICE) -> Any:
        return interaction_service_pb2_grpc.InteractionServiceStub(self.served.as_(who))

    def agenda(self, who: Principal = SERVICE) -> Any:
        return agenda_service_pb2_grpc.AgendaServiceStub(self.served.as_(who))

    def reports(self, who: Principal = SERVICE) -> Any:
        return report_service_pb2_grpc.ReportServiceStub(self.served.as_(who))

    def lead_reports(self, who: Principal = SERVICE) -> Any:
        return lead_report_service_pb2_grpc.LeadReportServiceStub(self.served.as_(who))

    def timeline(self, who: Principal = SERVICE) -> Any:
        return note_service_pb2_grpc.TimelineServiceStub(self.served.as_(who))

    def contact(self, *owners: str, team: str = "", **more: Any) -> contact_pb2.Contact:
        """Makes a contact that leads knows of."""
        made = contact_pb2.Contact(
            id=str(uuid4()),
            revision=1,
            owner_ids=owners,
            team_id=team,
            create_time=stamp(NOON),
            **more,
        )
        self.leads.contacts[made.id] = made
        return made

    async def tell(self, message: Message, time: datetime = NOON, event_id: str = "") -> Event:
        """Hands an event to its handler as the consumer does."""
        subject = message.DESCRIPTOR.full_name
        event = Event(
            id=event_id or str(uuid_utils.compat.uuid7()),
            subject=subject,
            data=message.SerializeToString(),
            headers={},
            time=time,
            revision=0,
            key="",
            deliveries=1,
        )
        await self.deliver(event)
        return event

    async def deliver(self, event: Event) -> None:
        async with self.sessions.begin() as session:
            await consumers.HANDLERS[event.subject](session, event)

    async def plan(self, contact: str, who: Principal = SERVICE, **more: Any) -> Any:
        """Plans a follow-up."""
        given = {"title": "Gọi lại", "type": 1, "start_time": stamp(NOON), **more}
        planned = follow_up_pb2.FollowUp(contact_ids=[contact], **given)
        request = follow_up_service_pb2.CreateFollowUpRequest(follow_up=planned)
        return await self.follow_ups(who).CreateFollowUp(request)


def person(
    level: str = "all", team: str | None = None, user_id: str = "", **rights: str
) -> Principal:
    """A user with one level for everything of contacts, follow-ups and notes."""
    actions = dict.fromkeys(("read", "write", "delete"), level)
    given = {resource: actions for resource in ("contacts", "follow_ups", "notes", "proposals")}
    for resource, reach in rights.items():
        given[resource] = dict.fromkeys(actions, reach)
    return Principal(user_id or str(uuid4()), "user", team, given)


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
async def sessions(settings: Settings) -> AsyncIterator[db.Sessions]:
    made = db.sessions(settings, "interactions")
    await emptied.empty(made)
    yield made
    await db.dispose(made)


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
    timeline = TimelineServicer(sessions, gate, runs, 0.5, seal)
    tokens: Any = OwnersTokens()
    owners = clients.Owners(tokens, Verifier(tokens.keys, "interactions"), "interactions")
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
    settings: Settings, sessions: db.Sessions, notifier_url: str, serve: Callable[..., Any]
) -> AsyncIterator[Any]:
    """Interactions with a real notifier and leads that freeze audiences."""
    # What is there takes names of this file.
    from tests.integration.interactions.delivery_parts import sending

    async with sending(settings, sessions, notifier_url, serve) as made:
        yield made


def later(minutes: float) -> Timestamp:
    return stamp(datetime.now(UTC) + timedelta(minutes=minutes))
