"""Customers take along how they sign in: their own, and nobody else's."""

from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import portal_service_pb2 as pb2

from chassis import db, errors
from services.accounts.config import Settings
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import EMAIL, Portal
from tests.integration.serving import refused

ASKED = pb2.ExportMyLoginRequest()


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


async def test_it_is_the_login_and_the_browsers_signed_in(house: Any, portal: Portal) -> None:
    login, token = await portal.invited("Lan")
    await portal.accept(token, "a long password")
    await portal.sign_in(login.address, password="a long password", user_agent="Firefox")
    other, others = await portal.invited("Binh")
    await portal.accept(others)

    mine = await portal.mine(login.contact_id).ExportMyLogin(ASKED)

    assert (mine.login.address, mine.login.channel) == (login.address, EMAIL)
    assert mine.login.has_password
    assert mine.login.last_sign_in_time.seconds
    assert [it.user_agent for it in mine.sessions] == ["Firefox", ""]
    assert {it.ip for it in mine.sessions} == {login_parts.IP}
    assert other.address.encode() not in mine.SerializeToString()
    assert (await house.deeds())[-1] == "contact.export_login"


async def test_who_has_none_gets_nothing(portal: Portal) -> None:
    assert await portal.mine(str(uuid4())).ExportMyLogin(ASKED) == pb2.ExportMyLoginResponse()


async def test_staff_get_nobodys(house: Any, portal: Portal) -> None:
    stub = login_parts.portal_grpc.PortalServiceStub(portal.served.as_(house.admin))

    with refused(errors.PermissionDenied, "RIGHT_MISSING"):
        await stub.ExportMyLogin(ASKED)
