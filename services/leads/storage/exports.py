"""How many contacts go along in a file."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.scope import Scope
from services.leads.domain.listing import Filter
from services.leads.storage import contact_lists, owned
from services.leads.storage.tables import contacts


async def count(session: AsyncSession, wanted: Filter, scope: Scope) -> int:
    """Return how many contacts within reach a list would have. Locks nothing."""
    query = select(func.count()).select_from(contacts)
    return int(
        await session.scalar(query.where(owned.contacts(scope), *contact_lists.conditions(wanted)))
        or 0
    )
