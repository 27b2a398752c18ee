"""Interactions and its scripted peers, which speak the real protocol: what tests ask and tell."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

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
    portal_service_pb2_grpc,
    reassignment_service_pb2_grpc,
    report_service_pb2_grpc,
    request_service_pb2_grpc,
    series_service_pb2_grpc,
    working_hours_service_pb2_grpc,
)
from crm.leads.v1 import contact_pb2, contact_service_pb2, contact_service_pb2_grpc
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy import text

from chassis import context, db, errors
from chassis.context import Principal
from chassis.events.consumer import Event
from services.interactions import consumers
from tests.integration import serving

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


def reader(subject: str) -> Principal:
    """Somebody on whose behalf interactions asks leads."""
    return Principal(subject, "user", rights={"contacts": {"read": "all"}}, actor="interactions")


class Tokens:
    """Gives tokens that the scripted peer trusts."""

    def __init__(self, peer: serving.Served) -> None:
        self._peer = peer

    async def for_(self, audience: str, on_behalf_of: str | None = None) -> str:
        return self._peer.token(reader(on_behalf_of) if on_behalf_of else SERVICE)

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

    def requests(self, who: Principal = SERVICE) -> Any:
        return request_service_pb2_grpc.RequestServiceStub(self.served.as_(who))

    def portal(self, contact_id: str) -> Any:
        """What the customer who that contact is calls."""
        who = Principal(f"login of {contact_id}", "contact", contact_id=contact_id)
        return portal_service_pb2_grpc.PortalServiceStub(self.served.as_(who))

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


_RESOURCES = ("contacts", "follow_ups", "notes", "proposals", "requests")


def person(
    level: str = "all", team: str | None = None, user_id: str = "", **rights: str
) -> Principal:
    """A user with one level for everything of contacts and what is done with them."""
    actions = dict.fromkeys(("read", "write", "delete"), level)
    given = {resource: actions for resource in _RESOURCES}
    for resource, reach in rights.items():
        given[resource] = dict.fromkeys(actions, reach)
    return Principal(user_id or str(uuid4()), "user", team, given)


def later(minutes: float) -> Timestamp:
    return stamp(datetime.now(UTC) + timedelta(minutes=minutes))


async def somebody_waits(sessions: db.Sessions) -> None:
    """Returns once somebody waits in the database for a lock that another holds."""
    waiting = text("SELECT 1 FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(30):
        while True:
            async with sessions.begin() as session:
                if (await session.execute(waiting)).first():
                    return
