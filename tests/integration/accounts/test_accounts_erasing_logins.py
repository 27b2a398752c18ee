"""A customer's login goes with them: sessions end, and nothing in accounts tells of them."""

from typing import Any
from uuid import UUID

import pytest
from crm.accounts.v1 import contact_login_service_pb2 as pb2

from chassis import db, errors
from services.accounts.config import Settings
from services.accounts.domain import lockout
from services.accounts.domain.logins import Channel
from services.accounts.domain.logins import Person as Reached
from services.accounts.usecases import erasing, logins
from services.erasing import Erased, Person
from services.erasure_traces import Traces
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import Portal
from tests.integration.serving import refused

NAME, ADDRESS = "Hoa Rat Rieng", "hoa.rat.rieng@example.vn"


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


async def erase(house: Any, contact_id: str, **more: Any) -> Erased:
    """Erase once the relay has published everything."""
    await house.sql("UPDATE outbox SET published_at = now()")
    async with house.sessions.begin() as session:
        found: Erased = await erasing.erase(session, Person((UUID(contact_id),), **more))
    await Traces(house.sessions).erase(Person((UUID(contact_id),), **more), found)
    return found


async def everything(house: Any) -> str:
    """All rows of all tables, as text."""
    tables = await house.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    rows = [
        await house.sql(f'SELECT t::text FROM "{it.table_name}" AS t')  # noqa: S608
        for it in tables
    ]
    return "\n".join(row[0] for some in rows for row in some).lower()


class TestLogins:
    async def test_sessions_end_and_the_login_is_gone(self, house: Any, portal: Portal) -> None:
        login, token = await portal.invited(NAME)
        signed_in = await portal.accept(token)
        other, _ = await portal.invited("Lan")

        erased = await erase(house, login.contact_id, emails=(ADDRESS,))

        assert erased.counts["logins"] == 1
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(signed_in.session_secret)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await portal.get(login)
        assert (await portal.get(other)).display_name == "Lan"

    async def test_nothing_of_them_is_left(self, house: Any, portal: Portal) -> None:
        login, token = await portal.invited(NAME)
        await portal.accept(token, "a long password")
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(ADDRESS, code="000000")
        await portal.ask(ADDRESS)
        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE key LIKE '%account/%'")

        await erase(house, login.contact_id, emails=(ADDRESS,))
        await erase(house, login.contact_id, emails=(ADDRESS,))

        left = await everything(house)
        for word in (NAME.lower(), ADDRESS):
            assert word not in left
            assert word.encode().hex() not in left
        assert await house.sql("SELECT 1 FROM contact_letters") == []
        assert await house.sql("SELECT 1 FROM sign_in_failures WHERE key LIKE '%account/%'") == []

    async def test_messages_to_it_are_named_for_the_notifier(
        self, house: Any, portal: Portal
    ) -> None:
        login, _ = await portal.invited(NAME)
        await portal.code(ADDRESS)
        rows = await house.sql("SELECT message_id FROM contact_letters")

        erased = await erase(house, login.contact_id)

        assert len(rows) == 2
        assert erased.subjects >= {("message", str(it.message_id)) for it in rows}

    async def test_again_finds_nothing(self, house: Any, portal: Portal) -> None:
        login = await portal.add(NAME)
        await erase(house, login.contact_id, emails=(ADDRESS,))
        await erase(house, login.contact_id, emails=(ADDRESS,))

        again = await erase(house, login.contact_id, emails=(ADDRESS,))

        assert (dict(again.counts), again.waiting, again.subjects) == ({}, 0, set())

    async def test_messages_to_it_are_named_each_time(self, house: Any, portal: Portal) -> None:
        login, _ = await portal.invited(NAME)
        first = await erase(house, login.contact_id)

        second = await erase(house, login.contact_id)

        assert first.subjects == second.subjects != set()

    async def test_one_whose_contact_was_deleted_before_goes_too(
        self, house: Any, portal: Portal
    ) -> None:
        login, _ = await portal.invited(NAME)
        async with house.sessions.begin() as session:
            await logins.contact_deleted(session, UUID(login.contact_id))

        await erase(house, login.contact_id)

        assert await house.sql("SELECT 1 FROM contact_logins") == []

    @pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "not deleted"])
    async def test_so_does_what_was_sent_to_an_address_of_before(
        self, house: Any, portal: Portal, deleted: bool
    ) -> None:
        login, token = await portal.invited(NAME)
        await portal.accept(token)
        await portal.code(ADDRESS)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(ADDRESS, password="a wrong password")
        moved = pb2.InviteContactRequest(id=login.id, channel=login_parts.SMS)
        await portal.staff().InviteContact(moved)
        await portal.deliver()
        if deleted:
            async with house.sessions.begin() as session:
                await logins.contact_deleted(session, UUID(login.contact_id))
        rows = await house.sql("SELECT message_id FROM contact_letters")

        erased = await erase(house, login.contact_id, emails=("another@example.vn",))

        assert len(rows) == 3
        assert erased.subjects >= {("message", str(it.message_id)) for it in rows}
        assert await house.sql("SELECT 1 FROM contact_letters") == []
        left = await everything(house)
        assert ADDRESS not in left
        assert lockout.account_key(logins.account(ADDRESS)) not in left

    async def test_one_that_is_wanted_later_is_not_made(self, house: Any, portal: Portal) -> None:
        contact = portal.knows(NAME)
        await erase(house, contact.id)

        async with house.sessions.begin() as session:
            person = Reached(UUID(contact.id), NAME, "vi", {Channel.EMAIL: ADDRESS})
            made = await logins.create_wanted(session, portal.senders, person, Channel.EMAIL)

        assert made is None
