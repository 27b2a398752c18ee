"""Hands over the messages of follow-ups at their time, each once, from any replica.

Claimed and committed, then looked up, rendered and handed over outside any transaction, then
recorded. Who is killed anywhere between leaves a lease that ends; the next one hands the same
messages over under the same names, and the notifier knows those it has.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from chassis import db
from services.interactions import metrics
from services.interactions.clients.audiences import Audiences
from services.interactions.clients.notifier import MOST, Notifier
from services.interactions.config import Settings
from services.interactions.domain import deliveries as rules
from services.interactions.domain import messages
from services.interactions.domain.deliveries import Delivery, Key, News, Reason, State
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.domain.messages import Channel, Message
from services.interactions.domain.rendering import Refused, Renderer
from services.interactions.messages.outgoing import Outgoing
from services.interactions.messages.people import Person
from services.interactions.storage import deliveries as kept
from services.interactions.usecases import deliveries
from services.interactions.usecases.deliveries import Batch
from services.interactions.workers import handing
from services.interactions.workers.rounds import Rounds

# So many are rendered before others get a turn.
_SLICE = 25
Kind = tuple[Channel, messages.Purpose, UUID]

log = structlog.get_logger(__name__)


class Courier(Rounds):
    """Hands over what is due, batch after batch."""

    def __init__(
        self, settings: Settings, sessions: db.Sessions, people: Audiences, notifier: Notifier
    ) -> None:
        super().__init__("deliver due messages", self._more)
        self._sessions = sessions
        self._people = people
        self._notifier = notifier
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._wait = timedelta(seconds=settings.retry_seconds)

    async def _more(self) -> bool:
        return await self.round() == MOST

    async def round(self) -> int:
        """Hands over one batch; returns how many were claimed."""
        async with self._sessions.begin() as session:
            batch = await deliveries.claim(session, MOST, self._lease)
        if batch is None:
            return 0
        held = batch

        async def postpone(keys: Sequence[Key]) -> None:
            async with self._sessions.begin() as session:
                await kept.postpone(session, held.number, keys, self._wait)

        found = await handing.over(
            [it.key for it in batch.taken], lambda found: self._hand_over(held, found), postpone
        )
        async with self._sessions.begin() as session:
            moved = await deliveries.record(session, batch.number, found)
        metrics.moved(moved)
        return len(batch.taken)

    async def _hand_over(self, batch: Batch, found: dict[Key, News]) -> None:
        """Adds what each delivery of a batch comes to, as soon as it is known."""
        kinds: dict[Kind, list[tuple[Delivery[Key], FollowUp, Message]]] = {}
        for delivery in batch.taken:
            follow_up = batch.follow_ups.get(delivery.key.follow_up_id)
            channel = messages.channel_of(follow_up.type) if follow_up else None
            if follow_up is None or follow_up.message is None or channel is None:
                continue  # deleted meanwhile, and its deliveries with it
            message = messages.loaded(follow_up.message)
            if rules.is_too_late(
                message.skip_if_later, delivery.due_time, batch.now, delivery.tries
            ):
                found[delivery.key] = News(State.SKIPPED, Reason.TOO_LATE)
                continue
            kind = channel, message.purpose, message.advertiser_id
            kinds.setdefault(kind, []).append((delivery, follow_up, message))
        for (channel, _, _), some in kinds.items():
            ids = [delivery.key.contact_id for delivery, _, _ in some]
            people = await self._people.get(ids, channel, some[0][2])
            ready = await _rendered(some, channel, people, found)
            news = await self._notifier.send(list(ready.values()))
            found.update(zip(ready, news, strict=True))


async def _rendered(
    some: Sequence[tuple[Delivery[Key], FollowUp, Message]],
    channel: Channel,
    people: Mapping[UUID, Person],
    found: dict[Key, News],
) -> dict[Key, Outgoing]:
    """What can be handed over; of the others `found` is told why not."""
    renderers: dict[UUID, Renderer] = {}
    ready: dict[Key, Outgoing] = {}
    for place, (delivery, follow_up, message) in enumerate(some):
        if place % _SLICE == _SLICE - 1:
            await asyncio.sleep(0)
        key, person = delivery.key, people.get(delivery.key.contact_id)
        if person is None or person.reason:
            reason = person.reason if person else Reason.CONTACT_GONE
            found[key] = News(State.SKIPPED, reason)
            continue
        try:
            if follow_up.id not in renderers:
                renderers[follow_up.id] = Renderer(message.templates, messages.limits(channel))
            parts = renderers[follow_up.id].render(person.values)
        except Refused as refused:
            log.info("message_not_rendered", part=refused.refusal.field, follow_up=follow_up.id)
            found[key] = News(State.FAILED, Reason.RENDER_FAILED)
            continue
        late = message.skip_if_later
        not_after = delivery.due_time + late if late is not None else None
        ready[key] = Outgoing(key, channel, message, person.address, parts, not_after)
    return ready
