"""Claims: what one worker holds, so that no other sends it.

A claim is one row, however many messages it covers: a range of a run's line, or messages that
waited out of order. It proves nothing after its lease; then its messages are free again, and
those with an open attempt are in doubt.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import Sessions, arrays, look
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Claimed, Run
from services.notifier.storage import lapses, rows


class Holder(NamedTuple):
    """Who claims, and for how many seconds."""

    worker: str
    lease_seconds: float


class Waiting(NamedTuple):
    """Whether urgent and patient messages without a run wait, and whether any run is busy."""

    single: bool = False
    patient: bool = False
    runs: bool = False


async def waiting(sessions: Sessions, channel: Channel) -> Waiting:
    """Who waits; locks nothing."""
    found = await look(sessions, _WAITING, {"channel": int(channel)})
    return Waiting(*found) if found else Waiting()


async def claim_run(
    session: AsyncSession, run: Run, limit: int, holder: Holder
) -> tuple[int, list[Claimed]]:
    """Claims up to `limit` messages of a run: those that came back first, then its line.

    Returns the claim (0 for none) and its messages, which may be fewer than it covers.
    """
    given = {"run_id": run.run_id, "day": run.run_date, "limit": limit, **_holder(holder)}
    claim = await session.scalar(_TAKE_OF_RUN, given)
    if claim is not None:
        return claim, await _by_ids(session, claim, run)
    spot = (await session.execute(_SPOT, given)).first()
    if spot is None or spot.claimed_to >= spot.last_seq:
        return 0, []
    span = {"from": spot.claimed_to + 1, "to": min(spot.claimed_to + limit, spot.last_seq)}
    claim = await session.scalar(_CLAIM_RANGE, {**given, **span})
    found = await session.execute(_OF_RANGE, {**given, **span})
    return int(claim or 0), [rows.claimed(row, int(claim or 0), run.kind) for row in found]


async def next_ids(session: AsyncSession, count: int) -> list[int]:
    """Numbers for claims that will be added."""
    return list(await session.scalars(_NEXT_IDS, {"count": count}))


def ask_add(claim: int, run_id: UUID, people: int, holder: Holder) -> db.Ask[None]:
    """Adds a claim on the last places of a run's line, which `ask_note_chunk` gave out before.

    If everything before them is claimed, so are they for whoever looks at the line.
    """
    given = {"claim": claim, "run_id": run_id, "people": people, **_holder(holder)}
    return db.Ask(_ADD, given, db.nothing)


async def claim_single(
    session: AsyncSession, channel: Channel, limit: int, holder: Holder, *, patient: bool = False
) -> tuple[int, list[Claimed]]:
    """Claims up to `limit` urgent or patient messages that belong to no run; as `claim_run`."""
    given = {"channel": int(channel), "limit": limit, "patient": patient, **_holder(holder)}
    claim = await session.scalar(_TAKE_SINGLE, given)
    if claim is None:
        return 0, []
    return claim, await _by_ids(session, claim, None)


async def held(session: AsyncSession, claims: Iterable[int]) -> set[int]:
    """Those of `claims` whose lease goes on; they cannot be taken away before the end."""
    found = await session.execute(_HELD, {"claims": arrays.numbers(sorted(set(claims)))})
    return {row.id for row in found}


async def renew(session: AsyncSession, claims: Sequence[int], holder: Holder) -> set[int]:
    """Extends claims that have not lapsed; returns which were extended."""
    if not claims:
        return set()
    given = {"claims": arrays.numbers(claims), **_holder(holder)}
    return {row.id for row in await session.execute(_RENEW, given)}


async def finish(session: AsyncSession, claims: Sequence[int]) -> None:
    """Forgets claims whose messages have all ended or went back."""
    if claims:
        await db.ask(session, ask_finish(claims))


def ask_finish(claims: Sequence[int]) -> db.Ask[None]:
    """As `finish`."""
    return db.Ask(_FINISH, {"claims": arrays.numbers(sorted(claims))}, db.nothing)


async def requeue(session: AsyncSession, claimed: Sequence[Claimed]) -> None:
    """Lets anybody claim messages that have no open attempt."""
    if claimed:
        await session.execute(_REQUEUE, rows.columns([it.key for it in claimed]))


async def wait_again(
    session: AsyncSession, changed: Sequence[rows.Changed], due: Sequence[datetime | None]
) -> None:
    """Has messages that were queued or deferred claimed again when they are due."""
    if changed:
        given = {
            "dates": arrays.dates([it.run_date for it in changed]),
            "ids": arrays.uuids([it.message_id for it in changed]),
            "days": rows.days(it.run_date for it in changed),
            "due": arrays.times(due),
        }
        await session.execute(_WAIT_AGAIN, given)


async def free(session: AsyncSession, claim: lapses.Lapsed) -> None:
    """Ends a locked claim: what it covers without an attempt may be claimed by anybody."""
    await rows.by_key(session)
    await session.execute(_FREE[claim.of], claim.parameters)
    await session.execute(_FINISH, {"claims": arrays.numbers([claim.id])})


async def now(session: AsyncSession) -> datetime:
    """The database's clock, which all replicas share."""
    found: datetime = (await session.execute(_NOW)).scalar_one()
    return found


async def _by_ids(session: AsyncSession, claim: int, run: Run | None) -> list[Claimed]:
    await rows.by_key(session)
    found = await session.execute(_OF_IDS, (await lapses.locked(session, claim)).parameters)
    if run is not None:
        return [rows.claimed(row, claim, run.kind) for row in found]
    return [rows.claimed(row, claim, rows.kind(*row[9:])) for row in found]


def _holder(holder: Holder) -> dict[str, object]:
    return {"worker": holder.worker, "lease": timedelta(seconds=holder.lease_seconds)}


def _take(of: str, run: str) -> Any:
    return text(f"""
        WITH taken AS (
            DELETE FROM ready WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM ready
                WHERE {of} AND due_at <= clock_timestamp()
                ORDER BY due_at
                LIMIT :limit
                FOR UPDATE SKIP LOCKED))
            RETURNING message_id, run_date
        )
        INSERT INTO claims (run_id, ids, dates, worker, lease_until)
        SELECT {run}, array_agg(message_id), array_agg(run_date), :worker,
            clock_timestamp() + CAST(:lease AS interval)
        FROM taken HAVING count(*) > 0
        RETURNING id
    """)  # noqa: S608 (constant parts)


_TAKE_OF_RUN = _take("run_id = :run_id", "CAST(:run_id AS uuid)")
_TAKE_SINGLE = _take("run_id IS NULL AND channel = :channel AND patient = :patient", "NULL")
_SPOT = text("""
    SELECT c.claimed_to, r.last_seq FROM cursors c JOIN runs r USING (run_id)
    WHERE c.run_id = :run_id
    FOR UPDATE OF c SKIP LOCKED
""")
_CLAIM_RANGE = text("""
    WITH moved AS (UPDATE cursors SET claimed_to = :to WHERE run_id = :run_id)
    INSERT INTO claims (run_id, run_date, from_seq, to_seq, worker, lease_until)
    VALUES (:run_id, :day, :from, :to, :worker, clock_timestamp() + CAST(:lease AS interval))
    RETURNING id
""")
_NEXT_IDS = text("""
    SELECT nextval(pg_get_serial_sequence('claims', 'id')) FROM generate_series(1, :count)
""")
# Nobody waits for the line: a worker that holds it may wait for what the caller holds.
_ADD = text("""
    WITH filled AS (
        SELECT run_id, run_date, last_seq - CAST(:people AS bigint) AS after, last_seq
        FROM runs WHERE run_id = :run_id
    ), line AS (
        SELECT c.run_id, last_seq FROM cursors c JOIN filled USING (run_id)
        WHERE claimed_to = after
        FOR UPDATE OF c SKIP LOCKED
    ), moved AS (
        UPDATE cursors c SET claimed_to = line.last_seq FROM line WHERE c.run_id = line.run_id
    )
    INSERT INTO claims (id, run_id, run_date, from_seq, to_seq, worker, lease_until)
    OVERRIDING SYSTEM VALUE
    SELECT CAST(:claim AS bigint), run_id, run_date, after + 1, last_seq, :worker,
        clock_timestamp() + CAST(:lease AS interval)
    FROM filled
""")
# What was tried already went straight to the wire, and waits, if it does, by its id.
_OF_RANGE = text(f"""
    SELECT {rows.CLAIMED_COLUMNS} FROM messages m
    WHERE m.run_date = :day AND m.run_id = :run_id AND m.seq BETWEEN :from AND :to
      AND m.state = 1 AND m.attempts = 0
    ORDER BY m.seq
""")  # noqa: S608 (constant columns)
_OF_IDS = text(f"""
    SELECT {rows.CLAIMED_COLUMNS}, {rows.KIND_COLUMNS} FROM messages m
    WHERE {rows.OF_KEYS} AND m.state IN (1, 3)
""")  # noqa: S608
_WAITING = """
    SELECT
        EXISTS (SELECT 1 FROM ready WHERE run_id IS NULL AND channel = %(channel)s
                AND NOT patient AND due_at <= clock_timestamp()) AS single,
        EXISTS (SELECT 1 FROM ready WHERE run_id IS NULL AND channel = %(channel)s
                AND patient AND due_at <= clock_timestamp()) AS patient,
        EXISTS (SELECT 1 FROM runs
                WHERE busy AND channel = %(channel)s AND state = 'ACTIVE') AS runs
"""
_HELD = text("""
    SELECT id FROM claims
    WHERE id = ANY(CAST(:claims AS bigint[])) AND lease_until > clock_timestamp()
    ORDER BY id
    FOR SHARE
""")
_RENEW = text("""
    UPDATE claims SET lease_until = clock_timestamp() + CAST(:lease AS interval)
    WHERE id = ANY(CAST(:claims AS bigint[])) AND worker = :worker
      AND lease_until > clock_timestamp()
    RETURNING id
""")
_FINISH = text("DELETE FROM claims WHERE id = ANY(CAST(:claims AS bigint[]))")
_WAIT = "INSERT INTO ready (message_id, run_date, run_id, channel, patient, due_at)"
_REQUEUE = text(f"""
    {_WAIT}
    SELECT m.message_id, m.run_date, m.run_id, m.channel, m.patient,
            clock_timestamp()
        FROM messages m
    WHERE {rows.OF_KEYS} AND m.state IN (1, 3)
    ON CONFLICT DO NOTHING
""")  # noqa: S608
# Those due at the same time come back in their order in line, a millionth of a second apart.
_WAIT_AGAIN = text(f"""
    {_WAIT}
    SELECT m.message_id, m.run_date, m.run_id, m.channel, m.patient,
        coalesce(g.due + m.seq * interval '1 microsecond', clock_timestamp())
    FROM unnest(CAST(:dates AS date[]), CAST(:ids AS uuid[]), CAST(:due AS timestamptz[]))
        AS g (run_date, message_id, due)
    JOIN messages m USING (message_id, run_date)
    WHERE {rows.OF_KEYS}
    ON CONFLICT (message_id, run_date) DO UPDATE SET due_at = excluded.due_at
""")  # noqa: S608


def _free(covered: str, state: str) -> Any:
    return text(f"""
        {_WAIT}
        SELECT m.message_id, m.run_date, m.run_id, m.channel, m.patient,
            clock_timestamp()
        FROM messages m
        WHERE {covered} AND {state}
        ON CONFLICT DO NOTHING
    """)  # noqa: S608


# One of a range that was tried already waits, or is claimed, by its id.
_FREE = {
    "range": _free(lapses.COVERED["range"], "m.state = 1 AND m.attempts = 0"),
    "ids": _free(lapses.COVERED["ids"], "m.state IN (1, 3)"),
}
_NOW = text("SELECT clock_timestamp()")
