"""Deliveries: planned with their follow-up, claimed, recorded, moved by the notifier's news."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.errors import FailedPrecondition
from services.interactions.domain import deliveries as rules
from services.interactions.domain.deliveries import Delivery, Key, News, Standing, State
from services.interactions.domain.follow_ups import FollowUp
from services.interactions.storage import contacts, deliveries, follow_ups, resolutions
from services.interactions.storage import standings as contact_standings
from services.interactions.usecases import announce, notifying


class Batch(NamedTuple):
    """What was claimed under one number, with the follow-ups; `now` is the database's."""

    number: int
    taken: Sequence[Delivery[Key]]
    follow_ups: Mapping[UUID, FollowUp]
    now: datetime


async def plan(session: AsyncSession, made: FollowUp, contact_ids: Collection[UUID]) -> None:
    """Has the message of a new follow-up sent to its contacts at its time."""
    if made.message is None:
        return
    if made.segment_id is not None:
        await resolutions.add(session, made.id, made.start_time)
    else:
        await deliveries.add(session, made.id, contact_ids, made.start_time)


async def replan(session: AsyncSession, made: FollowUp, contact_ids: Collection[UUID]) -> None:
    """As `plan`, in place of what was planned; raises where it is being sent."""
    await resolutions.drop(session, made.id)
    if not await deliveries.clear(session, made.id):
        raise being_sent(made)
    await plan(session, made, contact_ids)


async def move(session: AsyncSession, kept: FollowUp, start: datetime) -> None:
    """Has a locked follow-up's message sent at another time; raises where it is being sent."""
    if kept.segment_id is not None:
        if not await resolutions.move(session, kept.id, start):
            raise being_sent(kept)
    elif not await deliveries.move(session, kept.id, start):
        raise being_sent(kept)


async def stop(session: AsyncSession, kept: FollowUp) -> None:
    """Skips what is not handed over of a locked follow-up that is closed."""
    if kept.message is None:
        return
    await resolutions.drop(session, kept.id)
    waiting = await deliveries.lock_waiting(session, kept.id)
    await _apply(session, {it.key: it for it in waiting}, map(rules.cancelled, waiting))


async def claim(session: AsyncSession, limit: int, lease: timedelta) -> Batch | None:
    """Claims what is due; None where nothing is."""
    claimed = await deliveries.claim(session, limit, lease)
    if claimed is None:
        return None
    # A statement of its own, which sees what changed the follow-ups before the claim.
    ids = {it.key.follow_up_id for it in claimed.taken}
    known = {it.id: it for it in await follow_ups.get_many(session, ids)}
    return Batch(claimed.number, claimed.taken, known, claimed.now)


async def record(
    session: AsyncSession, number: int, found: Mapping[Key, News]
) -> list[Delivery[Key]]:
    """Writes down what came of a claim's deliveries; returns those that it moved."""

    def after(kept: Delivery[Key]) -> Delivery[Key] | None:
        return rules.recorded(kept, number, found[kept.key])

    return await _change(session, found, after)


async def settle(session: AsyncSession, told: Mapping[Key, Sequence[News]]) -> list[Delivery[Key]]:
    """Moves deliveries by the notifier's news, in any order; returns those that moved."""

    def after(kept: Delivery[Key]) -> Delivery[Key] | None:
        newest = max(told[kept.key], key=lambda it: it.revision)
        return rules.told(kept, newest)

    return await _change(session, told, after)


async def resolve(
    session: AsyncSession,
    held: resolutions.Resolution,
    contact_ids: Collection[UUID],
    cursor: int,
    lease: timedelta,
) -> bool:
    """Adds people of a follow-up's segment up to ordinal `cursor`; False where others are at it.

    Each counts as soon as it is there.
    """
    kept = await follow_ups.get(session, held.follow_up_id, lock=True)
    if kept is None or not await resolutions.advance(session, held, cursor, lease):
        return False
    count = await deliveries.add(session, kept.id, contact_ids, kept.start_time)
    total = kept.contact_count + count
    progress = dict(kept.progress or rules.planned(0))
    progress["waiting"] += count
    await follow_ups.count(session, kept.id, total, progress)
    return True


async def resolved(session: AsyncSession, held: resolutions.Resolution) -> bool:
    """Ends a resolution: all people of the segment are there, be it nobody."""
    standing = await deliveries.standings(session, [held.follow_up_id])
    if not await resolutions.end(session, held):
        return False
    await _stand(session, {id: it._replace(is_resolved=True) for id, it in standing.items()}, {})
    return True


def being_sent(kept: FollowUp) -> FailedPrecondition:
    """Returns the error for a follow-up whose message is on its way."""
    return FailedPrecondition(
        "STATE_FORBIDS",
        "its message is being sent",
        resource="follow_up",
        state=kept.status,
        to="changed",
    )


async def _change(
    session: AsyncSession,
    keys: Collection[Key],
    after: Callable[[Delivery[Key]], Delivery[Key] | None],
) -> list[Delivery[Key]]:
    # First, as whoever deletes a contact does, or the two could wait for each other.
    await contacts.lock_against_deletion(session)
    standings = await deliveries.standings(session, {it.follow_up_id for it in keys})
    kept = await deliveries.lock(session, [it for it in keys if it.follow_up_id in standings])
    return await _apply(session, kept, map(after, kept.values()), standings)


async def _apply(
    session: AsyncSession,
    kept: Mapping[Key, Delivery[Key]],
    changes: Iterable[Delivery[Key] | None],
    standings: Mapping[UUID, Standing] | None = None,
) -> list[Delivery[Key]]:
    changed = [it for it in changes if it is not None]
    await deliveries.store(session, changed)
    moves: dict[UUID, list[tuple[State, State]]] = {}
    for it in changed:
        moves.setdefault(it.key.follow_up_id, []).append((kept[it.key].state, it.state))
    if standings is None:
        standings = await deliveries.standings(session, moves)
    await _stand(session, standings, moves)
    return changed


async def _stand(
    session: AsyncSession,
    standings: Mapping[UUID, Standing],
    moves: Mapping[UUID, Sequence[tuple[State, State]]],
) -> None:
    after = {id: rules.after(it, moves.get(id, ())) for id, it in standings.items()}
    changed = {id: it for id, it in after.items() if it != standings[id]}
    await deliveries.stand(session, changed)
    done = [id for id, it in changed.items() if it.status is not standings[id].status]
    completed = await follow_ups.get_many(session, done)
    await announce.follow_ups_closed(session, completed)
    await contact_standings.refresh(session, [it.contact_id for it in completed])
    failed = [
        id
        for id, it in changed.items()
        if rules.ended_with_failures(it) and not rules.ended_with_failures(standings[id])
    ]
    await notifying.failed(session, await follow_ups.get_many(session, failed))
