"""What is left of somebody in the tables that every service has: events sent and answers kept."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import text

from chassis.db import arrays
from chassis.db.pool import Sessions, fetch

_BATCH = 200
_FIRST = UUID(int=0)
_NONE: tuple[Any, ...] = ("", "", "")

Row = tuple[Any, ...]
Tells = Callable[[bytes], bool]
"""Whether bytes tell of whom is looked for; called in a thread."""


@dataclass(frozen=True)
class Traces:
    """What was erased; `waiting` events are not published yet, and stay until they are."""

    events: int
    answers: int
    waiting: int


async def erase(sessions: Sessions, tells: Tells, after: UUID = _FIRST) -> Traces:
    """Deletes events that were published, those behind an id, and answers that `tells` finds.

    Reads both tables, which hold some days, a few rows at a time: each batch is a transaction of
    its own, and nothing is locked while bytes are looked at.
    """
    events, waiting = await _events(sessions, tells, after)
    return Traces(events, await _answers(sessions, tells), waiting)


async def _events(sessions: Sessions, tells: Tells, after: UUID) -> tuple[int, int]:
    erased = waiting = 0
    while True:
        async with sessions.begin() as session:
            rows = await fetch(session, _READ_EVENTS, {"after": after, "most": _BATCH})
        found = await _found(rows, tells)
        gone = [it[0] for it in found if it[1]]
        if gone:
            async with sessions.begin() as session:
                given = {"ids": arrays.uuids(gone)}
                erased += len((await session.execute(_DROP_EVENTS, given)).all())
        waiting += len(found) - len(gone)
        if len(rows) < _BATCH:
            return erased, waiting
        after = rows[-1][0]


async def _answers(sessions: Sessions, tells: Tells) -> int:
    erased, after = 0, _NONE
    while True:
        given = dict(zip(("subject", "method", "request_id"), after, strict=True))
        async with sessions.begin() as session:
            rows = await fetch(session, _READ_ANSWERS, {**given, "most": _BATCH})
        found = await _found(rows, tells)
        if found:
            keys = [arrays.texts(column) for column in zip(*[it[:3] for it in found], strict=True)]
            given = dict(zip(("subjects", "methods", "request_ids"), keys, strict=True))
            async with sessions.begin() as session:
                erased += len((await session.execute(_DROP_ANSWERS, given)).all())
        if len(rows) < _BATCH:
            return erased
        after = rows[-1][:3]


async def _found(rows: Sequence[Row], tells: Tells) -> list[Row]:
    """Returns those rows whose last column tells."""
    return await asyncio.to_thread(lambda: [it for it in rows if tells(bytes(it[-1]))])


_READ_EVENTS = """
    SELECT id, published_at IS NOT NULL, payload FROM outbox
    WHERE id > %(after)s ORDER BY id LIMIT %(most)s
"""
_DROP_EVENTS = text("""
    DELETE FROM outbox WHERE id = ANY(CAST(:ids AS uuid[])) AND published_at IS NOT NULL
    RETURNING 1
""")
_READ_ANSWERS = """
    SELECT subject, method, request_id, response FROM idempotency
    WHERE (subject, method, request_id) > (%(subject)s, %(method)s, %(request_id)s)
    ORDER BY subject, method, request_id LIMIT %(most)s
"""
_DROP_ANSWERS = text("""
    DELETE FROM idempotency i
    USING unnest(
        CAST(:subjects AS text[]), CAST(:methods AS text[]), CAST(:request_ids AS text[])
    ) AS gone (subject, method, request_id)
    WHERE (i.subject, i.method, i.request_id) = (gone.subject, gone.method, gone.request_id)
    RETURNING 1
""")
