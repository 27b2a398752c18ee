"""Audit entries: what a change was, field by field."""

from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import audit
from services.leads.domain.contact import Channel, Contact
from services.leads.storage import contact_rows

_KEPT = [it.name for it in contact_rows.READ if it.name not in ("id", "create_time")]
_ALWAYS = {"revision"}
_SEALED = "description"


async def contact(
    session: AsyncSession, action: str, before: Contact | None, after: Contact | None
) -> None:
    """Record what became of a contact: the fields that differ, or all that are filled."""
    subject = after or before
    if subject is None:
        return
    old, new = _plain(before), _plain(after)
    if before and after and before.profile.description != after.profile.description:
        # What is sealed where it lies is not told on: that it changed is enough.
        old, new = {**(old or {}), _SEALED: "before"}, {**(new or {}), _SEALED: "changed"}
    await changed(session, action, "contact", subject.id, old, new)


async def login_wanted(session: AsyncSession, contact: Contact, by: Channel) -> None:
    """Record that a contact shall sign in, and by which channel they are invited."""
    await changed(session, "want_login", "contact", contact.id, None, {"channel": by.name.lower()})


async def changed(
    session: AsyncSession,
    action: str,
    subject_type: str,
    subject_id: UUID,
    before: Mapping[str, object] | None,
    after: Mapping[str, object] | None,
) -> None:
    """Record a change by the values that differ between `before` and `after`."""
    if before is not None and after is not None:
        names = {it for it in after if after[it] != before.get(it)} | (_ALWAYS & set(after))
        before = {it: before.get(it) for it in names}
        after = {it: after[it] for it in names}
    await audit.record(
        session,
        action=f"{subject_type}.{action}",
        subject_type=subject_type,
        subject_id=str(subject_id),
        before=before,
        after=after,
    )


def _plain(it: Contact | None) -> dict[str, object] | None:
    if it is None:
        return None
    row = contact_rows.row(it)
    kept = {name: row[name] for name in _KEPT if row[name] not in ("", None, [], ())}
    return {**kept, _SEALED: "filled"} if _SEALED in kept else kept
