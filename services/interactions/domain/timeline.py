"""A contact's story: facts with ids of their own, and the merge with what campaigns knows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import NAMESPACE_URL, UUID, uuid5

_FACTS = uuid5(NAMESPACE_URL, "mekong:timeline")
_TICK = timedelta(microseconds=1)
LARGEST_PAGE = 200


class Kind(StrEnum):
    """What an entry tells of."""

    NOTE = "note"
    FOLLOW_UP = "follow_up"
    INTERACTION = "interaction"
    CONTACT_CREATED = "contact_created"
    CONTACT_IMPORTED = "contact_imported"
    STAGE_CHANGED = "stage_changed"
    CONVERTED = "converted"
    TRANSACTION = "transaction"
    CONSENT_GIVEN = "consent_given"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    MESSAGE = "message"
    PROPOSAL = "proposal"
    REMINDER = "reminder"
    REQUEST = "request"


@dataclass(frozen=True)
class Entry:
    """One line of the story; entries are ordered by `time` and `id`, newest first."""

    id: UUID
    time: datetime
    kind: Kind
    resource_id: str
    actor: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fact:
    """An entry of one contact that an event told of.

    `version` orders what is told of the same fact: the greatest counts, whenever it comes.
    """

    contact_id: UUID
    entry: Entry
    version: str


@dataclass(frozen=True)
class Imported:
    """One entry that many contacts share: they came, or changed, by one import."""

    entry: Entry
    version: str
    created: frozenset[UUID]
    updated: frozenset[UUID]


def fact_id(kind: Kind, *natural_key: str) -> UUID:
    """Returns the same id for the same fact, however often and by which event it is told.

    It tells a contact's facts apart, not those of two contacts.
    """
    return uuid5(_FACTS, "/".join((kind, *natural_key)))


@dataclass(frozen=True)
class Message:
    """What a run had for the contact; `key` names it within campaigns' own order."""

    key: str
    entry: Entry


@dataclass(frozen=True)
class Cursor:
    """Where the next page starts.

    `before` are time and id of the last entry shown. Campaigns orders by run and not by time,
    so its place is kept apart: the page token to ask with, and the last key that was shown.
    """

    before: tuple[datetime, UUID] | None = None
    token: str = ""
    after_key: str = ""
    exhausted: bool = False


@dataclass(frozen=True)
class Batch:
    """A page of messages as campaigns gave it for `token`."""

    token: str
    messages: Sequence[Message]
    next_token: str


@dataclass(frozen=True)
class Page:
    """One page of the story; `cursor` is None on the last."""

    entries: Sequence[Entry]
    cursor: Cursor | None


def unseen(batches: Iterable[Batch], after_key: str) -> list[tuple[str, Message]]:
    """Returns the messages after `after_key`, each with the token that its page came by."""
    listed = [(batch.token, message) for batch in batches for message in batch.messages]
    places = [at for at, (_, message) in enumerate(listed) if message.key == after_key]
    return listed[places[-1] + 1 :] if places else listed


def merge(
    cursor: Cursor,
    local: Sequence[Entry],
    batches: Sequence[Batch] | None,
    size: int,
) -> Page:
    """Returns the next `size` entries of both sources, newest first.

    `local` and `batches` hold at least one entry more than `size`, or all there are; `batches`
    is None when campaigns did not answer. No message is shown twice or left out: one whose time
    does not fit its place is sorted, not shown, as if it came right after the one before it.
    """
    waiting = unseen(batches, cursor.after_key) if batches is not None else []
    placed = _placed(waiting, cursor.before)
    merged = sorted(
        [((entry.time, entry.id), entry, None) for entry in local]
        + [(place, message.entry, (token, message.key)) for place, token, message in placed],
        key=lambda each: each[0],
        reverse=True,
    )
    shown = merged[:size]
    if len(merged) <= size:
        return Page([entry for _, entry, _ in shown], None)
    taken = [source for _, _, source in shown if source is not None]
    token, after_key = taken[-1] if taken else (cursor.token, cursor.after_key)
    done = batches is not None and len(taken) == len(placed)
    exhausted = cursor.exhausted or (done and _is_last(batches))
    after = Cursor(shown[-1][0], token, after_key, exhausted)
    return Page([entry for _, entry, _ in shown], after)


def _placed(
    waiting: Sequence[tuple[str, Message]], before: tuple[datetime, UUID] | None
) -> list[tuple[tuple[datetime, UUID], str, Message]]:
    placed, latest = [], before[0] if before else None
    for token, message in waiting:
        time = message.entry.time
        if latest is not None:
            time = min(time, latest - _TICK)
        placed.append(((time, message.entry.id), token, message))
        latest = time
    return placed


def _is_last(batches: Sequence[Batch] | None) -> bool:
    return batches is not None and (not batches or not batches[-1].next_token)
