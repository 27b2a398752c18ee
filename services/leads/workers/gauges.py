"""Keeps the gauges that only the database knows current; every replica tells the same."""

from chassis import context, db
from chassis.db.patience import patiently
from chassis.sealing import Keys
from services.leads import metrics
from services.leads.storage import sealed

# It reads all descriptions there are.
_SECONDS = 600.0


class Gauges:
    """A background task: how much is sealed, and by which keys."""

    def __init__(self, sessions: db.Sessions, keys: Keys) -> None:
        self._sessions = sessions
        self._keys = keys

    async def __call__(self) -> None:
        """Measure now and every ten minutes, until the process drains."""
        while not context.draining().is_set():
            await patiently(self.measure, name="gauges")
            await context.pause(_SECONDS)

    async def measure(self) -> None:
        """Read it once; without keys nothing is meant to be sealed."""
        newest = self._keys.newest
        if not newest:
            return
        async with self._sessions.begin() as session:
            found = await sealed.counts(session)
        plain, current = found.get("", 0), found.get(newest, 0)
        metrics.sealed_rows.labels("plain").set(plain)
        metrics.sealed_rows.labels("newest").set(current)
        metrics.sealed_rows.labels("older").set(sum(found.values()) - plain - current)
