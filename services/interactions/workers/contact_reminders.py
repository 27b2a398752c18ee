"""Reminds contacts of calls and meetings, each once, from any replica.

As the messages of follow-ups go (`delivering`): claimed and committed, looked up, handed over
under a name of their own outside any transaction, recorded.
"""

from collections.abc import Sequence
from datetime import timedelta

from chassis import db
from services.interactions import metrics
from services.interactions.clients.audiences import Audiences
from services.interactions.clients.notifier import MOST, Notifier
from services.interactions.config import Settings
from services.interactions.domain import contact_reminders as rules
from services.interactions.domain import reminder_words
from services.interactions.domain.contact_reminders import Key
from services.interactions.domain.deliveries import News, Reason, State
from services.interactions.domain.follow_ups import PENDING, Type
from services.interactions.domain.reminder_words import Reader
from services.interactions.domain.senders import Sender
from services.interactions.messages.outgoing import Outgoing
from services.interactions.messages.people import Person
from services.interactions.storage import contact_reminders as kept
from services.interactions.usecases import contact_reminders
from services.interactions.usecases.contact_reminders import Batch
from services.interactions.workers import handing
from services.interactions.workers.rounds import Rounds


class Herald(Rounds):
    """Hands over what waits, batch after batch."""

    def __init__(
        self, settings: Settings, sessions: db.Sessions, people: Audiences, notifier: Notifier
    ) -> None:
        super().__init__("remind contacts", self._more)
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
            batch = await contact_reminders.claim(session, MOST, self._lease)
        if batch is None:
            return 0
        held = batch

        async def postpone(keys: Sequence[Key]) -> None:
            async with self._sessions.begin() as session:
                await kept.postpone(session, held.number, keys, self._wait)

        found = await handing.over(
            [it.delivery.key for it in batch.taken],
            lambda found: self._hand_over(held, found),
            postpone,
        )
        async with self._sessions.begin() as session:
            moved = await contact_reminders.record(session, batch.number, found)
        metrics.moved(moved, metrics.contact_reminders)
        return len(batch.taken)

    async def _hand_over(self, batch: Batch, found: dict[Key, News]) -> None:
        """Adds what each reminder of a batch comes to, as soon as it is known."""
        senders: dict[Sender, list[tuple[Key, Type]]] = {}
        for reminder, sender in batch.taken:
            key, follow_up = reminder.key, batch.follow_ups.get(reminder.key.follow_up_id)
            if follow_up is None:
                continue  # deleted meanwhile, and its reminders with it
            why = rules.why_not(
                reminder,
                is_pending=follow_up.status in PENDING,
                contact_id=follow_up.contact_id,
                start=follow_up.start_time,
            )
            if why is None and rules.is_too_late(reminder, batch.now):
                why = Reason.TOO_LATE
            if why is not None:
                found[key] = News(State.SKIPPED, why)
                continue
            senders.setdefault(sender, []).append((key, follow_up.type))
        for sender, some in senders.items():
            await self._tell(sender, some, found)

    async def _tell(
        self, sender: Sender, some: Sequence[tuple[Key, Type]], found: dict[Key, News]
    ) -> None:
        name = await self._notifier.name_of(sender)
        if name is None:
            found.update({key: News(State.FAILED, Reason.SENDER_MISSING) for key, _ in some})
            return
        ids = [key.contact_id for key, _ in some]
        people = await self._people.get(ids, sender.channel, sender)
        ready: dict[Key, Outgoing] = {}
        for key, kind in some:
            person = people.get(key.contact_id)
            if person is None or person.reason:
                reason = person.reason if person else Reason.CONTACT_GONE
                found[key] = News(State.SKIPPED, reason)
            else:
                ready[key] = _written(key, kind, sender, name, person)
        news = await self._notifier.send(list(ready.values()))
        found.update(zip(ready, news, strict=True))


def _written(key: Key, kind: Type, sender: Sender, name: str, person: Person) -> Outgoing:
    reader = Reader(person.values["display_name"], person.locale, person.time_zone)
    parts = reminder_words.written(sender.channel, kind, key.start_time, name, reader)
    return Outgoing(key, sender.channel, sender, person.address, parts, key.start_time)
