"""Interactions with a real notifier behind it, and leads that freeze audiences as leads does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from crm.interactions.v1 import (
    delivery_pb2,
    follow_up_batch_service_pb2_grpc,
    follow_up_pb2,
    follow_up_service_pb2,
    follow_up_service_pb2_grpc,
    series_service_pb2_grpc,
)
from crm.leads.v1 import audience_service_pb2_grpc, contact_pb2, contact_service_pb2_grpc
from crm.notifier.v1 import events_pb2
from sqlalchemy import text

from chassis import db
from chassis.context import Principal
from chassis.events.consumer import Event
from services.interactions import clients, consumers
from services.interactions.clients import audiences as leads_audiences
from services.interactions.clients import notifier
from services.interactions.clients.renderer import Renderer
from services.interactions.config import Settings
from services.interactions.rpc.batches import FollowUpBatchServicer
from services.interactions.rpc.follow_ups import FollowUpServicer
from services.interactions.rpc.gate import Gate
from services.interactions.rpc.sending import Desk
from services.interactions.rpc.series import SeriesServicer
from services.interactions.workers.batching import Maker
from services.interactions.workers.contact_reminders import Herald
from services.interactions.workers.delivering import Courier
from services.interactions.workers.resolving import Resolver
from services.notifier import rpc as notifier_rpc
from tests.integration import serving
from tests.integration.interactions.house import SERVICE, ScriptedLeads, Tokens, later
from tests.integration.interactions.scripted_audiences import ScriptedAudiences
from tests.integration.notifier import notifier_parts
from tests.integration.notifier.notifier_parts import ADVERTISER, EMAIL_SENDER

SETTLED = events_pb2.MessagesSettled.DESCRIPTOR.full_name


@dataclass
class Sending:
    """Interactions and a notifier, each on a database of its own."""

    settings: Settings
    sessions: db.Sessions
    leads: ScriptedLeads
    audiences: ScriptedAudiences
    notifier: notifier_parts.House
    notifier_server: serving.Served
    served: serving.Served
    desk: Desk
    leads_client: clients.Leads
    told: set[str] = field(default_factory=set)

    def follow_ups(self, who: Principal = SERVICE) -> Any:
        return follow_up_service_pb2_grpc.FollowUpServiceStub(self.served.as_(who))

    def series(self, who: Principal = SERVICE) -> Any:
        return series_service_pb2_grpc.SeriesServiceStub(self.served.as_(who))

    def batches(self, who: Principal = SERVICE) -> Any:
        return follow_up_batch_service_pb2_grpc.FollowUpBatchServiceStub(self.served.as_(who))

    def contact(self, name: str = "", **more: Any) -> str:
        """Makes a contact with an e-mail address; returns its id."""
        id_ = str(uuid4())
        name = name or f"n{id_[:8]}"
        given: dict[str, Any] = {
            "emails": [contact_pb2.Email(address=f"{name}@example.vn", valid=True)],
            "display_name": name.title(),
            "revision": 1,
            **more,
        }
        self.leads.contacts[id_] = contact_pb2.Contact(id=id_, **given)
        return id_

    async def plan(self, *contacts: str, who: Principal = SERVICE, **more: Any) -> Any:
        """Plans an e-mail to contacts, due at once."""
        planned = planned_mail(*contacts, **more)
        request = follow_up_service_pb2.CreateFollowUpRequest(follow_up=planned)
        return await self.follow_ups(who).CreateFollowUp(request)

    async def get(self, planned: Any) -> Any:
        request = follow_up_service_pb2.GetFollowUpRequest(id=planned.id)
        return await self.follow_ups().GetFollowUp(request)

    async def deliveries(self, planned: Any) -> dict[str, tuple[str, str]]:
        """State and reason of each delivery, by contact."""
        request = follow_up_service_pb2.ListFollowUpDeliveriesRequest(follow_up_id=planned.id)
        found = await self.follow_ups().ListFollowUpDeliveries(request)
        return {it.contact_id: (state_of(it), it.reason) for it in found.deliveries}

    def courier(self, **changes: Any) -> Courier:
        """A worker of its own replica."""
        settings = self.settings.model_copy(update=changes)
        return Courier(settings, self.sessions, self.desk.people, self.desk.notifier)

    def herald(self, **changes: Any) -> Herald:
        settings = self.settings.model_copy(update=changes)
        return Herald(settings, self.sessions, self.desk.people, self.desk.notifier)

    def maker(self, **changes: Any) -> Maker:
        settings = self.settings.model_copy(update=changes)
        return Maker(settings, self.sessions, self.desk.people, self.leads_client)

    def resolver(self, **changes: Any) -> Resolver:
        settings = self.settings.model_copy(update=changes)
        return Resolver(settings, self.sessions, self.desk.people)

    async def sql(self, statement: str, **given: Any) -> list[Any]:
        async with self.sessions.begin() as session:
            found = await session.execute(text(statement), given)
            return list(found) if found.returns_rows else []  # type: ignore[attr-defined]

    async def settled(self) -> list[events_pb2.SettledMessage]:
        """What the notifier has told so far, oldest first."""
        return await notifier_parts.settled(self.notifier)

    async def hear(self, *messages: events_pb2.SettledMessage) -> None:
        """Hands news to the consumer's handler, in one event."""
        _, all_settled = consumers.outcomes(self.settings.client_id)
        async with self.sessions.begin() as session:
            await all_settled(session, [event_of(*messages)])


def event_of(*messages: events_pb2.SettledMessage) -> Event:
    """The event that tells of messages."""
    return Event(
        id=str(uuid4()),
        subject=SETTLED,
        data=events_pb2.MessagesSettled(messages=messages).SerializeToString(),
        headers={},
        time=later(0).ToDatetime(),
        revision=0,
        key="",
        deliveries=1,
    )


async def killed_before_it_recorded(worker: Courier | Herald) -> None:
    """A replica hands over, and is killed before it records."""
    sessions, claims = worker._sessions, list[int]()

    class Once:
        """The database for the claim, and nothing after it."""

        def begin(self) -> Any:
            if claims:
                raise asyncio.CancelledError
            claims.append(1)
            return sessions.begin()

    worker._sessions = Once()  # type: ignore[assignment]
    with pytest.raises(asyncio.CancelledError):
        await worker.round()


def planned_mail(*contacts: str, **more: Any) -> follow_up_pb2.FollowUp:
    """An e-mail follow-up that is due at once."""
    message = follow_up_pb2.FollowUpMessage(
        advertiser_id=str(ADVERTISER),
        sender_identity_id=str(EMAIL_SENDER),
        subject="Chào {{ display_name }}",
        text="Chao {{ display_name }}, cam on.",
    )
    late = more.pop("skip_if_later", None)
    if late is not None:
        message.skip_if_later.FromTimedelta(late)
    for name in ("subject", "html", "text", "sender_identity_id", "purpose"):
        if name in more:
            setattr(message, name, more.pop(name))
    given = {
        "title": "Chăm sóc",
        "type": follow_up_pb2.FOLLOW_UP_TYPE_EMAIL,
        "start_time": later(-1),
        "message": message,
        **more,
    }
    return follow_up_pb2.FollowUp(contact_ids=contacts, **given)


async def cancel(parts: Sending, planned: Any) -> Any:
    request = follow_up_service_pb2.CancelFollowUpRequest(id=planned.id)
    return await parts.follow_ups().CancelFollowUp(request)


def state_of(delivery: delivery_pb2.FollowUpDelivery) -> str:
    return delivery_pb2.DeliveryState.Name(delivery.state).removeprefix("DELIVERY_STATE_")


def counts(follow_up: Any) -> dict[str, int]:
    """The progress without its zeros."""
    return {it.name: count for it, count in follow_up.progress.ListFields()}


@asynccontextmanager
async def sending(
    settings: Settings,
    sessions: db.Sessions,
    house: notifier_parts.House,
    serve: Callable[..., Any],
) -> AsyncIterator[Sending]:
    """Everything served, the notifier's engine left to the test."""
    made = house.settings
    await house.empty()
    await house.furnish()
    # The generated bases leave the calls that no test makes abstract to the type checker only.
    kinds: Any = (ScriptedLeads, ScriptedAudiences)
    leads = kinds[0]()
    audiences = kinds[1](leads)
    leads_server = await serve(
        settings,
        "leads",
        [
            (contact_service_pb2_grpc.add_ContactServiceServicer_to_server, leads),
            (audience_service_pb2_grpc.add_AudienceServiceServicer_to_server, audiences),
        ],
    )
    notifier_server = await serve(
        made, "notifier", notifier_rpc.servicers(made, house.sessions, [])
    )
    tokens: Any = Tokens(leads_server)
    to_notifier: Any = Tokens(notifier_server)
    desk = Desk(
        notifier.connect(settings, notifier_server.address, to_notifier),
        leads_audiences.connect(settings, leads_server.address, tokens),
        Renderer(wall_seconds=60),
    )
    leads_client = clients.connect_leads(settings, leads_server.address, tokens)
    gate = Gate(sessions, leads_client)
    seal = settings.seal_key
    served = await serve(
        settings,
        "interactions",
        [
            (
                follow_up_service_pb2_grpc.add_FollowUpServiceServicer_to_server,
                FollowUpServicer(sessions, gate, desk, seal),
            ),
            (
                series_service_pb2_grpc.add_SeriesServiceServicer_to_server,
                SeriesServicer(sessions, gate, desk, seal),
            ),
            (
                follow_up_batch_service_pb2_grpc.add_FollowUpBatchServiceServicer_to_server,
                FollowUpBatchServicer(sessions, gate, seal),
            ),
        ],
    )
    yield Sending(
        settings, sessions, leads, audiences, house, notifier_server, served, desk, leads_client
    )
    await house.stop_all()
