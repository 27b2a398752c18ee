"""Messages as people ask for them: one, a page, counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from services.notifier.domain.states import Channel, State
from services.notifier.domain.work import Key
from services.notifier.storage import rows


@dataclass(frozen=True)
class Filter:
    """One of run, address key and contact is given; empty `states` is any."""

    run_id: UUID | None = None
    address_key: str = ""
    contact_id: UUID | None = None
    states: Sequence[State] = ()


@dataclass(frozen=True)
class Provider:
    """A provider and whether any replica has a session with it."""

    name: str
    channel: Channel
    address: str
    max_per_second: int
    connected: bool
    trouble: str


class Heartbeat(NamedTuple):
    """Everything `service` said until `lag` seconds ago, by its clock `told_at`, was applied."""

    service: str
    told_at: datetime
    lag: float


async def get(session: AsyncSession, message_id: UUID) -> rows.Message | None:
    """The message with this id, whatever its date; the newest should a date differ."""
    found = (await session.execute(_GET, {"id": message_id})).first()
    found = found or (await session.execute(_GET_PAST, {"id": message_id})).first()
    return rows.message(found) if found else None


async def attempts(session: AsyncSession, key: Key) -> list[rows.Attempt]:
    """The attempts of a message, in order."""
    found = await session.execute(_ATTEMPTS, {"day": key.run_date, "id": key.message_id})
    return [rows.attempt(row) for row in found]


async def page(
    session: AsyncSession, by: Filter, after: Sequence[object], limit: int
) -> list[rows.Message]:
    """Up to `limit` messages after a place of `place`: a run's in line, others newest first."""
    value: object = by.address_key
    statement = _BY_ADDRESS
    if by.run_id is not None:
        statement, value = _BY_RUN, by.run_id
    elif by.contact_id is not None:
        statement, value = _BY_CONTACT, by.contact_id
    given = {
        "key": value,
        "states": [int(it) for it in by.states],
        "any": not by.states,
        "limit": limit,
        "at": after[0] if after else None,
        "id": after[1] if len(after) > 1 else None,
    }
    return [rows.message(row) for row in await session.execute(statement, given)]


def place(by: Filter, message: rows.Message) -> list[int | datetime | UUID]:
    """Where the page after a message begins."""
    if by.run_id is not None:
        return [message.seq]
    return [message.created_at, message.key.message_id]


async def known(session: AsyncSession, run_id: UUID, ids: Sequence[UUID]) -> list[UUID]:
    """Those of a run's message ids that have a row."""
    found = await session.execute(_KNOWN, {"run_id": run_id, "ids": list(ids)})
    return list(found.scalars())


async def is_gone(session: AsyncSession, run_id: UUID) -> bool:
    """Whether the day of a run was let go of."""
    return bool(await session.scalar(_IS_GONE, {"run_id": run_id}))


async def last_advertiser(session: AsyncSession, channel: Channel, address_key: str) -> UUID | None:
    """Whose message to an address was the last one; None when there is none."""
    found: UUID | None = await session.scalar(
        _LAST_ADVERTISER, {"channel": int(channel), "key": address_key}
    )
    if found is None:
        given = {"channel": int(channel), "key": address_key}
        found = await session.scalar(_LAST_PAST_ADVERTISER, given)
    return found


async def counts(session: AsyncSession, run_id: UUID) -> dict[State, int]:
    """How many messages of a run are in each state."""
    found = (await session.execute(_COUNTS, {"run_id": run_id})).all()
    found = found or (await session.execute(_PAST_COUNTS, {"run_id": run_id})).all()
    return {State(row.state): row.total for row in found}


async def seed_provider(
    session: AsyncSession, name: str, channel: Channel, address: str, max_per_second: int
) -> None:
    """Stores what the settings say of a provider."""
    row = {
        "name": name,
        "channel": int(channel),
        "address": address,
        "max_per_second": max_per_second,
    }
    await session.execute(_SEED, row)


async def note_session(
    sessions: db.Sessions, provider: str, worker: str, connected: bool, trouble: str
) -> int:
    """Says that a worker lives and whether it is connected; returns how many workers live."""
    row = {
        "provider": provider,
        "worker": worker,
        "connected": connected,
        "trouble": trouble[:200],
    }
    found = await db.look(sessions, _NOTE_SESSION, row) or (1,)
    return int(found[0])


async def end_session(session: AsyncSession, provider: str, worker: str) -> None:
    """Takes a worker that stops off the list."""
    await session.execute(_END_SESSION, {"provider": provider, "worker": worker})


async def providers(session: AsyncSession) -> list[Provider]:
    """All providers, by name."""
    return [
        Provider(
            name=row.name,
            channel=Channel(row.channel),
            address=row.address,
            max_per_second=row.max_per_second,
            connected=row.connected,
            trouble=row.trouble,
        )
        for row in await session.execute(_PROVIDERS)
    ]


async def note_heartbeats(sessions: db.Sessions, news: Sequence[Heartbeat]) -> None:
    """Notes, in one round trip, that all that services said until some time has been applied."""
    services, told, lags = zip(*news, strict=True)
    given = {"services": list(services), "told": list(told), "lags": list(lags)}
    await db.look(sessions, _HEARTBEATS, given)


def ask_control_age(services: Sequence[str]) -> db.Ask[float]:
    """Age in seconds of the oldest news from `services`, by the database's clock."""

    def read(found: db.Rows) -> float:
        return float(found[0].age) if found[0].total == len(services) else float("inf")

    return db.Ask(_CONTROL_AGE, {"services": list(services)}, read)


async def control_age(session: AsyncSession, services: Sequence[str]) -> float:
    """As `ask_control_age`."""
    return await db.ask(session, ask_control_age(services))


_GET = text(f"""
    SELECT {rows.MESSAGE_COLUMNS} FROM messages m
    WHERE m.message_id = :id ORDER BY m.run_date DESC LIMIT 1
""")  # noqa: S608 (constant columns)
_GET_PAST = text(f"""
    SELECT {rows.PAST_COLUMNS} FROM past_messages m
    WHERE m.message_id = :id ORDER BY m.run_date DESC LIMIT 1
""")  # noqa: S608
# An attempt that a receipt or a policy followed ended as it ended.
_ATTEMPTS = text("""
    SELECT number, provider, worker, started_at, ended_at, outcome, answer, provider_reference
    FROM attempts WHERE run_date = :day AND message_id = :id
    UNION ALL
    SELECT attempts, provider, worker, attempt_started_at, attempt_ended_at, attempt_outcome,
        answer, provider_reference
    FROM messages
    WHERE run_date = :day AND message_id = :id AND attempt_started_at IS NOT NULL
    ORDER BY number
""")
_LIST = f"""
    SELECT {rows.MESSAGE_COLUMNS} FROM messages m
    WHERE %s AND (:any OR m.state = ANY(CAST(:states AS smallint[])))
    ORDER BY %s LIMIT :limit
"""  # noqa: S608
_ORDER = "m.created_at DESC, m.message_id DESC"
_NEWEST = """(CAST(:at AS timestamptz) IS NULL
    OR (m.created_at, m.message_id) < (CAST(:at AS timestamptz), CAST(:id AS uuid)))"""
_BY_RUN = text(
    _LIST
    % (
        "m.run_id = :key AND m.run_date = (SELECT run_date FROM runs WHERE run_id = :key)"
        " AND m.seq > coalesce(CAST(:at AS bigint), 0)",
        "m.seq",
    )
)
_BY_CONTACT = text(_LIST % (f"m.contact_id = :key AND {_NEWEST}", _ORDER))
_BY_ADDRESS = text(_LIST % (f"m.address_key = :key AND {_NEWEST}", _ORDER))
_KNOWN = text("""
    SELECT message_id FROM messages
    WHERE run_date = (SELECT run_date FROM runs WHERE run_id = :run_id) AND run_id = :run_id
      AND message_id = ANY(CAST(:ids AS uuid[]))
    UNION
    SELECT message_id FROM past_messages
    WHERE run_date = (SELECT run_date FROM runs WHERE run_id = :run_id) AND run_id = :run_id
      AND message_id = ANY(CAST(:ids AS uuid[]))
""")
_IS_GONE = text("""
    SELECT EXISTS (SELECT 1 FROM gone_days WHERE run_date =
        (SELECT run_date FROM runs WHERE run_id = :run_id))
""")
_LAST_ADVERTISER = text("""
    SELECT advertiser_id FROM messages WHERE address_key = :key AND channel = :channel
    ORDER BY created_at DESC LIMIT 1
""")
_LAST_PAST_ADVERTISER = text("""
    SELECT advertiser_id FROM past_messages WHERE address_key = :key AND channel = :channel
    ORDER BY created_at DESC LIMIT 1
""")
_COUNTS = text("""
    SELECT state, count(*) AS total FROM messages
    WHERE run_id = :run_id AND run_date = (SELECT run_date FROM runs WHERE run_id = :run_id)
    GROUP BY state
""")
_PAST_COUNTS = text("""
    SELECT state, sum(messages)::bigint AS total FROM run_totals
    WHERE run_id = :run_id GROUP BY state
""")
_SEED = text("""
    INSERT INTO providers (name, channel, address, max_per_second)
    VALUES (:name, :channel, :address, :max_per_second)
    ON CONFLICT (name) DO UPDATE SET address = excluded.address,
        max_per_second = excluded.max_per_second
""")
# What one statement writes it does not see, so this worker is counted apart.
_NOTE_SESSION = """
    WITH noted AS (
        INSERT INTO provider_sessions (provider, worker, connected, trouble, seen_at)
        VALUES (%(provider)s, %(worker)s, %(connected)s, %(trouble)s, now())
        ON CONFLICT (provider, worker) DO UPDATE SET connected = excluded.connected,
            trouble = excluded.trouble, seen_at = now())
    SELECT 1 + count(*) FROM provider_sessions
    WHERE provider = %(provider)s AND worker <> %(worker)s
      AND seen_at > now() - interval '5 seconds'
"""
_END_SESSION = text(
    "DELETE FROM provider_sessions WHERE provider = :provider "
    "AND (worker = :worker OR seen_at < now() - interval '1 hour')"
)
_PROVIDERS = text("""
    SELECT p.name, p.channel, p.address, p.max_per_second,
        coalesce(bool_or(s.connected), false) AS connected,
        coalesce(max(s.trouble), '') AS trouble
    FROM providers p
    LEFT JOIN provider_sessions s
        ON s.provider = p.name AND s.seen_at > now() - interval '5 seconds'
    GROUP BY p.name ORDER BY p.name
""")
# In one order, as replicas write at the same time.
_HEARTBEATS = """
    INSERT INTO control_heartbeats AS h (service, told_at, seen_at)
    SELECT service, told, clock_timestamp() - make_interval(secs => lag)
    FROM unnest(%(services)s::text[], %(told)s::timestamptz[], %(lags)s::float[])
        AS g (service, told, lag)
    ORDER BY service
    ON CONFLICT (service) DO UPDATE SET told_at = excluded.told_at,
        seen_at = greatest(h.seen_at, excluded.seen_at)
    RETURNING 1
"""
_CONTROL_AGE = text("""
    SELECT count(*) AS total,
        coalesce(extract(epoch FROM clock_timestamp() - min(seen_at)), 0) AS age
    FROM control_heartbeats WHERE service = ANY(CAST(:services AS text[]))
""")
