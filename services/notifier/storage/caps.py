"""How often an advertiser wrote to an address lately, counted so that no two claims both pass.

An entry is made for each message at its claim and stays when the message was taken or may have
been; it goes with the claim that made it when the message was refused or went back, and never with
another's. Whoever counts or uncounts holds the lock of advertiser and channel until it commits, so
that entries need no lock of their own. An address stands in its entries as a hash: should two ever
share one, they share a cap as well.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.notifier.domain.states import Channel
from services.notifier.domain.work import Claimed

# A message counts from its claim on, and may reach the wire a little later: it counts for longer.
SLACK = timedelta(minutes=10)

T = TypeVar("T")
Entries = dict[str, dict[UUID, datetime]]


class Use(NamedTuple):
    """One message that wants to count, and how many may."""

    message: Claimed
    most: int


async def reserve(
    session: AsyncSession, channel: Channel, uses: Sequence[Use], hours: int, now: datetime
) -> dict[UUID, datetime]:
    """Counts the messages; returns those that find no room, with when there will be some.

    Locks what counts of their advertisers, in order. A message that counts already goes on
    counting, under its new claim.
    """
    full: dict[UUID, datetime] = {}
    window = timedelta(hours=hours) + SLACK
    for advertiser, group in _by_advertiser(uses, lambda it: it.message):
        line = seed(advertiser, channel)
        await session.execute(_LOCK, {"seed": line})
        first = await _first(session, line, group, now, window)
        if first is None:
            continue
        entries, counted = first
        again: list[Claimed] = []
        for message, most in group:
            known = entries[message.address_key]
            id = message.key.message_id
            if id in counted:
                continue
            if (until := _room(known, id, most, now)) is None:
                known[id] = now
                again.append(message)
            else:
                full[id] = until + window
        if again:
            await session.execute(_AGAIN, {**_columns(again), "seed": line, "now": now})
    return full


async def full(
    session: AsyncSession, channel: Channel, uses: Sequence[Use], hours: int, now: datetime
) -> dict[UUID, datetime]:
    """Those that would find no room, with when there will be some; counts and locks nothing."""
    window = timedelta(hours=hours) + SLACK
    found: dict[UUID, datetime] = {}
    for advertiser, group in _by_advertiser(uses, lambda it: it.message):
        messages = [it.message for it in group]
        given = {
            "keys": arrays.texts([it.address_key for it in messages]),
            "seed": seed(advertiser, channel),
            "from": now - window,
        }
        entries = _entries(messages, (await session.execute(_COUNTED, given)).all())
        for message, most in group:
            id = message.key.message_id
            until = _room(entries[message.address_key], id, most, now)
            if until is not None:
                found[id] = until + window
    return found


async def release(session: AsyncSession, messages: Iterable[Claimed]) -> None:
    """Stops counting messages that were not sent, each if its own claim made it count.

    Locks what counts of their advertisers, in order.
    """
    by_channel: defaultdict[Channel, list[Claimed]] = defaultdict(list)
    for message in messages:
        by_channel[message.channel].append(message)
    for channel in sorted(by_channel):
        for advertiser, group in _by_advertiser(by_channel[channel], lambda it: it):
            given = {"seed": seed(advertiser, channel), **_columns(group)}
            await session.execute(_LOCK, given)
            await session.execute(_RELEASE, given)


async def prune(session: AsyncSession, hours: int, limit: int) -> int:
    """Deletes entries that count no more; returns how many. Passes over locked ones."""
    age = timedelta(hours=hours) + 2 * SLACK
    found = await session.execute(_PRUNE, {"age": age, "limit": limit})
    return len(found.all())


def seed(advertiser: UUID, channel: Channel) -> int:
    """What the addresses of an advertiser's messages are hashed with, and what is locked."""
    told = b"caps" + advertiser.bytes + bytes((channel,))
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big", signed=True)


async def _first(
    session: AsyncSession, line: int, group: Sequence[Use], now: datetime, window: timedelta
) -> tuple[Entries, set[UUID]] | None:
    """Counts one message of each address of which none counts yet.

    Returns what counts then of the addresses, and the messages that do since now; None if those
    are all there are.
    """
    first: dict[str, Claimed] = {}
    for message, most in group:
        if most > 0:
            first.setdefault(message.address_key, message)
    messages = list(first.values())
    given = {**_columns(messages), "seed": line, "now": now, "from": now - window}
    found = (await session.execute(_FIRST, given)).all()
    if not found and len(messages) == len(group):
        return None
    entries = _entries(messages, found)
    counted = set()
    for key, message in first.items():
        if not entries[key]:
            entries[key][message.key.message_id] = now
            counted.add(message.key.message_id)
    return entries, counted


def _entries(messages: Sequence[Claimed], found: Iterable[Sequence[object]]) -> Entries:
    """What counts of each address, by the places of its messages."""
    entries: Entries = defaultdict(dict)
    for place, id, at in found:
        entries[messages[place - 1].address_key][id] = at  # type: ignore[operator, index, assignment]
    return entries


def _room(known: dict[UUID, datetime], id: UUID, most: int, now: datetime) -> datetime | None:
    """None if a message finds room, or when the entry was made whose end leaves some."""
    if len(known) < most:
        return None
    times = sorted(at for other, at in known.items() if other != id)
    if len(times) < most:
        return None
    return times[len(times) - most] if most > 0 else (times or [now])[-1]


def _by_advertiser(
    messages: Iterable[T], of: Callable[[T], Claimed]
) -> Iterator[tuple[UUID, list[T]]]:
    kinds: dict[int, tuple[UUID, list[T]]] = {}
    for it in messages:
        kind = of(it).kind
        # To tell the same object from another takes much less than to tell what it says.
        known = kinds.get(id(kind)) or kinds.setdefault(id(kind), (kind.advertiser_id, []))
        known[1].append(it)
    groups: defaultdict[UUID, list[T]] = defaultdict(list)
    for advertiser, some in kinds.values():
        groups[advertiser] += some
    return ((advertiser, groups[advertiser]) for advertiser in sorted(groups))


def _columns(messages: Sequence[Claimed]) -> dict[str, object]:
    return {
        "keys": arrays.texts([it.address_key for it in messages]),
        "ids": arrays.uuids([it.key.message_id for it in messages]),
        "claims": arrays.numbers([it.claim for it in messages]),
    }


# A statement of its own: what comes after it sees what others counted until they let go.
_LOCK = text("SELECT pg_advisory_xact_lock(:seed)")
_GIVEN = """SELECT hashtextextended(g.key, :seed) AS address, g.id, g.claim, g.place
    FROM unnest(CAST(:keys AS text[]), CAST(:ids AS uuid[]), CAST(:claims AS bigint[]))
        WITH ORDINALITY AS g (key, id, claim, place)"""
# The array makes it a look into the index for each address, whatever statistics say.
_OF_GIVEN = "address = ANY(ARRAY(SELECT address FROM given)) AND counted_at > :from"
_FIRST = text(f"""
    WITH given AS MATERIALIZED ({_GIVEN}), known AS MATERIALIZED (
        SELECT address, message_id, counted_at FROM caps WHERE {_OF_GIVEN}
    ), added AS (
        INSERT INTO caps (address, message_id, claim, counted_at)
        SELECT address, id, claim, :now FROM given
        WHERE address NOT IN (SELECT address FROM known)
    )
    SELECT given.place, known.message_id, known.counted_at FROM known JOIN given USING (address)
""")  # noqa: S608 (constant parts)
_AGAIN = text(f"""
    WITH given AS MATERIALIZED ({_GIVEN}), before AS (
        DELETE FROM caps USING given
        WHERE caps.address = given.address AND caps.message_id = given.id
    )
    INSERT INTO caps (address, message_id, claim, counted_at)
    SELECT address, id, claim, :now FROM given
""")  # noqa: S608
_COUNTED = text(f"""
    WITH given AS MATERIALIZED (
        SELECT hashtextextended(g.key, :seed) AS address, g.place
        FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS g (key, place)
    )
    SELECT given.place, caps.message_id, caps.counted_at
    FROM caps JOIN given USING (address) WHERE {_OF_GIVEN.replace("address", "caps.address", 1)}
""")  # noqa: S608
_RELEASE = text(f"""
    WITH given AS MATERIALIZED ({_GIVEN})
    DELETE FROM caps USING given
    WHERE caps.address = ANY(ARRAY(SELECT address FROM given))
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
