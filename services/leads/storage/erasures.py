"""Erasures as they are kept: the sealed person goes when one is done."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db.paging import Page
from services.leads.domain.erasure import Erasure, Part, Reason, State

Key = tuple[datetime | int | UUID, ...]


async def add(session: AsyncSession, new: Erasure, sealed: bytes) -> None:
    """Store an order; a worker takes it up."""
    given = {**_plain(new), "sealed": sealed}
    await session.execute(_ADD, given)


async def get(session: AsyncSession, erasure_id: UUID) -> Erasure | None:
    """Return one; locks nothing."""
    row = (await session.execute(_GET, {"id": erasure_id})).first()
    return _erasure(row) if row else None


async def of_contact(session: AsyncSession, contact_id: UUID) -> Erasure | None:
    """Return the one of a contact; locks nothing."""
    row = (await session.execute(_OF_CONTACT, {"id": contact_id})).first()
    return _erasure(row) if row else None


async def page(
    session: AsyncSession,
    page: Page,
    *,
    requester_id: str | None,
    contact_id: UUID | None,
    state: State | None,
) -> tuple[list[Erasure], Key | None]:
    """Return a page, newest first, of one requester if given, and where the next one starts."""
    at, after = page.after or (None, None)
    given = {
        "requester": requester_id,
        "contact": contact_id,
        "state": state,
        "at": at,
        "id": after,
        "most": page.size + 1,
    }
    rows = (await session.execute(_PAGE, given)).all()
    shown = [_erasure(it) for it in rows[: page.size]]
    more = len(rows) > page.size
    return shown, ((shown[-1].request_time, shown[-1].id) if more else None)


async def claim(session: AsyncSession, lease: timedelta) -> tuple[Erasure, bytes] | None:
    """Take the one that is due longest, with its person; nobody else does for `lease`."""
    row = (await session.execute(_CLAIM, {"lease": lease})).first()
    return (_erasure(row), bytes(row.sealed)) if row else None


async def store(session: AsyncSession, after: Erasure, sealed: bytes, pause: timedelta) -> bool:
    """Store what a round came to; False when somebody else took it up since."""
    given = {
        **_plain(after),
        "sealed": sealed if after.state is State.RUNNING else None,
        "pause": pause,
    }
    return (await session.execute(_STORE, given)).first() is not None


async def again(session: AsyncSession, erasure_id: UUID, sealed: bytes) -> Erasure | None:
    """Have one that is done be taken up once more; None when it is not."""
    row = (await session.execute(_AGAIN, {"id": erasure_id, "sealed": sealed})).first()
    return _erasure(row) if row else None


async def running(session: AsyncSession) -> list[bytes]:
    """Return the sealed people of all that are not done; locks nothing."""
    return [bytes(it) for it in await session.scalars(_RUNNING)]


async def keep(session: AsyncSession, current: Erasure, sealed: bytes) -> bool:
    """Store what a round learnt so far; False when somebody else took it up since.

    Nothing is known as clean any more: more is looked for from now on.
    """
    given = {"id": current.id, "fence": current.fence, "sealed": sealed}
    return (await session.execute(_KEEP, given)).first() is not None


async def renew(session: AsyncSession, current: Erasure, lease: timedelta) -> bool:
    """Have nobody else take it up for another `lease`; False when somebody did."""
    given = {"id": current.id, "fence": current.fence, "lease": lease}
    return (await session.execute(_RENEW, given)).first() is not None


async def give_back(session: AsyncSession, after: Erasure, pause: timedelta) -> bool:
    """Store what kept a round from being done; the sealed person stays as it is.

    False when somebody else took it up since.
    """
    given = {**_plain(after), "pause": pause}
    return (await session.execute(_GIVE_BACK, given)).first() is not None


async def unfinished(session: AsyncSession) -> tuple[int, float]:
    """Return how many are not done, and the seconds since the oldest was ordered."""
    row = (await session.execute(_UNFINISHED)).one()
    return row.total, row.age


def _plain(it: Erasure) -> dict[str, object]:
    parts = {name: {**vars(part), "erased": dict(part.erased)} for name, part in it.parts.items()}
    return {
        **vars(it),
        "parts": orjson.dumps(parts).decode(),
        "swept": orjson.dumps(dict(it.swept)).decode(),
    }


def _erasure(row: Any) -> Erasure:
    return Erasure(
        id=row.id,
        contact_id=row.contact_id,
        reason=Reason(row.reason),
        state=State(row.state),
        requester_id=row.requester_id,
        request_time=row.request_time,
        end_time=row.end_time,
        rounds=row.rounds,
        parts={name: _part(it) for name, it in row.parts.items()},
        swept=row.swept,
        quiet_since=row.quiet_since,
        fence=row.fence,
    )


def _part(plain: Mapping[str, Any]) -> Part:
    at = plain["answer_time"]
    return Part(**{**plain, "answer_time": datetime.fromisoformat(at) if at else None})


_COLUMNS = """id, contact_id, reason, state, requester_id, request_time, end_time, rounds, parts,
    swept, quiet_since, fence"""
_ADD = text("""
    INSERT INTO erasures (id, contact_id, reason, state, requester_id, request_time, sealed)
    VALUES (:id, :contact_id, :reason, :state, :requester_id, :request_time, :sealed)
""")
_GET = text(f"SELECT {_COLUMNS} FROM erasures WHERE id = :id")  # noqa: S608 (our own names)
_OF_CONTACT = text(f"SELECT {_COLUMNS} FROM erasures WHERE contact_id = :id")  # noqa: S608
_PAGE = text(f"""
    SELECT {_COLUMNS} FROM erasures
    WHERE (CAST(:requester AS text) IS NULL OR requester_id = :requester)
      AND (CAST(:contact AS uuid) IS NULL OR contact_id = :contact)
      AND (CAST(:state AS smallint) IS NULL OR state = :state)
      AND (CAST(:at AS timestamptz) IS NULL
           OR (request_time, id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))
    ORDER BY request_time DESC, id DESC LIMIT :most
""")  # noqa: S608
_CLAIM = text(f"""
    UPDATE erasures SET fence = fence + 1, try_time = now() + CAST(:lease AS interval)
    WHERE id = (SELECT id FROM erasures WHERE state = 1 AND try_time <= now()
                ORDER BY try_time LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING {_COLUMNS}, sealed
""")  # noqa: S608
_STORE = text("""
    UPDATE erasures
    SET state = :state, end_time = :end_time, rounds = :rounds, sealed = :sealed,
        parts = CAST(:parts AS jsonb), swept = CAST(:swept AS jsonb),
        quiet_since = CAST(:quiet_since AS timestamptz),
        try_time = now() + CAST(:pause AS interval)
    WHERE id = :id AND fence = :fence AND state = 1
    RETURNING id
""")
_AGAIN = text(f"""
    UPDATE erasures
    SET state = 1, sealed = :sealed, swept = '{{}}', quiet_since = NULL, try_time = now()
    WHERE id = :id AND state = 2
    RETURNING {_COLUMNS}
""")  # noqa: S608
_RUNNING = text("SELECT sealed FROM erasures WHERE state = 1")
_KEEP = text("""
    UPDATE erasures SET sealed = :sealed, swept = '{}', quiet_since = NULL
    WHERE id = :id AND fence = :fence AND state = 1
    RETURNING id
""")
_RENEW = text("""
    UPDATE erasures SET try_time = now() + CAST(:lease AS interval)
    WHERE id = :id AND fence = :fence AND state = 1
    RETURNING id
""")
_GIVE_BACK = text("""
    UPDATE erasures
    SET parts = CAST(:parts AS jsonb), quiet_since = NULL,
        try_time = now() + CAST(:pause AS interval)
    WHERE id = :id AND fence = :fence AND state = 1
    RETURNING id
""")
_UNFINISHED = text("""
    SELECT count(*) AS total,
        coalesce(extract(epoch FROM clock_timestamp() - min(request_time)), 0)::float AS age
    FROM erasures WHERE state = 1
""")
