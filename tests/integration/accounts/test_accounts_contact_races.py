"""What was proved to be a login holds for that login alone, as it is when somebody comes in."""

from typing import Any

import pytest
from crm.accounts.v1 import contact_login_service_pb2 as pb2

from chassis import db, errors
from services.accounts.config import Settings
from services.accounts.usecases import contact_signin
from services.accounts.usecases.passwords import Passwords
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import SMS, Portal
from tests.integration.serving import refused

PASSWORD, NEW = "a long password", "another long one"


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Has something happen once, while a password is compared that was read before."""
    compare, waiting = Passwords.check, list[Any]()

    async def check(self: Passwords, kept: str | None, password: str) -> bool:
        same = await compare(self, kept, password)
        if waiting:
            await waiting.pop()()
        return same

    monkeypatch.setattr(Passwords, "check", check)
    return waiting.append


async def choose(portal: Portal, secret: str, new: str, old: str = "") -> None:
    request = pb2.SetContactPasswordRequest(
        session_secret=secret, old_password=old, new_password=new
    )
    await portal.customers().SetContactPassword(request)


class TestWhileAPasswordIsCompared:
    @pytest.fixture
    async def login(self, portal: Portal) -> Any:
        login, token = await portal.invited("Lan")
        await portal.accept(token, PASSWORD)
        return login

    async def test_a_login_that_is_disabled_lets_nobody_in(
        self, house: Any, portal: Portal, login: Any, meanwhile: Any
    ) -> None:
        meanwhile(lambda: portal.disable(login))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, password=PASSWORD)
        assert await house.sql("SELECT 1 FROM contact_sessions") == []

    async def test_a_login_that_moves_lets_nobody_in(
        self, portal: Portal, login: Any, meanwhile: Any
    ) -> None:
        moved = pb2.InviteContactRequest(id=login.id, channel=SMS)
        meanwhile(lambda: portal.staff().InviteContact(moved))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, password=PASSWORD)

    async def test_the_old_password_is_none_once_another_is_chosen(
        self, house: Any, portal: Portal, login: Any, meanwhile: Any, monkeypatch: Any
    ) -> None:
        here = await portal.sign_in(login.address, code=await portal.code(login.address))
        monkeypatch.setattr(Passwords, "outdated", lambda *_: True)
        meanwhile(lambda: choose(portal, here.session_secret, NEW))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, password=PASSWORD)

        await portal.sign_in(login.address, password=NEW)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, password=PASSWORD)

    async def test_of_two_passwords_chosen_with_the_same_old_one_the_first_stays(
        self, portal: Portal, login: Any, meanwhile: Any
    ) -> None:
        late = await portal.sign_in(login.address, password=PASSWORD)
        here = await portal.sign_in(login.address, code=await portal.code(login.address))
        meanwhile(lambda: choose(portal, here.session_secret, NEW))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await choose(portal, late.session_secret, "a third long one", old=PASSWORD)

        await portal.sign_in(login.address, password=NEW)


class TestWhileAnInvitationIsAccepted:
    async def test_a_login_that_is_disabled_lets_nobody_in(
        self, house: Any, portal: Portal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        login, token = await portal.invited("Lan")
        accept = contact_signin.accept

        async def late(*given: Any) -> Any:
            await portal.disable(login)
            return await accept(*given)

        monkeypatch.setattr(contact_signin, "accept", late)

        with refused(errors.NotFound, "INVITATION_INVALID"):
            await portal.accept(token, PASSWORD)
        assert await house.sql("SELECT 1 FROM contact_sessions") == []
