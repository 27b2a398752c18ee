"""How often an advertiser wrote to an address lately, counted so that no two claims both pass.

A message whose attempt is open from the beginning counts by its own row, from the moment when it
is stored until its attempt is known to have failed. For any other an entry is made at its claim and
stays when the message was taken or may have been; it goes with the claim that made it when the
message was refused or went back, and never with another's. One that has both counts once.

Whoever counts or uncounts holds the lock of advertiser and channel until it commits, so that
entries need no lock of their own. Should the hashes of two addresses ever be the same, they share a
cap as well. While fewer runs sent to anybody than a cap allows, nobody looks at addresses at all.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from services.notifier.domain.states import Channel
from services.notifier.domain.work import NOBODY, Claimed
from services.notifier.storage import cap_entries, cap_runs
from services.notifier.storage.cap_entries import Entries
from services.notifier.storage.cap_runs import Noted

# A message counts from its claim on, and may reach the wire a little later: it counts for longer.
SLACK = timedelta(minutes=10)

T = TypeVar("T")


class Use(NamedTuple):
    """One message that wants to count, and how many may."""

    message: Claimed
    most: int


class _Book(NamedTuple):
    """What counts of an advertiser and a channel, while it is locked."""

    line: int
    now: datetime
    window: timedelta
    known: Noted

    @property
    def since(self) -> datetime:
        """From when on messages count."""
        return self.now - self.window


async def reserve(
    session: AsyncSession, channel: Channel, uses: Sequence[Use], hours: int, now: datetime
) -> dict[UUID, datetime]:
    """Counts the messages; returns those that find no room, with when there will be some.

    Locks what counts of their advertisers, in order. A message that counts already goes on
    counting, under its new claim.
    """
    full: dict[UUID, datetime] = {}
    for advertiser, group in _by_advertiser(uses, lambda it: it.message):
        messages = [it.message for it in group]
        book = await _locked(session, advertiser, channel, messages, hours, now)
        put_off = await _enter(session, book, group)
        going = [it for it in messages if it.key.message_id not in put_off] if put_off else messages
        await cap_runs.note(session, book.line, going, now, book.known, is_straight=False)
        full |= put_off
    return full


async def reserve_straight(
    session: AsyncSession,
    messages: Sequence[Claimed],
    most: int,
    hours: int,
    now: datetime,
    uses: Callable[[], Sequence[Use]],
) -> dict[UUID, datetime]:
    """As `reserve` for messages of one run that count by their rows.

    The caller stores them in the same transaction with an attempt open since `now`, and no other
    message of the run. No cap is below `most`; `uses` says what holds for each of them, which is
    asked only where it matters.
    """
    kind = messages[0].kind
    book = await _locked(session, kind.advertiser_id, kind.channel, messages, hours, now)
    put_off: dict[UUID, datetime] = {}
    if not book.known.leaves_room(most):
        put_off, _ = await _look(session, book, uses())
    if len(put_off) < len(messages):
        await cap_runs.note(session, book.line, messages[:1], now, book.known, is_straight=True)
    return put_off


async def full(
    session: AsyncSession, channel: Channel, uses: Sequence[Use], hours: int, now: datetime
) -> dict[UUID, datetime]:
    """Those that would find no room, with when there will be some; counts and locks nothing."""
    window = timedelta(hours=hours) + SLACK
    found: dict[UUID, datetime] = {}
    for advertiser, group in _by_advertiser(uses, lambda it: it.message):
        line, messages = seed(advertiser, channel), [it.message for it in group]
        together = db.Together(session)
        together.add(cap_entries.ask_by_index())
        noted = together.add(cap_runs.ask_noted(line, None, now - window))
        await together.send()
        entries = await cap_entries.counted(session, line, messages, noted().days, now - window)
        for message, most in group:
            id = message.key.message_id
            until = _room(entries[message.address_key], id, most, now)
            if until is not None:
                found[id] = until + window
    return found


async def release(session: AsyncSession, messages: Iterable[Claimed]) -> None:
    """Stops counting messages that were not sent, each if its own claim made it count.

    Those that count by their rows stop by themselves. Locks what counts of their advertisers, in
    order.
    """
    by_channel: defaultdict[Channel, list[Claimed]] = defaultdict(list)
    for message in messages:
        by_channel[message.channel].append(message)
    for channel in sorted(by_channel):
        for advertiser, group in _by_advertiser(by_channel[channel], lambda it: it):
            line = seed(advertiser, channel)
            together = db.Together(session)
            together.add(cap_entries.ask_lock(line))
            together.add(cap_entries.ask_remove(line, group))
            await together.send()


async def prune(session: AsyncSession, hours: int, limit: int) -> int:
    """Deletes entries and runs that count no more; returns how many. Passes over locked ones."""
    age = timedelta(hours=hours) + 2 * SLACK
    entries = await cap_entries.prune(session, age, limit)
    return entries + await cap_runs.prune(session, age, limit)


def seed(advertiser: UUID, channel: Channel) -> int:
    """What the addresses of an advertiser's messages are hashed with, and what is locked."""
    told = b"caps" + advertiser.bytes + bytes((channel,))
    return int.from_bytes(hashlib.sha256(told).digest()[:8], "big", signed=True)


async def _locked(
    session: AsyncSession,
    advertiser: UUID,
    channel: Channel,
    messages: Sequence[Claimed],
    hours: int,
    now: datetime,
) -> _Book:
    """Locks what counts of an advertiser, and reads who sent."""
    line, window = seed(advertiser, channel), timedelta(hours=hours) + SLACK
    runs = {it.kind.run_id for it in messages}
    run_id = (runs.pop() or NOBODY) if len(runs) == 1 else None
    together = db.Together(session)
    together.add(cap_entries.ask_lock(line))
    # Another statement, so that it sees what others counted until they let go.
    noted = together.add(cap_runs.ask_noted(line, run_id, now - window))
    await together.send()
    known = noted()
    # Of two that want the same address each would have to see the other.
    if len({it.address_key for it in messages}) < len(messages):
        known = known._replace(others=None)
    return _Book(line, now, window, known)


async def _look(
    session: AsyncSession, book: _Book, group: Sequence[Use]
) -> tuple[dict[UUID, datetime], list[Claimed]]:
    """Decides by entries and rows: when there will be room for those that find none, and others."""
    asked = [it for it in group if not book.known.leaves_room(it.most)]
    messages, days = [it.message for it in asked], book.known.days
    entries = await cap_entries.counted(session, book.line, messages, days, book.since)
    put_off, passed = _decide(book, asked, entries)
    return put_off, [it.message for it in group if book.known.leaves_room(it.most)] + passed


async def _enter(session: AsyncSession, book: _Book, group: Sequence[Use]) -> dict[UUID, datetime]:
    """Makes entries for messages that find room; returns when there will be some for others."""
    if book.known.days and not book.known.leaves_room(min(it.most for it in group)):
        put_off, passed = await _look(session, book, group)
        await cap_entries.enter(session, book.line, passed, book.now)
        return put_off
    # Nothing but entries has to be looked at.
    first: dict[str, Claimed] = {}
    for message, most in group:
        if most > 0:
            first.setdefault(message.address_key, message)
    messages = list(first.values())
    entries = await cap_entries.enter_first(session, book.line, messages, book.now, book.since)
    if not entries and len(messages) == len(group):
        return {}
    counted = set()
    for key, message in first.items():
        if not entries[key]:
            entries[key][message.key.message_id] = book.now
            counted.add(message.key.message_id)
    others = [it for it in group if it.message.key.message_id not in counted]
    put_off, passed = _decide(book, others, entries)
    await cap_entries.enter(session, book.line, passed, book.now)
    return put_off


def _decide(
    book: _Book, asked: Sequence[Use], entries: Entries
) -> tuple[dict[UUID, datetime], list[Claimed]]:
    """When there will be room for those that find none, and the others; one after another."""
    put_off: dict[UUID, datetime] = {}
    passed = []
    for message, most in asked:
        of, id = entries[message.address_key], message.key.message_id
        if (until := _room(of, id, most, book.now)) is None:
            of[id] = book.now
            passed.append(message)
        else:
            put_off[id] = until + book.window
    return put_off, passed


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
