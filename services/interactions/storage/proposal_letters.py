"""Queries of e-mails that wait to be handed to the notifier."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from services.interactions.domain.proposals.events import Errand, LetterKey, Outgoing
from services.interactions.domain.proposals.fates import Fate, News
from services.interactions.storage.proposal_tables import letters

_FIELDS = tuple(it for it in Outgoing.__dataclass_fields__)


async def add(session: AsyncSession, values: Mapping[str, Any]) -> None:
    """Stores a letter to be handed over at once."""
    await session.execute(insert(letters).values(values))


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Sequence[Outgoing]:
    """Returns up to `limit` that are due, and leaves them to this worker for the lease.

    Each counts as tried from now on. Skips those that another worker is claiming.
    """
    due = (
        select(letters.c.id)
        .where(letters.c.state == "waiting", letters.c.next_time <= func.now())
        .order_by(letters.c.next_time)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    query = (
        update(letters)
        .where(letters.c.id.in_(due.scalar_subquery()))
        .values(next_time=func.now() + literal(lease), attempts=letters.c.attempts + 1)
        .returning(*(letters.c[name] for name in _FIELDS))
    )
    return [
        Outgoing(**{**row._mapping, "kind": Errand(row.kind)})
        for row in await session.execute(query)
    ]


class Held(NamedTuple):
    """A letter with what the notifier told of it last; revision 0 for nothing yet."""

    letter: Outgoing
    fate: Fate
    revision: int


async def find(session: AsyncSession, key: LetterKey) -> Held | None:
    """Returns one; None when it was erased."""
    query = select(letters).where(
        letters.c.proposal_id == key.proposal_id,
        letters.c.issue == key.issue,
        letters.c.kind == key.kind,
    )
    row = (await session.execute(query)).first()
    if row is None:
        return None
    values = {name: row._mapping[name] for name in _FIELDS}
    return Held(Outgoing(**{**values, "kind": Errand(row.kind)}), Fate(row.fate), row.fate_revision)


async def tell(session: AsyncSession, letter_id: UUID, news: News) -> None:
    """Keeps what the notifier told of one whose proposal was locked before."""
    query = update(letters).where(letters.c.id == letter_id)
    await session.execute(query.values(fate=news.fate, fate_revision=news.revision))


async def put_off(session: AsyncSession, letter_id: UUID, wait: timedelta) -> None:
    """Has one tried again after a time."""
    query = update(letters).where(letters.c.id == letter_id, letters.c.state == "waiting")
    await session.execute(query.values(next_time=func.now() + literal(wait)))


async def settle(
    session: AsyncSession, letter_id: UUID, state: str, message_id: UUID | None, failure: str
) -> bool:
    """Ends one that waits; False if another worker did."""
    query = (
        update(letters)
        .where(letters.c.id == letter_id, letters.c.state == "waiting")
        .values(state=state, message_id=message_id, failure=failure)
        .returning(letters.c.id)
    )
    return (await session.execute(query)).first() is not None


async def sender(session: AsyncSession, proposal_id: UUID, issue: int) -> tuple[UUID, UUID] | None:
    """Returns advertiser and sender identity that a proposal was sent by."""
    query = select(letters.c.advertiser_id, letters.c.sender_identity_id).where(
        letters.c.proposal_id == proposal_id,
        letters.c.issue == issue,
        letters.c.kind == Errand.INVITATION,
    )
    row = (await session.execute(query)).first()
    return (row.advertiser_id, row.sender_identity_id) if row else None


async def cancel_untried(session: AsyncSession, proposal_id: UUID) -> None:
    """Keeps letters of a proposal that nobody tried to hand over from being so."""
    query = update(letters).where(
        letters.c.proposal_id == proposal_id,
        letters.c.state == "waiting",
        letters.c.attempts == 0,
    )
    await session.execute(query.values(state="cancelled"))


async def drop(session: AsyncSession, proposal_id: UUID) -> None:
    """Deletes a proposal's letters, which hold a person's address."""
    await session.execute(delete(letters).where(letters.c.proposal_id == proposal_id))
