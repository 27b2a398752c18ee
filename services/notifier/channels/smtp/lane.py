"""One SMTP session after the other."""

import asyncio

from services.notifier.channels.smtp.dialogue import Dialogue
from services.notifier.channels.smtp.queue import Queue
from services.notifier.channels.smtp.session import Broken, Refused
from services.notifier.channels.wire import Done, Permit

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.5, 15.0


class Lane:
    """One session after the other, as long as messages wait."""

    def __init__(self, pool: Queue, permit: Permit, done: Done) -> None:
        self.done = done
        self._pool = pool
        self._permit = permit
        self._dialogue: Dialogue | None = None

    async def keep(self) -> None:
        """Serves until cancelled."""
        pause = _FIRST_PAUSE_SECONDS
        while True:
            await self._pool.wait()
            try:
                session = await self._pool.open()
            except (Broken, Refused):
                await asyncio.sleep(pause)
                pause = min(_LONGEST_PAUSE_SECONDS, 2 * pause)
                continue
            pause = _FIRST_PAUSE_SECONDS
            self._dialogue = Dialogue(session, self._pool, self._permit, self.done)
            try:
                await self._dialogue.run()
            finally:
                self._dialogue = None

    @property
    def is_up(self) -> bool:
        """Whether it has a session."""
        return self._dialogue is not None

    @property
    def is_stuck(self) -> bool:
        """Whether its server is silent for too long after a final dot."""
        return self._dialogue is not None and self._dialogue.is_stuck

    def tick(self, now: float) -> None:
        """Looks whether the server is silent for too long; `now` is the loop's time."""
        if self._dialogue is not None:
            self._dialogue.tick(now)
