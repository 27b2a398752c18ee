"""Takes a person out of the streams: events, audit entries on their way, dead letters."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from chassis.events import sweeping
from chassis.events.connection import Connection
from chassis.events.deadletters import ORIGIN
from chassis.events.sweeping import Found
from chassis.events.topology import DLQ
from services import erasure_messages
from services.erasing import Erased, Person
from services.marks import Marks

_AUDIT, _WORK = "audit.", "NOTIFY_"
# To look at more bytes takes longer than to hand them to a thread.
_LARGE = 16 * 1024


@dataclass
class Swept:
    """What was taken out, and up to where each stream has nothing of the person.

    `regions` have a notifier each, by the streams of their work.
    """

    erased: Erased = field(default_factory=Erased)
    regions: int = 0
    places: dict[str, int] = field(default_factory=dict)


async def sweep(
    nats: Connection, erasure_id: UUID, person: Person, clean_to: Mapping[str, int]
) -> Swept:
    """Read all streams from where they are clean, and take out what tells of a person.

    What a consumer has yet to deal with stays, and is waited for. Raises `Unavailable` when the
    broker is away.
    """
    swept, marks = Swept(), Marks(person)
    streams = await sweeping.streams(nats)
    swept.regions = sum(it.startswith(_WORK) for it in streams)
    for stream in streams:
        place, is_clean = clean_to.get(stream, 0), True
        async for found in sweeping.read(nats, stream, place):
            if await _told(found, marks):
                if found.awaited and stream != DLQ:
                    swept.erased.waiting += 1
                    is_clean = False
                else:
                    await _take_out(nats, erasure_id, found, marks)
                    swept.erased.add(stream.lower(), 1)
            if is_clean:
                place = found.sequence
        swept.places[stream] = place
    return swept


async def _take_out(nats: Connection, erasure_id: UUID, found: Found, marks: Marks) -> None:
    left = await asyncio.to_thread(erasure_messages.redacted, _origin(found), found.data, marks)
    if left is None:
        await sweeping.remove(nats, found)
    else:
        name = f"erased:{erasure_id}:{found.stream}:{found.sequence}"
        await sweeping.replace(nats, found, left, name)


async def _told(found: Found, marks: Marks) -> bool:
    if len(found.data) < _LARGE:
        return _tells(found, marks)
    return await asyncio.to_thread(_tells, found, marks)


def _tells(found: Found, marks: Marks) -> bool:
    """Whether a message tells more of the person than ids that are nobody's any more."""
    if marks.address(found.data):
        return True
    if not marks.identify(found.data):
        return False
    origin = _origin(found)
    if origin.startswith(_AUDIT):
        return erasure_messages.has_values(found.data)
    return origin not in erasure_messages.ONLY_IDS


def _origin(found: Found) -> str:
    """The subject that a message was first published to."""
    return found.headers.get(ORIGIN, found.subject) if found.stream == DLQ else found.subject
