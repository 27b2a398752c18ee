"""How often an advertiser wrote to an address lately, counted so that no two claims both pass.

One row for an advertiser, a channel and an address holds an entry for each message that counts:
whoever counts locks the row, and rows are locked in order of their addresses. An entry is made at
the claim and stays when the message was taken or may have been; it goes with the claim that made
it when the message was refused or went back, and never with another's.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.notifier.domain.states import Channel
from services.notifier.domain.work import Claimed
from services.notifier.storage import arrays

# A message counts from its claim on, and may reach the wire a little later: it counts for longer.
SLACK = timedelta(minutes=10)

T = TypeVar("T")


class Use(NamedTuple):
    """One message that wants to count, and how many may."""

    message: Claimed
    most: int


async def reserve(
    session: AsyncSession, channel: Channel, uses: Sequence[Use], hours: int, now: datetime
) -> dict[UUID, datetime]:
    """Counts the messages; returns those that find no room, with when there will be some.

    Locks the rows of their addresses, in order. A message that counts already goes on counting,
    under its new claim.
    """
    full: dict[UUID, datetime] = {}
    window = timedelta(hours=hours) + SLACK
    for turn in _turns(uses, lambda it: it.message):
        given = {
            **_columns([it.message for it in turn]),
            "most": arrays.numbers([it.most for it in turn]),
            "channel": int(channel),
            "now": now,
            "from": now - window,
        }
        counted = {row.id for row in await session.execute(_RESERVE, given)}
        late = [it for it in turn if it.message.key.message_id not in counted]
        if late:
            full |= await _room(session, channel, late, window, now)
    return full


async def full(
    session: AsyncSession, channel: Channel, uses: Sequence[Use], hours: int, now: datetime
) -> dict[UUID, datetime]:
    """Those that would find no room, with when there will be some; counts nothing."""
    window = timedelta(hours=hours) + SLACK
    given = {
        **_columns([it.message for it in uses]),
        "channel": int(channel),
        "from": now - window,
    }
    times = {row.id: row.times for row in await session.execute(_TIMES, given)}
    return {
        id: _freed(found, it.most) + window
        for it in uses
        if len(found := times.get(id := it.message.key.message_id, ())) >= it.most
    }


async def release(session: AsyncSession, messages: Iterable[Claimed]) -> None:
    """Stops counting messages that were not sent, each if its own claim made it count.

    Locks the rows of their addresses, in order.
    """
    for turn in _turns(list(messages), lambda it: it):
        await session.execute(_RELEASE, _columns(turn))


async def prune(session: AsyncSession, hours: int, limit: int) -> int:
    """Deletes rows in which nothing counts any more; returns how many. Passes over locked ones."""
    age = timedelta(hours=hours) + 2 * SLACK
    found = await session.execute(_PRUNE, {"age": age, "limit": limit})
    return len(found.all())


async def _room(
    session: AsyncSession,
    channel: Channel,
    late: Sequence[Use],
    window: timedelta,
    now: datetime,
) -> dict[UUID, datetime]:
    """When each of these finds room: once enough of those that count are older than the window."""
    given = {
        **_columns([it.message for it in late]),
        "channel": int(channel),
        "from": now - window,
    }
    times = {row.id: row.times for row in await session.execute(_TIMES, given)}
    return {
        it.message.key.message_id: _freed(times[it.message.key.message_id], it.most) + window
        for it in late
    }


def _freed(times: Sequence[datetime], most: int) -> datetime:
    """When the entry was made whose end leaves fewer than `most`."""
    return times[max(0, len(times) - most)]


def _turns(messages: Sequence[T], of: Callable[[T], Claimed]) -> list[list[T]]:
    """The messages in as many turns as the address that comes most often needs.

    A statement counts one message of an address; in each turn they are in order of addresses.
    """
    turns: list[dict[tuple[str, UUID], T]] = [{}]
    for it in messages:
        message = of(it)
        key = (message.address_key, message.kind.advertiser_id)
        for turn in turns:
            if key not in turn:
                turn[key] = it
                break
        else:
            turns.append({key: it})
    return [list(turn.values()) for turn in turns if turn]


def _columns(messages: Sequence[Claimed]) -> dict[str, object]:
    return {
        "keys": arrays.texts([it.address_key for it in messages]),
        "advertisers": arrays.uuids([it.kind.advertiser_id for it in messages]),
        "channels": arrays.numbers([it.kind.channel for it in messages]),
        "ids": arrays.uuids([it.key.message_id for it in messages]),
        "claims": arrays.numbers([it.claim for it in messages]),
    }


_ENTRIES = "unnest(c.messages, c.claims, c.times) AS u (message, claim, at)"
# The row is locked before its entries are counted, so that they are those of now.
_RESERVE = text(f"""
    INSERT INTO caps AS c (address_key, advertiser_id, channel, most, messages, claims, times,
        newest)
    SELECT g.key, g.advertiser, :channel, g.most, ARRAY[g.id], ARRAY[g.claim],
        ARRAY[CAST(:now AS timestamptz)], :now
    FROM unnest(CAST(:keys AS text[]), CAST(:advertisers AS uuid[]), CAST(:ids AS uuid[]),
        CAST(:claims AS bigint[]), CAST(:most AS integer[])) AS g (key, advertiser, id, claim, most)
    ORDER BY g.key, g.advertiser
    ON CONFLICT (address_key, advertiser_id, channel) DO UPDATE SET
        (messages, claims, times) = (
            SELECT array_agg(u.message) || excluded.messages, array_agg(u.claim) || excluded.claims,
                array_agg(u.at) || excluded.times
            FROM {_ENTRIES} WHERE u.at > :from AND u.message <> excluded.messages[1]),
        most = excluded.most, newest = excluded.newest
    WHERE (SELECT count(*) FROM {_ENTRIES}
           WHERE u.at > :from AND u.message <> excluded.messages[1]) < excluded.most
    RETURNING c.messages[cardinality(c.messages)] AS id
""")  # noqa: S608 (constant parts)
_TIMES = text(f"""
    SELECT g.id, (SELECT coalesce(array_agg(u.at ORDER BY u.at), '{{}}')
                  FROM {_ENTRIES} WHERE u.at > :from AND u.message <> g.id) AS times
    FROM unnest(CAST(:keys AS text[]), CAST(:advertisers AS uuid[]), CAST(:ids AS uuid[]))
        AS g (key, advertiser, id)
    JOIN caps c ON c.address_key = g.key AND c.advertiser_id = g.advertiser
        AND c.channel = :channel
""")  # noqa: S608
_RELEASE = text(f"""
    WITH locked AS MATERIALIZED (
        SELECT c.address_key, c.advertiser_id, c.channel, g.id, g.claim
        FROM unnest(CAST(:keys AS text[]), CAST(:advertisers AS uuid[]),
            CAST(:channels AS smallint[]), CAST(:ids AS uuid[]), CAST(:claims AS bigint[]))
            AS g (key, advertiser, channel, id, claim)
        JOIN caps c ON c.address_key = g.key AND c.advertiser_id = g.advertiser
            AND c.channel = g.channel
        WHERE g.id = ANY (c.messages)
        ORDER BY c.address_key, c.advertiser_id
        FOR UPDATE OF c
    )
    UPDATE caps c SET (messages, claims, times) = (
        SELECT coalesce(array_agg(u.message), '{{}}'), coalesce(array_agg(u.claim), '{{}}'),
            coalesce(array_agg(u.at), '{{}}')
        FROM {_ENTRIES} WHERE (u.message, u.claim) <> (locked.id, locked.claim))
    FROM locked
    WHERE c.address_key = locked.address_key AND c.advertiser_id = locked.advertiser_id
      AND c.channel = locked.channel
""")  # noqa: S608
_PRUNE = text("""
    DELETE FROM caps WHERE (address_key, advertiser_id, channel) IN (
        SELECT address_key, advertiser_id, channel FROM caps
        WHERE newest < now() - CAST(:age AS interval)
        LIMIT :limit FOR UPDATE SKIP LOCKED)
    RETURNING 1
""")
