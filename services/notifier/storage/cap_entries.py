"""What counts of addresses: entries of their own, and the rows of messages that went straight.

All of it is for one `line`, the number of an advertiser and a channel, which is locked by whoever
changes what counts. An address stands in its entries as a hash with that number.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays
from services.notifier.domain.work import Claimed

Entries = dict[str, dict[UUID, datetime]]
"""What counts of each address: messages, and since when each does."""


def ask_lock(line: int) -> db.Ask[None]:
    """Waits until nobody else changes what counts, and keeps others waiting until the end.

    As `ask_by_index` besides.
    """
    return db.Ask(_LOCK, {"line": line}, db.nothing)


def ask_by_index() -> db.Ask[None]:
    """Has the rest of the transaction find rows by indexes, whatever statistics say."""
    return db.Ask(_BY_INDEX, {}, db.nothing)


async def enter_first(
    session: AsyncSession, line: int, messages: Sequence[Claimed], now: datetime, since: datetime
) -> Entries:
    """Makes an entry for messages, each of another address, where the address has none yet.

    Returns the entries of those that have.
    """
    given = {**_columns(messages), "line": line, "now": now, "since": since}
    return _entries(messages, (await session.execute(_FIRST, given)).all())


async def enter(
    session: AsyncSession, line: int, messages: Sequence[Claimed], now: datetime
) -> None:
    """Makes an entry for each message; one that it had is replaced."""
    if messages:
        await session.execute(_ENTER, {**_columns(messages), "line": line, "now": now})


async def counted(
    session: AsyncSession,
    line: int,
    messages: Sequence[Claimed],
    days: Sequence[date],
    since: datetime,
) -> Entries:
    """What counts since a time of the addresses of messages; a message counts once.

    Rows are looked at in these days, of the runs that count by them. Locks nothing; comes after
    `ask_lock` or `ask_by_index`.
    """
    if not messages:
        return defaultdict(dict)
    given = {
        "keys": arrays.texts([it.address_key for it in messages]),
        "line": line,
        "since": since,
        "days": arrays.dates(days),
    }
    return _entries(messages, (await session.execute(_COUNTED, given)).all())


def ask_remove(line: int, messages: Sequence[Claimed]) -> db.Ask[None]:
    """Removes the entries of messages, each if its own claim made it."""
    return db.Ask(_REMOVE, {**_columns(messages), "line": line}, db.nothing)


async def prune(session: AsyncSession, age: timedelta, limit: int) -> int:
    """Removes entries older than this; returns how many. Passes over locked ones."""
    return len((await session.execute(_PRUNE, {"age": age, "limit": limit})).all())


def _entries(messages: Sequence[Claimed], found: Iterable[Sequence[object]]) -> Entries:
    """What counts of each address, by the places of its messages; of two times the later."""
    entries: Entries = defaultdict(dict)
    place: int
    id: UUID
    at: datetime
    for place, id, at in found:  # type: ignore[assignment]
        of = entries[messages[place - 1].address_key]
        of[id] = max(at, of.get(id, at))
    return entries


def _columns(messages: Sequence[Claimed]) -> dict[str, object]:
    return {
        "keys": arrays.texts([it.address_key for it in messages]),
        "ids": arrays.uuids([it.key.message_id for it in messages]),
        "claims": arrays.numbers([it.claim for it in messages]),
    }


# A statement of its own: what comes after it sees what others counted until they let go.
_LOCK = text("SELECT pg_advisory_xact_lock(:line), set_config('enable_seqscan', 'off', true)")
_GIVEN = """SELECT hashtextextended(g.key, :line) AS address, g.id, g.claim, g.place
    FROM unnest(CAST(:keys AS text[]), CAST(:ids AS uuid[]), CAST(:claims AS bigint[]))
        WITH ORDINALITY AS g (key, id, claim, place)"""
# The array makes it a look into the index for each address, whatever statistics say.
_OF_GIVEN = "caps.address = ANY(ARRAY(SELECT address FROM given))"
_FIRST = text(f"""
    WITH given AS MATERIALIZED ({_GIVEN}), known AS MATERIALIZED (
        SELECT address, message_id, counted_at FROM caps
        WHERE {_OF_GIVEN} AND counted_at > :since
    ), added AS (
        INSERT INTO caps (address, message_id, claim, counted_at)
        SELECT address, id, claim, :now FROM given
        WHERE address NOT IN (SELECT address FROM known)
    )
    SELECT given.place, known.message_id, known.counted_at FROM known JOIN given USING (address)
""")  # noqa: S608 (constant parts)
_ENTER = text(f"""
    WITH given AS MATERIALIZED ({_GIVEN}), before AS (
        DELETE FROM caps USING given
        WHERE {_OF_GIVEN} AND caps.address = given.address AND caps.message_id = given.id
    )
    INSERT INTO caps (address, message_id, claim, counted_at)
    SELECT address, id, claim, :now FROM given
""")  # noqa: S608
# A row counts while its newest attempt is open, in doubt or taken, or was taken in part. What a
# receipt or a person says later does not change how the attempt ended.
_COUNTS = """(m.attempt_outcome IS NULL OR m.attempt_outcome IN (7, 8)
        OR m.attempt_outcome = 11 AND m.reason = 'PARTLY_REFUSED')"""
# Rows are found by their address before anything is asked of their run: through the index of runs
# the whole of a run would be read.
_COUNTED = text(f"""
    WITH given AS MATERIALIZED (
        SELECT hashtextextended(g.key, :line) AS address, g.key, g.place
        FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS g (key, place)
    ), sent AS MATERIALIZED (
        SELECT m.address_key, m.run_id, m.message_id, m.attempt_started_at FROM messages m
        WHERE m.run_date = ANY(CAST(:days AS date[]))
          AND m.address_key = ANY(ARRAY(SELECT key FROM given))
          AND m.attempt_started_at > :since AND {_COUNTS}
    )
    SELECT given.place, caps.message_id, caps.counted_at
    FROM caps JOIN given USING (address) WHERE {_OF_GIVEN} AND caps.counted_at > :since
    UNION ALL
    SELECT given.place, sent.message_id, sent.attempt_started_at
    FROM sent JOIN given ON given.key = sent.address_key
    JOIN cap_runs r ON r.seed = :line AND r.run_id = sent.run_id AND r.straight
""")  # noqa: S608
_BY_INDEX = text("SELECT set_config('enable_seqscan', 'off', true)")
_REMOVE = text(f"""
    WITH given AS MATERIALIZED ({_GIVEN})
    DELETE FROM caps USING given
    WHERE {_OF_GIVEN}
      AND caps.address = given.address AND caps.message_id = given.id
      AND caps.claim = given.claim
""")  # noqa: S608
_PRUNE = text("""
    DELETE FROM caps WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM caps
        WHERE counted_at < now() - CAST(:age AS interval)
        LIMIT :limit FOR UPDATE SKIP LOCKED))
    RETURNING 1
""")
