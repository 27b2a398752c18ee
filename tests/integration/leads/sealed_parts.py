"""Keys of sealed columns that tests turn, and rows as they lie in the table."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.sealing import Keys
from services.leads.storage import sealed
from tests.integration.leads.conftest import Leads

SECRET = "thích màu xanh, con gái học lớp 3"


class Turned:
    """A file of keys that tests turn, and those who read it."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lines: list[str] = []
        self.now = 0.0
        self.add("one")
        self.keys = Keys(file, clock=lambda: self.now)

    def add(self, name: str) -> None:
        """Put a key on top."""
        key = base64.b64encode(name.encode().ljust(32)).decode()
        self._lines.insert(0, f"{name} {key}\n")
        self._file.write_text("".join(self._lines))
        self.now += 10

    def drop(self, name: str) -> None:
        """Take a key out."""
        self._lines = [it for it in self._lines if not it.startswith(f"{name} ")]
        self._file.write_text("".join(self._lines))
        self.now += 10


@pytest.fixture
def turned(tmp_path: Path) -> Turned:
    return Turned(tmp_path / "keys")


@pytest.fixture
async def leads_sessions(
    leads_sessions: db.Sessions, leads_settings: ServiceSettings, turned: Turned
) -> AsyncIterator[db.Sessions]:
    """The emptied database, with sessions that carry keys."""
    made = db.sessions(leads_settings, "leads", carrying={sealed.CARRIED: turned.keys})
    yield made
    await db.dispose(made)


async def rows(leads: Leads) -> dict[str, str]:
    """The descriptions as they lie in the table, by id."""
    async with leads.sessions.begin() as session:
        found = await session.execute(text("SELECT id, description FROM contacts"))
        return {str(it.id): it.description for it in found}


async def made(leads: Leads, description: str = SECRET, **more: Any) -> Any:
    contact = contact_pb2.Contact(display_name="Lan", description=description, **more)
    return await leads.contacts.CreateContact(pb.CreateContactRequest(contact=contact))


async def plain(leads: Leads, description: str) -> str:
    """A contact of before there were keys."""
    one = await made(leads, "x")
    async with leads.sessions.begin() as session:
        statement = text("UPDATE contacts SET description = :d WHERE id = :id")
        await session.execute(statement, {"d": description, "id": one.id})
    return str(one.id)
