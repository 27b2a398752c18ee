"""Wakes the workers of this process once what concerns them is committed.

They would look by themselves a little later: a nudge only spares the wait.
"""

import asyncio
from enum import StrEnum
from weakref import WeakKeyDictionary

from sqlalchemy import event, orm
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.outbox import NudgingSession


class Worker(StrEnum):
    """Who can be woken."""

    PLANNER = "planner"
    SENDER = "sender"
    CLOSER = "closer"


def add(session: AsyncSession, *workers: Worker) -> None:
    """Wake the workers when the session's transaction commits."""
    session.info.setdefault(_KEY, set()).update(workers)


def nudge(worker: Worker) -> asyncio.Event:
    """Return what is set when the worker has something to do; the worker clears it."""
    loop = asyncio.get_running_loop()
    return _nudges.setdefault(loop, {}).setdefault(worker, asyncio.Event())


_KEY = "campaigns workers"


@event.listens_for(NudgingSession, "after_commit")
def _wake(session: orm.Session) -> None:
    for worker in session.info.pop(_KEY, ()):
        nudge(worker).set()


@event.listens_for(NudgingSession, "after_rollback")
def _forget(session: orm.Session) -> None:
    session.info.pop(_KEY, None)


# An event belongs to the loop that waits on it; tests run several loops in one process.
_nudges: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Worker, asyncio.Event]] = (
    WeakKeyDictionary()
)
