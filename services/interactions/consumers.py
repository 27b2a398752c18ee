"""Reacts to what leads tells of contacts, and the notifier of messages."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from crm.leads.v1 import events_pb2
from crm.notifier.v1 import events_pb2 as notifier_events_pb2
from google.protobuf.message import DecodeError, Message
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.events.connection import Connection
from chassis.events.consumer import BatchHandler, Event, Handler, Poison, Policy, consume
from chassis.events.puller import Puller
from services.interactions import metrics
from services.interactions.config import Settings
from services.interactions.domain import contact_reminders
from services.interactions.domain.contacts import Contact
from services.interactions.domain.deliveries import Key, News
from services.interactions.domain.proposals import fates
from services.interactions.domain.proposals.events import LetterKey
from services.interactions.domain.timeline import Fact, Kind
from services.interactions.messages import contacts, deliveries, letters, timeline
from services.interactions.usecases import contact_reminders as reminders
from services.interactions.usecases import deliveries as usecases
from services.interactions.usecases import proposal_fates, story

M = TypeVar("M", bound=Message)
Told = tuple[list[Contact], list[Fact]]

DURABLES: Mapping[str, str] = {
    "interactions-timeline": "FACTS",
    "interactions-contacts": "FACTS",
    "interactions-control": "CONTROL",
}
"""Each durable and its stream; all hand to the same handlers."""

MESSAGES, MESSAGES_STREAM = "interactions-messages", "FACTS"

# So many events, each of up to 500 messages, share a transaction when they wait together.
MESSAGES_BATCH, MESSAGES_APART = 4, 0.1

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


def outcomes(caller: str) -> tuple[Handler, BatchHandler]:
    """Returns what is done with the notifier's news of messages, one or many; ours are `caller`'s.

    Matched by the name they were handed over under, so that news may come before the hand-over
    was recorded. Raises `Poison` for what is no news.
    """

    async def all_settled(session: AsyncSession, events: Sequence[Event]) -> None:
        told: dict[Key, list[News]] = {}
        reminded: dict[contact_reminders.Key, list[News]] = {}
        mailed: dict[LetterKey, list[fates.News]] = {}
        try:
            for each in itertools.chain.from_iterable(map(_settled, events)):
                if (settled := deliveries.settled(each, caller)) is not None:
                    key, news = settled
                    if isinstance(key, Key):
                        told.setdefault(key, []).append(news)
                    else:
                        reminded.setdefault(key, []).append(news)
                elif (letter := letters.settled(each, caller)) is not None:
                    mailed.setdefault(letter.key, []).append(letter.news)
        except (DecodeError, ValueError):
            raise Poison("EVENT_UNREADABLE") from None
        if told:
            metrics.moved(await usecases.settle(session, told))
        moved = await reminders.settle(session, reminded)
        metrics.moved(moved, metrics.contact_reminders)
        # After what keeps contacts from being deleted, as whoever deletes one does.
        await proposal_fates.settle(session, mailed)

    async def settled(session: AsyncSession, event: Event) -> None:
        await all_settled(session, [event])

    return settled, all_settled


def _settled(event: Event) -> Iterable[notifier_events_pb2.SettledMessage]:
    return notifier_events_pb2.MessagesSettled.FromString(event.data).messages


def messages(settings: Settings, nats: Connection, sessions: db.Sessions) -> Puller:
    """Returns the task that hears what became of our messages."""
    one, many = outcomes(settings.client_id)
    return consume(
        settings,
        nats,
        sessions,
        stream=MESSAGES_STREAM,
        durable=MESSAGES,
        handlers={notifier_events_pb2.MessagesSettled.DESCRIPTOR.full_name: one},
        batch=MESSAGES_BATCH,
        apart=MESSAGES_APART,
        batch_handler=many,
    )
