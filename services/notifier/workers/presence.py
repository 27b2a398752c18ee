"""Says that this worker serves a provider; its rate is shared among those that do."""

import asyncio

from chassis.db import Sessions
from chassis.db.patience import patiently
from services.notifier.channels.wire import Wire
from services.notifier.config import Settings
from services.notifier.storage import lookups
from services.notifier.workers import metrics
from services.notifier.workers.filling import Filler
from services.notifier.workers.leases import Leases
from services.notifier.workers.room import Room

_TELL_SECONDS = 1.5


class Presence:
    """What the other workers are told of this one, and what it learns of how many they are."""

    def __init__(
        self,
        settings: Settings,
        sessions: Sessions,
        wire: Wire,
        filler: Filler,
        leases: Leases,
        room: Room,
    ) -> None:
        self._settings = settings
        self._sessions = sessions
        self._wire = wire
        self._filler = filler
        self._leases = leases
        self._room = room
        self._is_seeded = False
        self._limit = (
            settings.sms_max_per_second
            if wire.provider == "smpp"
            else settings.email_max_per_second
        )

    async def tell(self) -> None:
        """Tells until cancelled."""
        while True:
            await patiently(self._tell_once, name=f"presence {self._wire.provider}")
            await asyncio.sleep(_TELL_SECONDS)

    async def end(self) -> None:
        """This worker is going."""
        async with self._sessions.begin() as session:
            await lookups.end_session(session, self._wire.provider, self._settings.instance)

    async def _tell_once(self) -> None:
        provider = self._wire.provider
        if not self._is_seeded:
            async with self._sessions.begin() as session:
                await lookups.seed_provider(
                    session, provider, self._wire.channel, self._wire.address, self._limit
                )
            self._is_seeded = True
        living = await lookups.note_session(
            self._sessions,
            provider,
            self._settings.instance,
            self._wire.capacity > 0,
            self._wire.trouble,
        )
        domains = self._filler.workshop.domains
        self._filler.share = domains.share = 1 / max(1, living)
        domains.window = self._room.window
        self._room.limit(self._limit * self._filler.share)
        metrics.open_attempts.labels(provider).set(len(self._leases))
        metrics.connected.labels(provider).set(1 if self._wire.capacity else 0)
