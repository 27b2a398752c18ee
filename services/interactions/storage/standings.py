"""Queries of where contacts stand, which is kept on their copies."""

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, case, literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import arrays, scopes
from chassis.scope import Scope
from services.interactions.domain.standings import Standing
from services.interactions.storage import owned
from services.interactions.storage.tables import contacts, follow_ups


async def refresh(session: AsyncSession, contact_ids: Collection[UUID | None]) -> None:
    """Finds anew where contacts stand; None, for a follow-up with many contacts, is passed over.

    To be called once, last, by every transaction that adds, changes or deletes follow-ups or
    interactions, with all their contacts, those before a change included. It holds the contacts,
    locked in the order of their ids, until the transaction ends: what others do to the same
    contact waits, and then sees what was done here. Takes thousands at once.
    """
    wanted = {each for each in contact_ids if each is not None}
    if not wanted:
        return
    given = {"ids": arrays.uuids(sorted(wanted))}
    await session.execute(_LOCK, given)
    # A statement of its own: it sees what was committed while the locks were waited for.
    await session.execute(_REFRESH, given)


async def hold(session: AsyncSession, contact_ids: Collection[UUID | None]) -> None:
    """Locks contacts as `refresh` does: for a transaction that must call it several times."""
    wanted = {each for each in contact_ids if each is not None}
    await session.execute(_LOCK, {"ids": arrays.uuids(sorted(wanted))})


async def of(
    session: AsyncSession, contact_ids: Collection[UUID], reach: Scope, planned: Scope
) -> Mapping[UUID, Standing]:
    """Returns where the contacts within `reach` stand; locks nothing.

    The title of what is next is left out beyond `planned`, the reach over follow-ups.
    """
    if not contact_ids:
        return {}
    given = {
        "ids": arrays.uuids(contact_ids),
        **scopes.given(reach, "reach"),
        **scopes.given(planned, "planned"),
    }
    statement = _of(scopes.shape(reach), scopes.shape(planned))
    found = await db.ask(session, db.Ask(statement, given, read))
    return {each.contact_id: each for each in found}


def query(planned: Scope) -> Select[Any]:
    """Returns the query of where contacts stand, with conditions named `planned`."""
    seen = and_(follow_ups.c.id.is_not(None), owned.follow_ups(planned, "planned"))
    return select(
        contacts.c.id.label("contact_id"),
        contacts.c.next_follow_up_id.label("next_id"),
        contacts.c.next_follow_up_time.label("next_time"),
        follow_ups.c.end_time.label("next_end_time"),
        case((seen, follow_ups.c.title), else_=literal_column("''")).label("next_title"),
        contacts.c.last_interaction_time.label("last_time"),
        contacts.c.last_interaction_kind.label("last_kind"),
    ).outerjoin_from(contacts, follow_ups, follow_ups.c.id == contacts.c.next_follow_up_id)


def read(found: db.Rows) -> Sequence[Standing]:
    """Returns what the rows of `query` say."""
    return [Standing(**row._asdict()) for row in found]


@lru_cache(64)
def _of(reach: Scope, planned: Scope) -> Select[Any]:
    return (
        query(planned)
        .where(text("contacts.id = ANY(CAST(:ids AS uuid[]))"))
        .where(contacts.c.revision > literal_column("0"), ~contacts.c.deleted)
        .where(owned.contacts(reach, "reach"))
    )


# What meets a row that is there locks it and writes nothing, in the order of the ids as copies
# are stored; one that is not there is made, for a contact that leads told nothing of yet.
_LOCK = text("""
    INSERT INTO contacts AS c (id, revision)
    SELECT id, 0 FROM unnest(CAST(:ids AS uuid[])) AS wanted (id) ORDER BY id
    ON CONFLICT (id) DO UPDATE SET revision = c.revision WHERE false
""")
_REFRESH = text("""
    UPDATE contacts AS c
    SET next_follow_up_id = next.id, next_follow_up_time = next.start_time,
        last_interaction_time = last.time, last_interaction_kind = COALESCE(last.kind, '')
    FROM unnest(CAST(:ids AS uuid[])) AS wanted (id)
    LEFT JOIN LATERAL (
        SELECT f.id, f.start_time FROM follow_ups AS f
        WHERE f.contact_id = wanted.id AND f.status IN ('scheduled', 'open')
        ORDER BY f.start_time, f.id LIMIT 1
    ) AS next ON true
    LEFT JOIN LATERAL (
        (
            SELECT f.close_time AS time, f.type AS kind FROM follow_ups AS f
            WHERE f.contact_id = wanted.id
                AND f.status = 'completed' AND f.type IN ('call', 'meeting')
            ORDER BY f.close_time DESC, f.type LIMIT 1
        ) UNION ALL (
            SELECT i.start_time, i.kind FROM interactions AS i
            WHERE i.contact_id = wanted.id AND i.result = 'reached'
            ORDER BY i.start_time DESC, i.kind LIMIT 1
        )
        ORDER BY time DESC, kind LIMIT 1
    ) AS last ON true
    WHERE c.id = wanted.id AND (
        c.next_follow_up_id, c.next_follow_up_time, c.last_interaction_time,
        c.last_interaction_kind
    ) IS DISTINCT FROM (next.id, next.start_time, last.time, COALESCE(last.kind, ''))
""")
