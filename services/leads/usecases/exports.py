"""Contacts that somebody takes away as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import audit
from chassis.db.paging import Page
from chassis.scope import Scope
from services.leads.domain.contact import Contact
from services.leads.domain.listing import Filter, Order
from services.leads.storage import contact_lists, exports, sources
from services.leads.usecases import access

_COUNT_SECONDS = 120.0


@dataclass(frozen=True)
class Part:
    """Some of the contacts, what their sources and life stages are called, and which come next."""

    contacts: Sequence[Contact]
    names: Mapping[UUID, str]
    next: Page | None


async def begin(session: AsyncSession, wanted: Filter) -> Scope:
    """Return how far the file reaches, after noting who takes which contacts away and how many.

    That is as far as the right to export and that to read both do.
    """
    scope = access.scope("export", "read")
    await db.allow(session, _COUNT_SECONDS)
    await audit.record(
        session,
        action="contact.export",
        subject_type="contacts",
        subject_id="file",
        after={**_asked(wanted), "contacts": await exports.count(session, wanted, scope)},
    )
    return scope


async def part(session: AsyncSession, wanted: Filter, scope: Scope, page: Page) -> Part:
    """Return the contacts of a page in the order of their creation, which nothing changes."""
    after: Any
    found, after = await contact_lists.page(session, wanted, Order.CREATED, scope, page)
    ids = {it.profile.source_id for it in found if it.profile.source_id}
    names = {it.id: it.name for it in (await sources.existing(session, ids)).values()}
    names |= {it.id: it.name for it in await sources.stages(session)}
    return Part(found, names, Page(page.size, after) if after else None)


def _asked(wanted: Filter) -> dict[str, object]:
    """Return the filter as an entry has it: what was searched for is somebody's name or number."""
    told = {name: value for name, value in vars(wanted).items() if value and name != "names_only"}
    query = {"query": "filled"} if told.pop("words", ()) else {}
    return {**query, **{name: _plain(value) for name, value in told.items()}}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(it) for it in value]
    if isinstance(value, IntEnum):
        return value.name.lower()
    return "" if value is None else value
