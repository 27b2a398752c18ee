"""Receipts wait in a table until they are applied: they may come before their answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import RECEIPT_FROM, Reason, State
from services.notifier.domain.work import NOBODY, Key
from services.notifier.storage import rows


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a provider says of one part: the end it came to.

    `message_id` is our own id where the provider gives it back. One from `MAIL` speaks for the
    whole message, by our id, and may say why it came back; DEFERRED is kept as a note.
    """

    provider: str
    reference: str
    state: State
    detail: str
    message_id: UUID | None = None
    reason: Reason = Reason.NONE


MAIL = "mail"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an attempt that the provider took, by the provider's id."""

    key: Key
    number: int
    part: int
    parts: int
    provider: str
    reference: str


async def add(session: AsyncSession, receipts: Sequence[Receipt]) -> int:
    """Stores receipts; one that was stored before changes nothing. Returns how many are new."""
    if not receipts:
        return 0
    parameters = {
        "providers": arrays.texts([it.provider for it in receipts]),
        "references": arrays.texts([it.reference for it in receipts]),
        "states": arrays.numbers([it.state for it in receipts]),
        "reasons": arrays.texts([it.reason for it in receipts]),
        "details": arrays.texts([it.detail[:200].replace("\x00", "") for it in receipts]),
        "ids": arrays.uuids([it.message_id or NOBODY for it in receipts]),
    }
    return len((await session.execute(_ADD, parameters)).all())


async def add_parts(session: AsyncSession, parts: Sequence[Part]) -> None:
    """Stores which parts the provider took under which ids."""
    if parts:
        parameters = {
            **rows.columns([it.key for it in parts]),
            "numbers": arrays.numbers([it.number for it in parts]),
            "part": arrays.numbers([it.part for it in parts]),
            "parts": arrays.numbers([it.parts for it in parts]),
            "providers": arrays.texts([it.provider for it in parts]),
            "references": arrays.texts([it.reference for it in parts]),
        }
        await session.execute(_ADD_PARTS, parameters)


async def apply(session: AsyncSession, limit: int) -> list[rows.Changed]:
    """Applies waiting receipts whose parts are known; returns the messages they moved.

    A message is DELIVERED when all its parts are, BOUNCED when one is not.
    """
    waiting = (await session.execute(_TAKE, {"limit": limit})).all()
    if not waiting:
        return []
    given = {
        "providers": arrays.texts([it.provider for it in waiting]),
        "references": arrays.texts([it.reference for it in waiting]),
        "states": arrays.numbers([it.state for it in waiting]),
        "from": arrays.numbers(RECEIPT_FROM),
    }
    await session.execute(_NOTE_PARTS, given)
    moved = [rows.Changed(*row) for row in await session.execute(_MOVE, given)]
    by_id = [it for it in waiting if it.message_id is not None]
    if by_id:
        ids = {
            "ids": arrays.uuids([it.message_id for it in by_id]),
            "ends": arrays.numbers([it.state for it in by_id]),
            "reasons": arrays.texts([it.reason for it in by_id]),
            "by_mail": arrays.numbers([int(it.provider == MAIL) for it in by_id]),
            "from": given["from"],
        }
        answered = await session.execute(_MOVE_BY_ID, ids)
        moved += [rows.Changed(*row) for row in answered]
    await session.execute(_DONE, given)
    return moved


async def give_up(session: AsyncSession) -> tuple[int, int]:
    """Ends the wait of receipts older than a day, which fit no message that is here.

    Returns how many are of messages that were let go of, and of how many nothing is known.
    """
    ((gone, total),) = await session.execute(_GIVE_UP)
    return gone, total - gone


async def prune(session: AsyncSession, limit: int) -> int:
    """Deletes receipts older than 10 days; returns how many."""
    return len((await session.execute(_PRUNE, {"limit": limit})).all())


_ADD = text("""
    INSERT INTO receipts (provider, reference, state, reason, detail, message_id, applied_at)
    SELECT provider, reference, state, reason, detail,
        nullif(id, '00000000-0000-0000-0000-000000000000'), CASE WHEN state = 3 THEN now() END
    FROM unnest(CAST(:providers AS text[]), CAST(:references AS text[]),
        CAST(:states AS smallint[]), CAST(:reasons AS text[]), CAST(:details AS text[]),
        CAST(:ids AS uuid[]))
        AS g (provider, reference, state, reason, detail, id)
    ON CONFLICT DO NOTHING
    RETURNING 1
""")
_ADD_PARTS = text("""
    INSERT INTO parts (run_date, message_id, number, part, parts, provider, reference)
    SELECT * FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]),
        CAST(:numbers AS integer[]), CAST(:part AS smallint[]), CAST(:parts AS smallint[]),
        CAST(:providers AS text[]), CAST(:references AS text[]))
    ON CONFLICT DO NOTHING
""")
# A receipt without a known part may be ahead of its answer: it waits for a day. So does a bounce
# of a message that waits to be sent again.
_TAKE = text("""
    SELECT r.provider, r.reference, r.state, r.reason, r.message_id FROM receipts r
    WHERE r.applied_at IS NULL AND r.received_at > now() - interval '1 day'
      AND (EXISTS (SELECT 1 FROM parts p
                   WHERE p.provider = r.provider AND p.reference = r.reference)
           OR EXISTS (SELECT 1 FROM messages m
                      WHERE m.message_id = r.message_id
                        AND (m.state IN (7, 12) OR m.reason = 'SETTLED_BY_HAND'
                             OR r.provider = 'mail' AND m.state NOT IN (1, 3))))
    ORDER BY r.received_at
    LIMIT :limit
    FOR UPDATE OF r SKIP LOCKED
""")
_GIVEN = """unnest(CAST(:providers AS text[]), CAST(:references AS text[]),
        CAST(:states AS smallint[])) AS g (provider, reference, state)"""
# Providers use their ids again after a while: a receipt belongs to the newest part.
_NOTE_PARTS = text(f"""
    UPDATE parts p SET state = g.state
    FROM {_GIVEN}
    WHERE p.provider = g.provider AND p.reference = g.reference AND p.state NOT IN (9, 10)
      AND p.created_at = (SELECT max(q.created_at) FROM parts q
                          WHERE q.provider = g.provider AND q.reference = g.reference)
""")  # noqa: S608 (constant parts)
_CHANGE = """reason = CASE WHEN e.state <> 10 THEN '' WHEN e.reason <> '' THEN e.reason
        ELSE 'NOT_DELIVERED' END,
    not_before = NULL, doubt_since = NULL, revision = m.revision + 1, updated_at = now()"""
_MOVE = text(f"""
    WITH touched AS (
        SELECT DISTINCT p.run_date, p.message_id, p.number
        FROM parts p JOIN {_GIVEN} ON p.provider = g.provider AND p.reference = g.reference
    ), ends AS (
        SELECT t.run_date, t.message_id, t.number,
            CASE WHEN bool_or(p.state = 10) THEN 10
                 WHEN count(*) = max(p.parts) AND bool_and(p.state = 9) THEN 9 END AS state,
            '' AS reason
        FROM touched t
        JOIN parts p USING (run_date, message_id, number)
        GROUP BY t.run_date, t.message_id, t.number
    )
    UPDATE messages m SET state = e.state, {_CHANGE}
    FROM ends e
    WHERE e.state IS NOT NULL AND m.run_date = e.run_date AND m.message_id = e.message_id
      AND m.attempts = e.number
      AND (m.state = ANY(CAST(:from AS smallint[])) OR m.reason = 'SETTLED_BY_HAND')
    RETURNING {rows.CHANGED_COLUMNS}
""")  # noqa: S608
# Our own id in a receipt settles a doubt whose answer, and so whose reference, was lost. Parts
# cannot be told apart then: one is evidence enough that the provider took the message. A mail has
# no parts, and what comes back of it speaks for the whole.
_MOVE_BY_ID = text(f"""
    UPDATE messages m SET state = e.state, {_CHANGE}
    FROM (SELECT id, max(state) AS state, max(reason) AS reason, max(by_mail) AS by_mail
          FROM unnest(CAST(:ids AS uuid[]), CAST(:ends AS smallint[]), CAST(:reasons AS text[]),
            CAST(:by_mail AS smallint[])) AS u (id, state, reason, by_mail) GROUP BY id) AS e
    WHERE m.message_id = e.id
      AND (m.state IN (7, 12) OR m.reason = 'SETTLED_BY_HAND'
           OR e.by_mail = 1 AND m.state = ANY(CAST(:from AS smallint[])))
    RETURNING {rows.CHANGED_COLUMNS}
""")  # noqa: S608
_DONE = text(f"""
    UPDATE receipts r SET applied_at = now()
    FROM {_GIVEN}
    WHERE r.provider = g.provider AND r.reference = g.reference AND r.state = g.state
""")  # noqa: S608
_GIVE_UP = text("""
    WITH late AS (
        UPDATE receipts SET applied_at = now()
        WHERE applied_at IS NULL AND received_at <= now() - interval '1 day'
        RETURNING message_id
    )
    SELECT count(*) FILTER (WHERE EXISTS (
        SELECT 1 FROM past_messages p WHERE p.message_id = late.message_id)), count(*)
    FROM late
""")
_PRUNE = text("""
    DELETE FROM receipts WHERE (provider, reference, state) IN (
        SELECT provider, reference, state FROM receipts
        WHERE received_at < now() - interval '10 days' LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING 1
""")
