"""Calendar feeds: making, ending, and what they show."""

from collections.abc import Sequence
from uuid import UUID

import uuid_utils.compat
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from chassis.scope import Scope
from services.interactions.domain import feeds as rules
from services.interactions.domain.calendar import Entry
from services.interactions.domain.feeds import Feed
from services.interactions.domain.follow_ups import Type
from services.interactions.storage import calendar, feeds, follow_ups
from services.interactions.usecases.found import existing, missing

RESOURCE = "feed"


async def create(
    session: AsyncSession, owner_id: UUID, name: str, types: Sequence[Type]
) -> tuple[Feed, str]:
    """Adds a feed and returns it with its token, which is nowhere afterwards."""
    rules.must_have_room(await feeds.of_owner(session, owner_id, lock=True))
    token = rules.new_token()
    now = await follow_ups.database_time(session)
    added = await feeds.add(
        session,
        {
            "id": uuid_utils.compat.uuid7(),
            "owner_id": owner_id,
            "name": name,
            "types": list(dict.fromkeys(types)),
            "token_hash": rules.digest(token),
            "create_time": now,
            "content_etag": "",
            "change_time": now,
        },
    )
    await _record(session, "create", added)
    return added, token


async def revoke(session: AsyncSession, owner_id: UUID, feed_id: UUID) -> None:
    """Ends a feed of its owner; raises `NotFound`."""
    gone = existing(await feeds.drop(session, owner_id, feed_id), RESOURCE, feed_id)
    await _record(session, "revoke", gone)


async def of_token(session: AsyncSession, token: str) -> Feed:
    """Returns the feed of an address; raises `NotFound`, which does not repeat the token."""
    return existing(await feeds.by_token(session, rules.digest(token)), RESOURCE, "")


async def entries(session: AsyncSession, feed: Feed, reach: Scope) -> Sequence[Entry]:
    """Returns what the owner has to do, as far as the owner may see it now; by start."""
    window = rules.window(await follow_ups.database_time(session))
    wanted = calendar.Filter(window, [feed.owner_id], feed.types)
    found = await calendar.newest(session, wanted, reach, rules.MOST_ENTRIES)
    return found[::-1]


async def note_read(session: AsyncSession, feed: Feed, etag: str) -> Feed:
    """Notes what was shown; raises `NotFound` for a feed that was revoked meanwhile."""
    noted = await feeds.note_read(session, feed.id, etag)
    if noted is None:
        raise missing(RESOURCE, "")
    return noted


async def _record(session: AsyncSession, action: str, feed: Feed) -> None:
    await audit.record(
        session,
        action=f"feed.{action}",
        subject_type=RESOURCE,
        subject_id=str(feed.id),
        after={"name": feed.name, "types": list(feed.types), "owner_id": feed.owner_id},
    )
