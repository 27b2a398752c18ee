"""Descriptions are sealed anew while leads runs, until none is left under another key."""

import asyncio
import base64
import functools
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from sqlalchemy import text

from chassis.config import ServiceSettings
from chassis.scope import EVERYTHING
from chassis.sealing import MARK
from services.leads import encryption, metrics
from services.leads.storage import contacts as stored
from services.leads.storage import import_people, sealed
from services.leads.workers.gauges import Gauges
from tests.integration.leads import contact_parts
from tests.integration.leads.conftest import Leads
from tests.integration.leads.sealed_parts import SECRET, Turned, made, plain, rows
from tests.integration.leads.sealed_parts import leads_sessions as leads_sessions
from tests.integration.leads.sealed_parts import turned as turned


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
