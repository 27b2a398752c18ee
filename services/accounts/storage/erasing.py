"""What is left of people in accounts: keys of audit values, and what attempts count under."""

from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import arrays
from services.accounts.storage.audit import Subject


async def destroy(
    session: AsyncSession, subjects: Sequence[Subject], *, later_too: bool = True
) -> int:
    """Forgets the keys of subjects for good; returns how many there were.

    Nor are values kept that come later, unless `later_too` is false. Waits for whoever chains
    entries, who sees it afterwards; not for subjects that all are known to be erased and have no
    key, since nobody makes one for these any more.
    """
    given = {
        "types": arrays.texts(it for it, _ in subjects),
        "ids": arrays.texts(it for _, it in subjects),
    }
    if not await session.scalar(_ANYTHING, given):
        return 0
    await session.execute(_LOCK)
    if later_too:
        await session.execute(_NOTE, given)
    return len((await session.execute(_DESTROY, given)).all())


async def drop_failures(session: AsyncSession, addresses: Sequence[str]) -> int:
    """Forgets failed sign-ins under keys that are, or end with, one of these; returns how many."""
    given = {"addresses": arrays.texts(addresses)}
    return len((await session.execute(_DROP_FAILURES, given)).all())


_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('accounts audit chain'))")
_ANYTHING = text("""
    SELECT EXISTS (
        SELECT 1 FROM unnest(CAST(:types AS text[]), CAST(:ids AS text[])) AS gone (type, id)
        WHERE NOT EXISTS (SELECT 1 FROM erased_subjects e
                          WHERE e.subject_type = gone.type AND e.subject_id = gone.id)
           OR EXISTS (SELECT 1 FROM audit_keys k
                      WHERE k.subject_type = gone.type AND k.subject_id = gone.id
                        AND k.destroy_time IS NULL))
""")
_NOTE = text("""
    INSERT INTO erased_subjects (subject_type, subject_id)
    SELECT * FROM unnest(CAST(:types AS text[]), CAST(:ids AS text[])) ON CONFLICT DO NOTHING
""")
_DESTROY = text("""
    UPDATE audit_keys k SET sealed_key = NULL, destroy_time = now()
    FROM unnest(CAST(:types AS text[]), CAST(:ids AS text[])) AS gone (type, id)
    WHERE k.subject_type = gone.type AND k.subject_id = gone.id AND k.destroy_time IS NULL
    RETURNING k.id
""")
_DROP_FAILURES = text("""
    DELETE FROM sign_in_failures f USING unnest(CAST(:addresses AS text[])) AS a (address)
    WHERE f.key = a.address OR right(f.key, length(a.address) + 1) IN (
        ' ' || a.address, ':' || a.address, '/' || a.address) RETURNING 1
""")
