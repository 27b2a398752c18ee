"""Consumes a durable's messages: effect and inbox row in one transaction, then acknowledged."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import metrics
from chassis.db import Sessions, check, inbox
from chassis.events import event as events
from chassis.events.connection import BrokerSettings, Connection
from chassis.events.event import Event, Poison
from chassis.events.puller import Batch, Policy, Puller
from chassis.events.relay import HEARTBEAT_SUBJECT

__all__ = [
    "BatchHandler",
    "Event",
    "Handler",
    "Poison",
    "Policy",
    "WorkHandler",
    "consume",
    "work",
]

Handler = Callable[[AsyncSession, Event], Awaitable[None]]
BatchHandler = Callable[[AsyncSession, Sequence[Event]], Awaitable[None]]
WorkHandler = Callable[[Event], Awaitable[None]]


def consume(
    settings: BrokerSettings,
    nats: Connection,
    sessions: Sessions,
    *,
    stream: str,
    durable: str,
    handlers: Mapping[str, Handler],
    on_heartbeat: Callable[[Event], None] | None = None,
    policy: Policy | None = None,
    batch: int = 1,
    apart: float = 0.0,
    batch_handler: BatchHandler | None = None,
) -> Puller:
    """Return the background task that hands each event to the handler of its subject, once.

    The handler runs in the transaction that notes the event; it does no remote call. An event
    without a handler is acknowledged. `on_heartbeat` is told of heartbeats, which leave no note.

    Up to `batch` events that are there share one transaction: each goes to its handler, in order,
    or all go to `batch_handler`, which sees only those that have a handler and no effect yet. When
    it fails, each is handled again alone, by its own handler; so is one that comes again. Batches
    begin `apart` seconds after each other or later, so that under load each has more.
    """

    def is_wanted(event: Event) -> bool:
        if event.subject.startswith(HEARTBEAT_SUBJECT):
            if on_heartbeat is not None:
                on_heartbeat(event)
            return False
        return event.subject in handlers

    async def effect(event: Event) -> None:
        if not is_wanted(event):
            return
        async with sessions.begin() as session:
            if await inbox.seen_before(session, durable, event.id):
                metrics.consumer_duplicate.labels(durable).inc()
                return
            await handlers[event.subject](session, event)

    async def effects(received: Sequence[Event]) -> None:
        wanted = [event for event in received if is_wanted(event)]
        by_id = {event.id: event for event in reversed(wanted)}
        if not by_id:
            return
        async with sessions.begin() as session:
            fresh = await inbox.note(session, durable, by_id)
            new = [event for event in wanted if event.id in fresh and by_id[event.id] is event]
            metrics.consumer_duplicate.labels(durable).inc(len(wanted) - len(new))
            if batch_handler is not None and new:
                await batch_handler(session, new)
                return
            for event in new:
                with events.around(event):
                    await handlers[event.subject](session, event)

    together = Batch(batch, effects, apart) if batch > 1 else None
    return Puller(nats, stream, durable, effect, policy or Policy(), together, check(sessions))


def work(
    settings: BrokerSettings,
    nats: Connection,
    *,
    stream: str,
    durable: str,
    handler: WorkHandler,
    policy: Policy | None = None,
    sessions: Sessions | None = None,
) -> Puller:
    """Return the background task that hands each work message to `handler`, at least once.

    The handler owns its transactions and is idempotent by the keys in the message. Nothing is
    fetched while the database of `sessions` is away.
    """
    well = check(sessions) if sessions is not None else None
    return Puller(nats, stream, durable, handler, policy or Policy(handle_seconds=300.0), well=well)
