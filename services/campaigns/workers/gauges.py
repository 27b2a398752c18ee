"""Keeps the gauges that only the database knows current; every replica tells the same."""

from chassis import db
from chassis.db import Sessions
from services.campaigns.domain.states import RunState
from services.campaigns.storage import gauges
from services.campaigns.workers import metrics


class Gauges:
    """Measures runs."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = db.aside(sessions)

    async def measure(self) -> bool:
        """Read each once."""
        async with self._sessions.begin() as session:
            found = await gauges.open_runs(session)
        for state in RunState:
            count, age = found.get(state, (0, 0.0))
            metrics.runs.labels(state.lower()).set(count)
            metrics.oldest_run_age.labels(state.lower()).set(age)
        return False
