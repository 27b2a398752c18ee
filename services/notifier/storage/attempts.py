"""Attempts and outcomes: the statements on which "never lost, never twice" stands.

The newest attempt of a message stands in its row, committed before anything is written to the
wire; when another begins, the one before is moved to `attempts`.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.notifier.domain.states import SETTLED_FROM, Next, State
from services.notifier.domain.work import Claimed, Key
from services.notifier.storage import claims, lapses, rows

_WAITING = (State.QUEUED, State.DEFERRED)


class Opened(NamedTuple):
    """An attempt, and the claim that opened it: no other speaks for it."""

    number: int
    claim: int


class Outcome(NamedTuple):
    """How attempt `number` of a message ended, and where the message goes."""

    key: Key
    run_id: UUID | None
    number: int
    next: Next
    answer: str = ""
    provider_reference: str = ""


async def open_all(
    session: AsyncSession, claimed: Sequence[Claimed], *, provider: str, worker: str
) -> dict[UUID, Opened]:
    """Commits an attempt for each message whose claim still holds, by the message's id.

    Only what is returned may be written to the wire, and under the claim it is returned with: a
    worker that stalled may hold a message twice. That claim cannot lapse before the commit. Asked
    again after a commit that was not answered, it gives the same attempts.
    """
    held = await claims.held(session, [it.claim for it in claimed])
    ours = [it for it in claimed if it.claim in held]
    if not ours:
        return {}
    await rows.by_key(session)
    tried = [it.key for it in ours if it.attempts]
    if tried:
        await session.execute(_ARCHIVE, rows.columns(tried))
    parameters = {
        **rows.columns([it.key for it in ours]),
        "claims": arrays.numbers([it.claim for it in ours]),
        "befores": arrays.numbers([it.attempts for it in ours]),
        "provider": provider,
        "worker": worker,
    }
    found = await session.execute(_OPEN, parameters)
    return {id: Opened(number, claim) for id, number, claim in found}


async def divert(
    session: AsyncSession, diverted: Sequence[tuple[Claimed, Next]]
) -> list[rows.Changed]:
    """Moves claimed messages that a gate stopped; returns those moved."""
    if not diverted:
        return []
    await rows.by_key(session)
    parameters = {
        **rows.columns([claimed.key for claimed, _ in diverted]),
        "befores": arrays.numbers([claimed.attempts for claimed, _ in diverted]),
        **_next([to for _, to in diverted]),
        "rules": arrays.texts([to.rule for _, to in diverted]),
    }
    changed = [rows.Changed(*row) for row in await session.execute(_DIVERT, parameters)]
    outcomes = [
        Outcome(claimed.key, claimed.run_id, claimed.attempts, to) for claimed, to in diverted
    ]
    await _wait(session, changed, outcomes)
    return changed


async def settle(
    session: AsyncSession, outcomes: Sequence[Outcome], finished: Sequence[int] = ()
) -> list[rows.Changed]:
    """Records how attempts ended and moves their messages; returns the messages moved.

    A message is moved only by its newest attempt, and never from an end other than doubt. Forgets
    the `finished` claims, of which nothing is left then. Locks messages, what waits, claims.
    """
    if not outcomes:
        await claims.finish(session, finished)
        return []
    together = db.Together(session)
    at = together.add(rows.ask_by_key())
    # Most batches end alike: what is the same for all is given once.
    first = outcomes[0]
    alike = [it for it in outcomes if _are_alike(it, first)]
    moved = [(alike, together.add(_ask_settle(_SETTLE_ALIKE, alike, _alike(alike))))]
    if len(alike) < len(outcomes):
        others = [it for it in outcomes if not _are_alike(it, first)]
        given = {
            **rows.columns([it.key for it in others]),
            "numbers": arrays.numbers([it.number for it in others]),
            **_next([it.next for it in others]),
        }
        moved.append((others, together.add(_ask_settle(_SETTLE, others, given))))
    # What waits again is known only then, and is locked before the claims.
    some_wait = any(it.next.state in _WAITING for it in outcomes)
    if finished and not some_wait:
        together.add(claims.ask_finish(finished))
    await together.send()
    changed = [it for some, found in moved for it in _changed(some, found(), at())]
    if some_wait:
        await _wait(session, changed, outcomes)
        await claims.finish(session, finished)
    return changed


async def reap(session: AsyncSession, claim: lapses.Lapsed) -> list[rows.Changed]:
    """Puts messages of a lapsed claim that have an open attempt in doubt."""
    await rows.by_key(session)
    found = await session.execute(_REAP[claim.of], claim.parameters)
    return [rows.Changed(*row) for row in found]


def _are_alike(one: Outcome, other: Outcome) -> bool:
    return (
        one.next is other.next
        and one.number == other.number
        and one.key.run_date == other.key.run_date
    )


def _alike(outcomes: Sequence[Outcome]) -> dict[str, object]:
    (day, _), _, number, to, *_ = outcomes[0]
    return {
        "days": arrays.dates([day]),
        "ids": arrays.uuids([it.key.message_id for it in outcomes]),
        "number": number,
        "state": int(to.state),
        "reason": to.reason.value,
        "not_before": to.not_before,
    }


def _ask_settle(
    statement: Any, outcomes: Sequence[Outcome], given: dict[str, object]
) -> db.Ask[db.Rows]:
    """Finds the places of the outcomes that moved their messages, and the revisions of these."""
    has_references = any(it.provider_reference for it in outcomes)
    references = [_kept(it.provider_reference, 200) for it in outcomes] if has_references else []
    parameters = {
        **given,
        "answers": arrays.texts([_kept(it.answer, 500) for it in outcomes]),
        "references": arrays.texts(references),
        "from": arrays.numbers(SETTLED_FROM),
    }
    return db.Ask(statement, parameters, lambda found: found)


def _changed(outcomes: Sequence[Outcome], found: db.Rows, at: datetime) -> list[rows.Changed]:
    changed = []
    # What was asked for is known here: only places and revisions need to come back.
    for place, revision in found:
        (day, id), run_id, _, to, *_ = outcomes[place - 1]
        changed.append(rows.Changed(day, id, run_id, to.state, to.reason, revision, at))
    return changed


async def _wait(
    session: AsyncSession, changed: Sequence[rows.Changed], outcomes: Sequence[Outcome]
) -> None:
    again = [it for it in changed if it.state in _WAITING]
    if again:
        due = {it.key.message_id: it.next.not_before for it in outcomes}
        await claims.wait_again(session, again, [due.get(it.message_id) for it in again])


def _next(following: Sequence[Next]) -> dict[str, str]:
    one = following[0]
    is_one = all(it is one for it in following)  # so it is of most batches
    given = following[:1] if is_one else following
    columns = {
        "states": arrays.numbers([it.state for it in given]),
        "reasons": arrays.texts([it.reason for it in given]),
        "times": arrays.times([it.not_before for it in given]),
    }
    if is_one:
        return {name: arrays.repeated(of, len(following)) for name, of in columns.items()}
    return columns


def _kept(text: str, most: int) -> str:
    return text[:most].replace("\x00", "")


_ARCHIVE = text(f"""
    INSERT INTO attempts (run_date, message_id, number, provider, worker, started_at, ended_at,
        outcome, answer, provider_reference)
    SELECT m.run_date, m.message_id, m.attempts, m.provider, m.worker, m.attempt_started_at,
        m.attempt_ended_at, m.attempt_outcome, m.answer, m.provider_reference
    FROM messages m
    WHERE {rows.OF_KEYS} AND m.state IN (1, 3) AND m.attempt_started_at IS NOT NULL
    ON CONFLICT DO NOTHING
""")  # noqa: S608 (constant parts)
_OPEN = text(f"""
    UPDATE messages m
    SET state = 2, reason = '', rule = '', attempts = g.before + 1, revision = m.revision + 1,
        not_before = NULL, claim = g.claim, provider = :provider, worker = :worker,
        attempt_started_at = clock_timestamp(), attempt_ended_at = NULL, attempt_outcome = NULL,
        answer = '', provider_reference = '', updated_at = now()
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:claims AS bigint[]),
        CAST(:befores AS integer[])) AS g (run_date, message_id, claim, before)
    WHERE {rows.OF_KEYS}
      AND m.run_date = g.run_date AND m.message_id = g.message_id
      AND (m.attempts = g.before AND m.state IN (1, 3)
           OR m.attempts = g.before + 1 AND m.state = 2 AND m.claim = g.claim)
    RETURNING m.message_id, m.attempts, m.claim
""")  # noqa: S608
_GIVEN = """CAST(:states AS smallint[]), CAST(:reasons AS text[]), CAST(:times AS timestamptz[])"""
_MOVE = """state = g.state, reason = g.reason, not_before = g.not_before,
        doubt_since = CASE WHEN g.state = 7 THEN now() END, revision = m.revision + 1,
        updated_at = now()"""
_DIVERT = text(f"""
    UPDATE messages m
    SET {_MOVE}, rule = g.rule
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:befores AS integer[]), {_GIVEN},
        CAST(:rules AS text[]))
        AS g (run_date, message_id, before, state, reason, not_before, rule)
    WHERE {rows.OF_KEYS}
      AND m.run_date = g.run_date AND m.message_id = g.message_id
      AND m.attempts = g.before AND m.state IN (1, 3)
    RETURNING {rows.CHANGED_COLUMNS}
""")  # noqa: S608 (constant parts)
# An attempt put in doubt may still learn its real outcome, also against what a person said of it;
# one given up or settled by hand is not tried again.
_MAY_SETTLE = """(m.state = ANY(CAST(:from AS smallint[])) OR m.reason = 'SETTLED_BY_HAND')
      AND NOT ((m.state = 12 OR m.reason = 'SETTLED_BY_HAND') AND g.state IN (1, 3, 7))"""
_END = """attempt_ended_at = now(), attempt_outcome = g.state, answer = g.answer,
        provider_reference = coalesce(g.reference, '')"""
_SETTLE = text(f"""
    UPDATE messages m
    SET {_MOVE}, {_END}
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:numbers AS integer[]), {_GIVEN},
        CAST(:answers AS text[]), CAST(:references AS text[])) WITH ORDINALITY
        AS g (run_date, message_id, number, state, reason, not_before, answer, reference, place)
    WHERE {rows.OF_KEYS}
      AND m.run_date = g.run_date AND m.message_id = g.message_id AND m.attempts = g.number
      AND {_MAY_SETTLE}
    RETURNING g.place, m.revision
""")  # noqa: S608
_SETTLE_ALIKE = text(f"""
    UPDATE messages m
    SET {_MOVE}, {_END}
    FROM (
        SELECT *, CAST(:state AS smallint) AS state, CAST(:reason AS text) AS reason,
            CAST(:not_before AS timestamptz) AS not_before
        FROM unnest(CAST(:ids AS uuid[]), CAST(:answers AS text[]), CAST(:references AS text[]))
            WITH ORDINALITY AS u (message_id, answer, reference, place)
    ) AS g
    WHERE {rows.OF_KEYS} AND m.message_id = g.message_id AND m.attempts = :number
      AND {_MAY_SETTLE}
    RETURNING g.place, m.revision
""")  # noqa: S608
_IN_DOUBT = """state = 7, reason = 'WORKER_LOST', doubt_since = now(), attempt_ended_at = now(),
        attempt_outcome = 7, revision = m.revision + 1, updated_at = now()"""


def _reap(covered: str) -> Any:
    return text(f"""
        UPDATE messages m
        SET {_IN_DOUBT}
        WHERE {covered} AND m.state = 2 AND m.claim = :claim
        RETURNING {rows.CHANGED_COLUMNS}
    """)  # noqa: S608


_REAP = {of: _reap(covered) for of, covered in lapses.COVERED.items()}
