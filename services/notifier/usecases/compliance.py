"""Keeps what gates go by besides suppressions: do-not-call lists and agreements."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from chassis.errors import NotFound
from services.notifier.storage import agreements, do_not_call, senders
from services.notifier.storage.agreements import Stored


@dataclass(frozen=True)
class Change:
    """What becomes of a list; `complete` makes it what its edition has, and nothing else."""

    name: str
    additions: Sequence[str]
    removals: Sequence[str]
    edition: str
    complete: bool
    as_of: datetime | None


@dataclass(frozen=True)
class Changed:
    """A list after a change, and how many numbers came and went."""

    list: do_not_call.List
    added: int
    removed: int


async def change_list(session: AsyncSession, change: Change) -> Changed:
    """Adds numbers to a list and takes others off; the same again changes nothing more."""
    await do_not_call.lock(session, change.name)
    added = await do_not_call.add(session, change.name, change.additions, change.edition)
    removed = await do_not_call.remove(session, change.name, change.removals)
    if change.complete:
        removed += await do_not_call.keep_edition(session, change.name, change.edition)
    noted = await do_not_call.note(session, change.name, change.as_of, added - removed)
    # Numbers are not told: the entry says how many, the list has them.
    told = {"added": added, "removed": removed, "entries": noted.entries}
    await audit.record(
        session,
        action="change",
        subject_type="do_not_call_list",
        subject_id=change.name,
        after={**told, "as_of": change.as_of.isoformat() if change.as_of else ""},
    )
    return Changed(noted, added, removed)


async def agree(session: AsyncSession, new: Stored) -> Stored:
    """Records an agreement."""
    if not await senders.advertiser(session, new.advertiser_id):
        raise NotFound(
            "RESOURCE_MISSING", "no such advertiser", resource="advertiser", id=new.advertiser_id
        )
    stored = await agreements.put(session, new)
    await _record(session, "agree", stored)
    return stored


async def end_agreement(session: AsyncSession, id: UUID) -> None:
    """Ends an agreement."""
    removed = await agreements.remove(session, id)
    if removed is None:
        raise NotFound("RESOURCE_MISSING", "no such agreement", resource="agreement", id=id)
    await _record(session, "end", removed)


async def _record(session: AsyncSession, action: str, it: Stored) -> None:
    # The address is not told: the entry names the agreement, which has it.
    await audit.record(
        session,
        action=action,
        subject_type="agreement",
        subject_id=str(it.id),
        after={
            "channel": it.channel.name,
            "most": it.most or 0,
            "windows": list(it.windows),
            "evidence": it.evidence,
        },
    )
