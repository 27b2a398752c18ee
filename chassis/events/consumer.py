"""Consumes a durable's messages: effect and inbox row in one transaction, then acknowledged."""

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import metrics
from chassis.db import Sessions, inbox
from chassis.events.connection import BrokerSettings, Connection
from chassis.events.event import Event, Poison
from chassis.events.puller import Policy, Puller
from chassis.events.relay import HEARTBEAT_SUBJECT

__all__ = ["Event", "Handler", "Poison", "Policy", "WorkHandler", "consume", "work"]

Handler = Callable[[AsyncSession, Event], Awaitable[None]]
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
) -> Puller:
    """Return the background task that hands each event to the handler of its subject, once.

    The handler runs in the transaction that notes the event; it does no remote call. An event
    without a handler is acknowledged. `on_heartbeat` is told of heartbeats, which leave no note.
    """

    async def effect(event: Event) -> None:
        if event.subject.startswith(HEARTBEAT_SUBJECT):
            if on_heartbeat is not None:
                on_heartbeat(event)
            return
        handler = handlers.get(event.subject)
        if handler is None:
            return
        async with sessions.begin() as session:
            if await inbox.seen_before(session, durable, event.id):
                metrics.consumer_duplicate.labels(durable).inc()
                return
            await handler(session, event)

    return Puller(nats, stream, durable, effect, policy or Policy())


def work(
    settings: BrokerSettings,
    nats: Connection,
    *,
    stream: str,
    durable: str,
    handler: WorkHandler,
    policy: Policy | None = None,
) -> Puller:
    """Return the background task that hands each work message to `handler`, at least once.

    The handler owns its transactions and is idempotent by the keys in the message.
    """
    return Puller(nats, stream, durable, handler, policy or Policy(handle_seconds=300.0))
