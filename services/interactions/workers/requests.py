"""Watches requests of customers: those that are nobody's, and erasure that waits."""

from chassis import db
from services.interactions import metrics
from services.interactions.clients.staff import Staff
from services.interactions.domain import requests as rules
from services.interactions.storage import requests
from services.interactions.usecases import notifying
from services.interactions.workers.rounds import Rounds

_BATCH = 100


def watch(sessions: db.Sessions, staff: Staff, every_seconds: float) -> Rounds:
    """Returns the task that tells people of requests that are nobody's; replicas share the work."""

    async def more() -> bool:
        await tell(sessions, staff)
        return False

    return Rounds("watch requests", more, every_seconds)


async def tell(sessions: db.Sessions, staff: Staff) -> int:
    """Tells whoever may answer of what nobody knows; returns how many requests that were.

    Told twice, by two replicas, it is told once. Raises `Unavailable` while accounts is away.
    """
    async with sessions.begin() as session:
        metrics.erasure_request_age.set(await requests.oldest_erasure_seconds(session))
        unknown = await requests.untold(session, _BATCH)
    if not unknown:
        return 0
    answering = await staff.answering()
    async with sessions.begin() as session:
        for it in unknown:
            await notifying.unowned(session, it, rules.answerers(it, answering))
    return len(unknown)
