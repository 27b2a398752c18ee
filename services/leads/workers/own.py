"""Erases a person from leads: rows, files of imports, and what every service has."""

import asyncio
from collections.abc import Mapping

from chassis.db import Sessions
from services.erasing import Erased, Person
from services.erasure_traces import Traces
from services.leads.domain.import_search import Reading, Search
from services.leads.storage import import_files
from services.leads.storage.import_files import Kept
from services.leads.usecases import erasing

WHY = "its file had somebody who was erased"
FILE = "file "
"""Begins the names of files among the places that are known to have nothing of a person."""


async def erase(
    sessions: Sessions, traces: Traces, person: Person, clean: Mapping[str, int]
) -> tuple[Erased, dict[str, int]]:
    """Erase what leads keeps; return what was found, and the files that have nothing of them.

    Each part is a transaction of its own. A file that is being imported is waited for; one that
    was imported, or never was, goes whole.
    """
    async with sessions.begin() as session:
        erased = await erasing.erase(session, person)
    files = await _files(sessions, person, erased, clean)
    await traces.erase(person, erased)
    return erased, files


async def _files(
    sessions: Sessions, person: Person, erased: Erased, clean: Mapping[str, int]
) -> dict[str, int]:
    wanted, found, left = Search(person), [], dict[str, int]()
    async with sessions.begin() as session:
        kept = await import_files.kept(session, person.contact_ids)
    for it in kept:
        name = f"{FILE}{it.id}"
        if it.named or (name not in clean and await _has(sessions, it, wanted)):
            found.append(it.id)
        else:
            left[name] = 1
    if found:
        async with sessions.begin() as session:
            dropped = await import_files.drop(session, found, WHY)
        erased.add("import_files", len(dropped))
        erased.waiting += len(found) - len(dropped)
    return left


async def _has(sessions: Sessions, file: Kept, wanted: Search) -> bool:
    if wanted.is_empty:
        return False
    reading = Reading(wanted, file.encoding)
    for place in range(file.parts):
        async with sessions.begin() as session:
            data = await import_files.part(session, file.id, place)
        if await asyncio.to_thread(reading.feed, data, last=place == file.parts - 1):
            return True
    return False
