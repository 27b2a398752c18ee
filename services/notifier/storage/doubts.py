"""Messages in doubt: listed, moved by a person or by policy, and what was done about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.doubts import Act, Policy
from services.notifier.domain.states import Channel, Next, Purpose
from services.notifier.storage import claims, rows

COUNTED = 10_000
"""A list says how many there are up to here, so that it never counts for long."""


@dataclass(frozen=True)
class Filter:
    """Doubts by what they have in common; None and empty text do not restrict."""

    provider: str = ""
    run_id: UUID | None = None
    channel: Channel | None = None
    purpose: Purpose | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Doubt:
    """A message in doubt: `doubts` is how often it was, this time included."""

    message: rows.Message
    since: datetime
    doubts: int
    resendable: bool
    campaign_id: UUID | None


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done about doubts; `filter` as the request had it, or empty."""

    id: UUID
    actor: str
    act: Act
    reason: str
    count: int
    message_id: UUID | None
    filter: bytes
    created_at: datetime


async def page(
    session: AsyncSession, by: Filter, after: tuple[datetime, UUID] | None, limit: int
) -> list[Doubt]:
    """Up to `limit` doubts after a time and id, oldest first; locks nothing."""
    at, id = after or (None, None)
    await rows.through_indexes(session)
    found = await session.execute(_PAGE, {**_given(by), "at": at, "id": id, "limit": limit})
    return [_doubt(row) for row in found]


async def total(session: AsyncSession, by: Filter) -> int:
    """How many doubts there are, `COUNTED` standing for so many or more."""
    await rows.through_indexes(session)
    return int(await session.scalar(_TOTAL, {**_given(by), "limit": COUNTED}) or 0)


async def get(session: AsyncSession, message_id: UUID) -> Doubt | None:
    """The doubt about a message; None if it is not in doubt."""
    found = (await session.execute(_GET, {"id": message_id})).first()
    return _doubt(found) if found else None


async def lock(session: AsyncSession, message_id: UUID) -> tuple[rows.Message, bool] | None:
    """A message locked until the transaction ends, and whether it may be sent again.

    Waits for whoever is moving it: what it says is true until the end.
    """
    found = (await session.execute(_LOCK, {"id": message_id})).first()
    return (rows.message(found), found.resendable) if found else None


async def move(session: AsyncSession, message: rows.Message, to: Next) -> list[rows.Changed]:
    """Moves a message that `lock` returned."""
    given = {"day": message.key.run_date, "id": message.key.message_id, **_to(to)}
    return await _changed(session, _MOVE_ONE, given)


async def move_all(
    session: AsyncSession, by: Filter, to: Next, limit: int, *, purpose: Purpose | None = None
) -> list[rows.Changed]:
    """Moves up to `limit` doubts; those that somebody else is moving are passed over.

    To QUEUED only those go whose time and run are not over, and of `purpose` if one is given.
    """
    given = {
        **_given(by),
        **_to(to),
        "only": int(purpose) if purpose else None,
        "limit": limit,
    }
    return await _changed(session, _MOVE_ALL[bool(to.state == 1)], given)


async def resend_due(session: AsyncSession, policy: Policy, limit: int) -> list[rows.Changed]:
    """Queues doubts of TRANSACTIONAL that policy sends again."""
    given = {"age": policy.resend_after, "most": policy.doubts_most, "limit": limit}
    return await _changed(session, _RESEND_DUE, given)


async def abandon_due(session: AsyncSession, policy: Policy, limit: int) -> list[rows.Changed]:
    """Gives up doubts that have lasted too long."""
    given = {
        "age": policy.age(Purpose.MARKETING),
        "transactional_age": policy.age(Purpose.TRANSACTIONAL),
        "limit": limit,
    }
    return await _changed(session, _ABANDON_DUE, given)


async def note(session: AsyncSession, deed: Deed, moved: Sequence[rows.Changed]) -> None:
    """Keeps what was done, and to which messages."""
    given = {name: getattr(deed, name) for name in Deed.__dataclass_fields__}
    await session.execute(_NOTE, {**given, "act": int(deed.act)})
    marks = {
        "dates": arrays.dates([it.run_date for it in moved]),
        "ids": arrays.uuids([it.message_id for it in moved]),
        "deed": deed.id,
    }
    await session.execute(_MARK, marks)


async def deeds(session: AsyncSession, after: UUID | None, limit: int) -> list[Deed]:
    """Up to `limit` deeds before one, newest first."""
    found = await session.execute(_DEEDS, {"after": after, "limit": limit})
    return [_deed(row) for row in found]


async def _changed(
    session: AsyncSession, statement: Any, given: dict[str, object]
) -> list[rows.Changed]:
    await rows.through_indexes(session)
    changed = [rows.Changed(*row) for row in await session.execute(statement, given)]
    queued = [it for it in changed if it.state == 1]
    await claims.wait_again(session, queued, [None] * len(queued))
    return changed


def _given(by: Filter) -> dict[str, object]:
    return {
        "provider": by.provider,
        "run_id": by.run_id,
        "channel": int(by.channel or 0),
        "purpose": int(by.purpose or 0),
        "since": by.since,
        "until": by.until,
    }


def _to(to: Next) -> dict[str, object]:
    return {"state": int(to.state), "reason": to.reason.value}


def _doubt(row: Any) -> Doubt:
    return Doubt(rows.message(row), row.doubt_since, row.doubts, row.resendable, row.campaign_id)


def _deed(row: Any) -> Deed:
    values = {name: getattr(row, name) for name in Deed.__dataclass_fields__}
    return Deed(**{**values, "act": Act(row.act), "filter": bytes(row.filter)})


_IN_DOUBT = "m.doubt_since IS NOT NULL AND m.state = 7"
_WANTED = f"""{_IN_DOUBT}
      AND (CAST(:provider AS text) = '' OR m.provider = :provider)
      AND (CAST(:run_id AS uuid) IS NULL OR m.run_id = :run_id)
      AND (:channel = 0 OR m.channel = :channel)
      AND (:purpose = 0 OR m.purpose = :purpose)
      AND (CAST(:since AS timestamptz) IS NULL OR m.doubt_since >= :since)
      AND (CAST(:until AS timestamptz) IS NULL OR m.doubt_since < :until)"""
_RESENDABLE = """((m.not_after IS NULL OR m.not_after > now())
        AND (m.run_id IS NULL OR EXISTS (
            SELECT 1 FROM runs r WHERE r.run_id = m.run_id AND r.state IN ('ACTIVE', 'PAUSED')
              AND (r.not_after IS NULL OR r.not_after > now()))))"""
_DOUBTS = """(1 + (SELECT count(*) FROM attempts a WHERE a.message_id = m.message_id
        AND a.run_date = m.run_date AND a.outcome = 7))"""
_COLUMNS = f"""{rows.MESSAGE_COLUMNS}, m.doubt_since, {_DOUBTS} AS doubts,
    {_RESENDABLE} AS resendable,
    (SELECT campaign_id FROM runs r WHERE r.run_id = m.run_id) AS campaign_id"""  # noqa: S608
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM messages m
    WHERE {_WANTED}
      AND (CAST(:at AS timestamptz) IS NULL
           OR (m.doubt_since, m.message_id) > (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY m.doubt_since, m.message_id LIMIT :limit
""")  # noqa: S608 (constant parts, as below)
_TOTAL = text(f"""
    SELECT count(*) FROM (SELECT 1 FROM messages m WHERE {_WANTED} LIMIT :limit) AS found
""")  # noqa: S608
_GET = text(f"SELECT {_COLUMNS} FROM messages m WHERE m.message_id = :id AND {_IN_DOUBT}")  # noqa: S608
_LOCK = text(f"""
    SELECT {rows.MESSAGE_COLUMNS}, {_RESENDABLE} AS resendable FROM messages m
    WHERE m.message_id = :id ORDER BY m.run_date DESC LIMIT 1
    FOR UPDATE OF m
""")  # noqa: S608
_SET = """state = :state, reason = :reason, doubt_since = NULL, not_before = NULL,
        revision = m.revision + 1, updated_at = now()"""
_MOVE_ONE = text(f"""
    UPDATE messages m SET {_SET}
    WHERE m.run_date = :day AND m.message_id = :id AND m.state = 7
    RETURNING {rows.CHANGED_COLUMNS}
""")  # noqa: S608


def _pick(wanted: str) -> Any:
    return text(f"""
        WITH picked AS (
            SELECT m.run_date, m.message_id FROM messages m
            WHERE {wanted}
            ORDER BY m.doubt_since LIMIT :limit FOR UPDATE SKIP LOCKED
        )
        UPDATE messages m SET {_SET}
        FROM picked WHERE m.run_date = picked.run_date AND m.message_id = picked.message_id
        RETURNING {rows.CHANGED_COLUMNS}
    """)  # noqa: S608


_ONLY = "(CAST(:only AS smallint) IS NULL OR m.purpose = :only)"
_MOVE_ALL = {
    False: _pick(f"{_WANTED} AND {_ONLY}"),
    True: _pick(f"{_WANTED} AND {_ONLY} AND {_RESENDABLE}"),
}
_RESEND_DUE = _pick(f"""{_IN_DOUBT} AND m.doubt_since < now() - CAST(:age AS interval)
      AND m.purpose = 3 AND {_RESENDABLE} AND {_DOUBTS} < :most""").bindparams(
    state=1, reason="SENT_AGAIN"
)
_ABANDON_DUE = _pick(f"""{_IN_DOUBT} AND m.doubt_since < now() - CAST(:age AS interval)
      AND (m.purpose <> 3 OR m.doubt_since < now() - CAST(:transactional_age AS interval))
""").bindparams(state=12, reason="DOUBT_TOO_OLD")
_NOTE = text("""
    INSERT INTO doubt_deeds (id, actor, act, reason, count, message_id, filter, created_at)
    VALUES (:id, :actor, :act, :reason, :count, :message_id, :filter, :created_at)
""")
_MARK = text("""
    INSERT INTO doubt_marks (run_date, message_id, deed_id)
    SELECT run_date, message_id, :deed
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[])) AS g (run_date, message_id)
""")
_DEEDS = text("""
    SELECT id, actor, act, reason, count, message_id, filter, created_at FROM doubt_deeds
    WHERE CAST(:after AS uuid) IS NULL OR id < :after
    ORDER BY id DESC LIMIT :limit
""")
