"""Deletes, a batch at a time, what the chassis tables and a service's own no longer need."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import context
from chassis.config import ServiceSettings
from chassis.db import idempotency, inbox, outbox
from chassis.db.patience import patiently
from chassis.db.pool import Sessions

BATCH = 1_000
PAUSE_SECONDS = 60.0

# Longer than any stream keeps an event, so that one that is delivered late is still known.
INBOX_KEPT = timedelta(days=35)

Prune = Callable[[AsyncSession], Awaitable[int]]
"""Deletes up to `BATCH` rows and returns how many."""


def task(
    made: Sessions, settings: ServiceSettings, own: Sequence[Prune] = ()
) -> Callable[[], Awaitable[None]]:
    """A background task that prunes until the process drains; one replica at a time works.

    `own`: what the service prunes besides.
    """

    async def keep_house() -> None:
        while not context.draining().is_set():
            await patiently(partial(sweep, made, settings, own), name="housekeeping")
            await context.pause(PAUSE_SECONDS)

    keep_house.drains = True  # type: ignore[attr-defined]
    return keep_house


async def sweep(made: Sessions, settings: ServiceSettings, own: Sequence[Prune] = ()) -> int:
    """Prunes until nothing is due, one short transaction a batch; returns how many rows went."""
    kept = timedelta(days=settings.outbox_keep_days)
    prunes: tuple[Prune, ...] = (
        partial(outbox.prune, keep=kept, limit=BATCH),
        partial(inbox.prune, keep=INBOX_KEPT, limit=BATCH),
        partial(idempotency.prune, limit=BATCH),
        *own,
    )
    total = 0
    for prune in prunes:
        deleted = BATCH
        while deleted == BATCH and not context.draining().is_set():
            async with made.begin() as session:
                mine = await session.scalar(_TURN)
                deleted = await prune(session) if mine else 0
            total += deleted
    return total


_TURN = text("SELECT pg_try_advisory_xact_lock(hashtext('chassis housekeeping'))")
