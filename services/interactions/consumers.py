"""Reacts to what leads tells: copies of contacts and facts of their stories."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from crm.leads.v1 import events_pb2
from google.protobuf.message import DecodeError, Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.events.consumer import Event, Handler, Poison, Policy
from services.interactions.domain.contacts import Contact
from services.interactions.domain.timeline import Fact, Kind
from services.interactions.messages import contacts, timeline
from services.interactions.usecases import story

M = TypeVar("M", bound=Message)
Told = tuple[list[Contact], list[Fact]]

DURABLES: Mapping[str, str] = {
    "interactions-timeline": "FACTS",
    "interactions-contacts": "FACTS",
    "interactions-control": "CONTROL",
}
"""Each durable and its stream; all hand to the same handlers."""

POLICY = Policy(concurrency=2)
"""Two at a time: one that hangs delays no other, and revisions make any order right."""


def _created(told: events_pb2.ContactCreated, event: Event) -> Told:
    return [contacts.contact(told.contact)], [timeline.created(told, event.time, event.id)]


def _updated(told: events_pb2.ContactUpdated, event: Event) -> Told:
    return [contacts.contact(told.contact)], []


def _stage_changed(told: events_pb2.ContactStageChanged, event: Event) -> Told:
    return [contacts.contact(told.contact)], [timeline.stage_changed(told, event.time, event.id)]


def _converted(told: events_pb2.ContactConverted, event: Event) -> Told:
    return [contacts.contact(told.contact)], [timeline.converted(told, event.time, event.id)]


def _transactions(told: events_pb2.TransactionsIngested, event: Event) -> Told:
    return [], timeline.transactions(told, event.time, event.id)


def _given(told: events_pb2.ConsentGiven, event: Event) -> Told:
    return [], [timeline.consent(told.entry, Kind.CONSENT_GIVEN, event.time, event.id)]


def _withdrawn(told: events_pb2.ConsentWithdrawn, event: Event) -> Told:
    return [], [timeline.consent(told.entry, Kind.CONSENT_WITHDRAWN, event.time, event.id)]


def _telling(message: type[M], read: Callable[[M, Event], Told]) -> tuple[str, Handler]:
    async def handle(session: AsyncSession, event: Event) -> None:
        try:
            copies, facts = read(message.FromString(event.data), event)
        except (DecodeError, ValueError):
            raise Poison("EVENT_UNREADABLE") from None
        await story.tell(session, copies, facts)

    return message.DESCRIPTOR.full_name, handle


async def _imported(session: AsyncSession, event: Event) -> None:
    try:
        told = events_pb2.ContactsImported.FromString(event.data)
        copies = [contacts.contact(each) for each in told.contacts]
        fact = timeline.imported(told, event.time, event.id)
    except (DecodeError, ValueError):
        raise Poison("EVENT_UNREADABLE") from None
    await story.tell_imported(session, copies, fact)


async def _forget(session: AsyncSession, event: Event) -> None:
    try:
        tombstone = contacts.tombstone(events_pb2.ContactDeleted.FromString(event.data))
    except (DecodeError, ValueError):
        raise Poison("EVENT_UNREADABLE") from None
    await story.forget(session, tombstone)


HANDLERS: Mapping[str, Handler] = dict(
    [
        _telling(events_pb2.ContactCreated, _created),
        _telling(events_pb2.ContactUpdated, _updated),
        (events_pb2.ContactsImported.DESCRIPTOR.full_name, _imported),
        _telling(events_pb2.ContactStageChanged, _stage_changed),
        _telling(events_pb2.ContactConverted, _converted),
        _telling(events_pb2.TransactionsIngested, _transactions),
        _telling(events_pb2.ConsentGiven, _given),
        _telling(events_pb2.ConsentWithdrawn, _withdrawn),
        (events_pb2.ContactDeleted.DESCRIPTOR.full_name, _forget),
    ]
)
