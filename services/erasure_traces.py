"""Erases a person from the tables that every service has."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import traces
from services.erasing import Erased, Person


async def erase(session: AsyncSession, person: Person, erased: Erased) -> None:
    """Erases events and answers that tell of a person; call it last, with all that was found."""
    whole = replace(person, subjects=person.subjects | erased.subjects)
    found = await traces.erase(session, whole.marks())
    erased.add("outbox", found.events)
    erased.add("answers", found.answers)
    erased.waiting += found.waiting
