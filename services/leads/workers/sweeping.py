"""Takes a person out of the streams: events, audit entries on their way, dead letters."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from chassis.events import sweeping
from chassis.events.connection import Connection
from chassis.events.deadletters import ORIGIN
from chassis.events.sweeping import Found
from chassis.events.topology import DLQ
from services import erasure_messages
from services.erasing import Erased, Person

_AUDIT = "audit."


@dataclass
class Swept:
    """What was taken out, and up to where each stream has nothing of the person."""

    erased: Erased = field(default_factory=Erased)
    places: dict[str, int] = field(default_factory=dict)


async def sweep(
    nats: Connection, erasure_id: UUID, person: Person, clean_to: Mapping[str, int]
) -> Swept:
    """Read all streams from where they are clean, and take out what tells of a person.

    What a consumer has yet to deal with stays, and is waited for. Raises `Unavailable` when the
    broker is away.
    """
    swept = Swept()
    marks, words = person.marks(), person.words()
    any_mark, any_word = _any(marks), _any(words)
    for stream in await sweeping.streams(nats):
        place, is_clean = clean_to.get(stream, 0), True
        async for found in sweeping.read(nats, stream, place):
            if _tells(found, any_mark, any_word):
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


async def _take_out(
    nats: Connection, erasure_id: UUID, found: Found, marks: Sequence[bytes]
) -> None:
    left = erasure_messages.redacted(_origin(found), found.data, marks)
    if left is None:
        await sweeping.remove(nats, found)
    else:
        name = f"erased:{erasure_id}:{found.stream}:{found.sequence}"
        await sweeping.replace(nats, found, left, name)


def _tells(found: Found, any_mark: re.Pattern[bytes], any_word: re.Pattern[bytes]) -> bool:
    """Whether a message tells more of the person than ids that are nobody's any more."""
    if not any_mark.search(found.data):
        return False
    if any_word.search(found.data):
        return True
    origin = _origin(found)
    if origin.startswith(_AUDIT):
        return erasure_messages.has_values(found.data)
    return origin not in erasure_messages.ONLY_IDS


def _origin(found: Found) -> str:
    """The subject that a message was first published to."""
    return found.headers.get(ORIGIN, found.subject) if found.stream == DLQ else found.subject


def _any(marks: Sequence[bytes]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(map(re.escape, marks)) or rb"(?!)")
