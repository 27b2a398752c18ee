"""What is known of messages beside their state: attempts, receipts, deeds; of many at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.doubts import Act
from services.notifier.domain.states import State
from services.notifier.domain.work import Key
from services.notifier.storage import rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider said of one part, as stored."""

    provider: str
    reference: str
    state: State
    detail: str
    received_at: datetime | None


@dataclass(frozen=True, slots=True)
class Done:
    """What was done about a doubt of a message."""

    actor: str
    act: Act
    reason: str
    created_at: datetime


async def attempts(session: AsyncSession, keys: Sequence[Key]) -> dict[UUID, list[rows.Attempt]]:
    """The attempts of each message, in order; messages without one are left out."""
    return _grouped(await _of(session, _ATTEMPTS, keys), rows.attempt)


async def receipts(session: AsyncSession, keys: Sequence[Key]) -> dict[UUID, list[Receipt]]:
    """The receipts of each message, oldest first.

    Of a part whose receipt was pruned its state is left, without words and time.
    """
    return _grouped(await _of(session, _RECEIPTS, keys), _receipt)


async def deeds(session: AsyncSession, keys: Sequence[Key]) -> dict[UUID, list[Done]]:
    """What was done about the doubts of each message, oldest first."""
    return _grouped(await _of(session, _DEEDS, keys), _done)


async def _of(session: AsyncSession, statement: Any, keys: Sequence[Key]) -> Sequence[Any]:
    if not keys:
        return []
    await rows.through_indexes(session)
    return (await session.execute(statement, rows.columns(keys))).all()


def _grouped(found: Iterable[Any], read: Any) -> dict[UUID, list[Any]]:
    grouped: dict[UUID, list[Any]] = {}
    for row in found:
        grouped.setdefault(row.message_id, []).append(read(row))
    return grouped


def _receipt(row: Any) -> Receipt:
    return Receipt(row.provider, row.reference, State(row.state), row.detail, row.received_at)


def _done(row: Any) -> Done:
    return Done(row.actor, Act(row.act), row.reason, row.created_at)


_ATTEMPTS = text(f"""
    SELECT m.message_id, m.number, m.provider, m.worker, m.started_at, m.ended_at, m.outcome,
        m.answer, m.provider_reference
    FROM attempts m WHERE {rows.OF_KEYS}
    UNION ALL
    SELECT m.message_id, m.attempts, m.provider, m.worker, m.attempt_started_at,
        m.attempt_ended_at, m.attempt_outcome, m.answer, m.provider_reference
    FROM messages m WHERE {rows.OF_KEYS} AND m.attempt_started_at IS NOT NULL
    ORDER BY message_id, number
""")  # noqa: S608 (constant parts, as below)
# Providers use their ids again: what came well before the part is of another message.
_RECEIPTS = text(f"""
    SELECT m.message_id, m.provider, m.reference, coalesce(r.state, m.state) AS state,
        coalesce(r.detail, '') AS detail, r.received_at
    FROM parts m
    LEFT JOIN receipts r ON r.provider = m.provider AND r.reference = m.reference
        AND r.received_at > m.created_at - interval '10 minutes'
    WHERE {rows.OF_KEYS} AND (r.state IS NOT NULL OR m.state IN (9, 10))
    UNION
    SELECT r.message_id, r.provider, r.reference, r.state, r.detail, r.received_at
    FROM receipts r
    WHERE r.message_id = ANY(CAST(:ids AS uuid[]))
    ORDER BY received_at NULLS FIRST
""")  # noqa: S608
_DEEDS = text(f"""
    SELECT m.message_id, d.actor, d.act, d.reason, d.created_at
    FROM doubt_marks m JOIN doubt_deeds d ON d.id = m.deed_id
    WHERE {rows.OF_KEYS}
    ORDER BY d.created_at
""")  # noqa: S608
