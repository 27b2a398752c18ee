"""Descriptions are sealed in their rows, and sealed anew while leads runs."""

import asyncio
import base64
import functools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from sqlalchemy import text

from chassis import db
from chassis.config import ServiceSettings
from chassis.scope import EVERYTHING
from chassis.sealing import MARK, Keys
from services.leads import encryption, metrics
from services.leads.domain.contact import UNREADABLE
from services.leads.storage import contacts as stored
from services.leads.storage import import_people, sealed
from services.leads.workers.gauges import Gauges
from tests.integration.leads import contact_parts
from tests.integration.leads.conftest import Leads
from tests.integration.leads.erasing_parts import order

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


class TestReading:
    async def test_nobody_reads_it_in_the_table(self, leads: Leads) -> None:
        one = await made(leads)

        lies = (await rows(leads))[one.id]

        assert lies.startswith(f"{MARK}one{MARK}")
        assert "xanh" not in lies

    async def test_who_may_reads_it_everywhere(self, leads: Leads) -> None:
        one = await made(leads)

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=one.id))
        listed = await leads.contacts.ListContacts(pb.ListContactsRequest())
        several = await leads.contacts.BatchGetContacts(pb.BatchGetContactsRequest(ids=[one.id]))

        assert one.description == got.description == SECRET
        assert [it.description for it in (*listed.contacts, *several.contacts)] == [SECRET] * 2

    async def test_a_change_of_something_else_keeps_it(self, leads: Leads) -> None:
        one = await made(leads)

        changed = await contact_parts.update(
            leads, contact_pb2.Contact(id=one.id, company="Chợ Lớn"), "company"
        )

        assert changed.description == SECRET
        assert (await rows(leads))[one.id].startswith(MARK)

    async def test_one_that_was_cleared_is_empty(self, leads: Leads) -> None:
        one = await made(leads)

        await contact_parts.update(leads, contact_pb2.Contact(id=one.id), "description")

        assert (await rows(leads))[one.id] == ""

    async def test_who_is_erased_leaves_nothing_that_is_sealed(self, leads: Leads) -> None:
        one = await made(leads)

        await order(leads, one)

        assert one.id not in await rows(leads)
        async with leads.sessions.begin() as session:
            left = await session.execute(text("SELECT erasures::text FROM erasures"))
        assert MARK not in left.scalar_one()

    async def test_one_of_before_there_were_keys_is_read(self, leads: Leads) -> None:
        its_id = await plain(leads, "như cũ")

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=its_id))

        assert got.description == "như cũ"

    async def test_a_value_in_anothers_row_is_not_shown(self, leads: Leads) -> None:
        one, two = await made(leads), await made(leads, "khác")
        async with leads.sessions.begin() as session:
            moved = text(
                "UPDATE contacts SET description ="
                " (SELECT description FROM contacts WHERE id = :one) WHERE id = :two"
            )
            await session.execute(moved, {"one": one.id, "two": two.id})

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=two.id))
        listed = await leads.contacts.ListContacts(pb.ListContactsRequest())

        assert got.description == UNREADABLE
        assert sorted(it.description for it in listed.contacts) == [SECRET, UNREADABLE]

    async def test_one_that_does_not_open_is_changed_without_being_lost(
        self, leads: Leads, turned: Turned
    ) -> None:
        one = await made(leads)
        turned.add("two")
        turned.drop("one")
        lay = (await rows(leads))[one.id]

        for mask in (("company",), ("company", "description")):
            shown = contact_pb2.Contact(id=one.id, company="Chợ Lớn", description=UNREADABLE)
            changed = await contact_parts.update(leads, shown, *mask)
            assert (changed.company, changed.description) == ("Chợ Lớn", UNREADABLE)

        assert (await rows(leads))[one.id] == lay

    @pytest.mark.parametrize("way", ["delete", "erase"])
    async def test_one_that_does_not_open_is_deleted_and_erased_as_ever(
        self, leads: Leads, turned: Turned, way: str
    ) -> None:
        one = await made(leads)
        turned.add("two")
        turned.drop("one")

        if way == "delete":
            await leads.contacts.DeleteContact(pb.DeleteContactRequest(id=one.id))
        else:
            await order(leads, one)

        assert await rows(leads) == {}

    async def test_it_is_in_no_event_and_no_audit_entry(self, leads: Leads) -> None:
        one = await made(leads)
        await contact_parts.update(
            leads, contact_pb2.Contact(id=one.id, description=f"{SECRET} nữa"), "description"
        )

        async with leads.sessions.begin() as session:
            told = list(await session.scalars(text("SELECT payload FROM outbox")))
        assert len(told) >= 4
        assert not any(b"xanh" in bytes(it) for it in told)
        assert any(b"changed" in bytes(it) for it in told)

    async def test_what_is_copied_in_is_sealed_too(self, leads: Leads) -> None:
        one = await made(leads)
        async with leads.sessions.begin() as session:
            (held,) = await stored.batch_get(session, [UUID(one.id)], EVERYTHING)
            await session.execute(text("DELETE FROM contacts"))
            await stored.insert_many(session, [held])

        assert (await rows(leads))[one.id].startswith(f"{MARK}one{MARK}")
        got = await leads.contacts.GetContact(pb.GetContactRequest(id=one.id))
        assert got.description == SECRET


class TestRotating:
    async def test_plain_ones_and_those_of_older_keys_come_under_the_newest(
        self, leads: Leads, turned: Turned
    ) -> None:
        under_one, before = await made(leads), await plain(leads, "như cũ")
        nothing = await made(leads, "")
        turned.add("two")
        under_two = await made(leads, "mới")
        lay = await rows(leads)
        said: list[str] = []

        done = await encryption.rotate(leads.sessions, turned.keys, said.append, batch=1)

        lies = await rows(leads)
        assert done == 2
        assert len(said) == 2
        assert lies[nothing.id] == ""
        assert lies[under_two.id] == lay[under_two.id]
        assert all(it.startswith(f"{MARK}two{MARK}") for it in lies.values() if it)
        turned.drop("one")
        for its_id, told in ((under_one.id, SECRET), (before, "như cũ"), (under_two.id, "mới")):
            got = await leads.contacts.GetContact(pb.GetContactRequest(id=its_id))
            assert got.description == told

    async def test_one_that_was_ended_is_gone_on_with(self, leads: Leads, turned: Turned) -> None:
        for _ in range(4):
            await made(leads)
        turned.add("two")

        class Ended(Exception):
            """The process is gone."""

        def end(line: str) -> None:
            if line.startswith("2 "):
                raise Ended

        with pytest.raises(Ended):
            await encryption.rotate(leads.sessions, turned.keys, end, batch=2)
        half = await encryption.status(leads.sessions)
        done = await encryption.rotate(leads.sessions, turned.keys, [].append, batch=2)

        assert half == {"one": 2, "two": 2}
        assert done == 2
        assert await encryption.status(leads.sessions) == {"two": 4}

    async def test_a_change_in_between_is_not_undone(self, leads: Leads, turned: Turned) -> None:
        first, second = [await made(leads) for _ in range(2)]
        turned.add("two")
        async with leads.sessions.begin() as session:
            (row,) = await sealed.lock_behind(session, "two", None, 1)
            changed = contact_pb2.Contact(id=second.id, description="khác")
            await contact_parts.update(leads, changed, "description")
            await sealed.reseal(session, turned.keys, [row])

        await encryption.rotate(leads.sessions, turned.keys, [].append)

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=second.id))
        assert (str(row.id), got.description) == (first.id, "khác")

    async def test_nothing_that_others_hear_of_changes(self, leads: Leads, turned: Turned) -> None:
        one = await made(leads)
        turned.add("two")

        await encryption.rotate(leads.sessions, turned.keys, [].append)

        got = await leads.contacts.GetContact(pb.GetContactRequest(id=one.id))
        assert (got.etag, got.update_time) == (one.etag, one.update_time)

    async def test_a_row_that_does_not_open_is_left_and_others_are_not(
        self, leads: Leads, turned: Turned
    ) -> None:
        its_id = await plain(leads, f"{MARK}one{MARK}AAAA")
        other = await made(leads)
        turned.add("two")

        assert await encryption.rotate(leads.sessions, turned.keys, [].append) == 1

        lies = await rows(leads)
        assert lies[its_id] == f"{MARK}one{MARK}AAAA"
        assert lies[other.id].startswith(f"{MARK}two{MARK}")

    async def test_what_is_written_behind_its_back_is_found_by_the_next_pass(
        self, leads: Leads, turned: Turned
    ) -> None:
        await made(leads)
        turned.add("two")
        late: list[str] = []

        async def behind(rows_of: Any, *args: Any) -> Any:
            found = await rows_of(*args)
            if not found and not late:
                late.append(await plain(leads, "như cũ"))
            return found

        lock = sealed.lock_behind
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(sealed, "lock_behind", functools.partial(behind, lock))
            done = await encryption.rotate(leads.sessions, turned.keys, [].append)

        assert done == 2
        assert await encryption.status(leads.sessions) == {"two": 2}

    async def test_trial_imports_come_under_the_newest_too(
        self, leads: Leads, turned: Turned
    ) -> None:
        one = await made(leads)
        async with leads.sessions.begin() as session:
            (held,) = await stored.batch_get(session, [UUID(one.id)], EVERYTHING)
            await import_people.shadow(session, UUID(int=7), [held])
        turned.add("two")

        await encryption.rotate(leads.sessions, turned.keys, [].append)

        assert await encryption.status(leads.sessions) == {"two": 2}
        turned.drop("one")
        async with leads.sessions.begin() as session:
            found = await import_people.load(session, [UUID(one.id)], UUID(int=7))
            await session.execute(text("DELETE FROM import_shadows"))
            await session.execute(text("DELETE FROM import_shadow_keys"))
        assert found[UUID(one.id)].profile.description == SECRET

    async def test_the_gauge_tells_what_is_left(self, leads: Leads, turned: Turned) -> None:
        await made(leads)
        await plain(leads, "như cũ")
        turned.add("two")
        await made(leads)

        await Gauges(leads.sessions, turned.keys).measure()

        told = {
            it: metrics.sealed_rows.labels(it)._value.get() for it in ("plain", "older", "newest")
        }
        assert told == {"plain": 1, "older": 1, "newest": 1}


class TestCommand:
    @pytest.fixture
    def environment(
        self, leads_settings: ServiceSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> Path:
        """What the command finds; the file of keys is there and empty."""
        for name in ("seal_key", "database_url", "client_secret"):
            value = getattr(leads_settings, name).get_secret_value()
            monkeypatch.setenv(f"MEKONG_{name.upper()}", value)
        for name in ("nats_url", "issuer_url", "client_id"):
            monkeypatch.setenv(f"MEKONG_{name.upper()}", getattr(leads_settings, name))
        file = tmp_path / "field keys"
        monkeypatch.setenv("MEKONG_FIELD_KEYS_FILE", str(file))
        return file

    def test_without_keys_it_says_so(
        self, environment: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
    ) -> None:
        assert encryption.main(["rotate"]) == 2
        assert "FileNotFoundError" in capsys.readouterr().err

        monkeypatch.delenv("MEKONG_FIELD_KEYS_FILE")
        assert encryption.main(["status"]) == 2
        assert "is not set" in capsys.readouterr().err

    def test_it_tells_how_much_each_key_has(self, environment: Path, capsys: Any) -> None:
        environment.write_text(f"one {base64.b64encode(bytes(32)).decode()}\n")

        code = encryption.main(["status"])

        said = capsys.readouterr()
        assert code == 0
        assert "error" not in said.err

    async def test_what_is_left_is_told_by_its_code(self, leads: Leads, environment: Path) -> None:
        key = base64.b64encode(bytes(32)).decode()
        await asyncio.to_thread(environment.write_text, f"one {key}\n")
        await plain(leads, "như cũ")
        await plain(leads, f"{MARK}gone{MARK}AAAA")

        assert await asyncio.to_thread(encryption.main, ["status"]) == 1
        assert await asyncio.to_thread(encryption.main, ["rotate"]) == 1
        async with leads.sessions.begin() as session:
            await session.execute(text("DELETE FROM contacts WHERE description LIKE '%gone%'"))
        assert await asyncio.to_thread(encryption.main, ["rotate"]) == 0
