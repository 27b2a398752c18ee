"""Staff see the logins of those whom they see, and find them in a list."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2

from chassis import db, errors
from chassis.context import Principal
from services.accounts.config import Settings
from tests.integration.accounts import login_parts
from tests.integration.accounts.conftest import person
from tests.integration.accounts.login_parts import EMAIL, SMS, Portal
from tests.integration.serving import refused

ACTIVE = contact_login_pb2.CONTACT_LOGIN_STATE_ACTIVE
DISABLED = contact_login_pb2.CONTACT_LOGIN_STATE_DISABLED


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


def sales(owner: str = "") -> Principal:
    return person(owner or str(uuid4()), "sales")


class TestReach:
    async def test_leads_is_asked_with_the_rights_of_who_calls(self, portal: Portal) -> None:
        me = sales()
        contact = portal.knows("Lan", owner_ids=[me.subject])
        request = pb2.CreateContactLoginRequest(contact_id=contact.id, channel=EMAIL)

        await portal.staff(me).CreateContactLogin(request)

        (caller,) = portal.leads.callers
        assert (caller.subject, caller.actor, caller.rights) == (me.subject, "accounts", me.rights)

    async def test_a_contact_out_of_reach_is_not_there(self, portal: Portal) -> None:
        contact, login = portal.knows("Lan"), await portal.add("Binh")
        me = sales()

        with refused(errors.NotFound, "RESOURCE_MISSING"):
            request = pb2.CreateContactLoginRequest(contact_id=contact.id, channel=EMAIL)
            await portal.staff(me).CreateContactLogin(request)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await portal.staff(me).GetContactLogin(pb2.GetContactLoginRequest(id=login.id))
        for call, kind in (
            ("InviteContact", pb2.InviteContactRequest),
            ("DisableContactLogin", pb2.DisableContactLoginRequest),
            ("EnableContactLogin", pb2.EnableContactLoginRequest),
            ("DeleteContactLogin", pb2.DeleteContactLoginRequest),
        ):
            with refused(errors.NotFound, "RESOURCE_MISSING"):
                await getattr(portal.staff(me), call)(kind(id=login.id))

    async def test_who_may_only_see_a_contact_lets_nobody_in(self, portal: Portal) -> None:
        contact = portal.knows("Lan")
        rights = {"contacts": {"read": "all", "write": "own"}, "logins": {"write": "all"}}
        me = Principal(str(uuid4()), "user", rights=rights)

        with refused(errors.PermissionDenied, "RIGHT_MISSING") as refusal:
            request = pb2.CreateContactLoginRequest(contact_id=contact.id, channel=EMAIL)
            await portal.staff(me).CreateContactLogin(request)

        assert refusal.error.metadata["action"] == "write"

    async def test_who_may_not_read_addresses_invites_and_sees_none(self, portal: Portal) -> None:
        contact = portal.knows("Lan")
        rights = {"contacts": {"read": "all", "write": "all"}, "logins": {"write": "all"}}
        hidden = frozenset({"contacts.emails"})
        me = Principal(str(uuid4()), "user", rights=rights, hidden=hidden)

        request = pb2.CreateContactLoginRequest(contact_id=contact.id, channel=EMAIL)
        login = await portal.staff(me).CreateContactLogin(request)
        await portal.deliver()

        assert login.address == ""
        assert portal.messages.requests[0].address == contact.emails[0].address


class TestTheList:
    async def test_it_is_by_name_and_goes_on_where_a_page_ended(self, portal: Portal) -> None:
        for name in ("Đào", "An", "Bình", "Đông"):
            await portal.add(name)

        names, token = [], ""
        for _ in range(2):
            request = pb2.ListContactLoginsRequest(page_size=2, page_token=token)
            page = await portal.staff().ListContactLogins(request)
            names += [it.display_name for it in page.contact_logins]
            token = page.next_page_token

        assert names == ["An", "Bình", "Đào", "Đông"]
        assert token == ""

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ({"query": "dao"}, ["Lê Thị Đào"]),
            ({"query": "dao@ex"}, ["Lê Thị Đào"]),
            ({"query": "0912 000"}, ["Nam"]),
            ({"query": "%"}, []),
            ({"states": [DISABLED]}, ["Nam"]),
            ({"states": [ACTIVE]}, []),
        ],
    )
    async def test_filters_leave_some(self, portal: Portal, given: Any, expected: Any) -> None:
        await portal.add("Lê Thị Đào", emails=[{"address": "dao@example.vn", "valid": True}])
        phones = [{"number": "+84912000123", "valid": True}]
        await portal.disable(await portal.add("Nam", by=SMS, phones=phones))

        page = await portal.staff().ListContactLogins(pb2.ListContactLoginsRequest(**given))

        assert [it.display_name for it in page.contact_logins] == expected

    async def test_it_has_only_whom_the_caller_may_read(self, portal: Portal) -> None:
        me = sales()
        await portal.add("An")
        mine = [await portal.add(name, owner_ids=[me.subject]) for name in ("Bình", "Chi")]

        page = await portal.staff(me).ListContactLogins(pb2.ListContactLoginsRequest(page_size=1))
        rest = await portal.staff(me).ListContactLogins(
            pb2.ListContactLoginsRequest(page_size=1, page_token=page.next_page_token)
        )

        assert [it.id for it in (*page.contact_logins, *rest.contact_logins)] == [
            it.id for it in mine
        ]
        assert rest.next_page_token == ""

    async def test_nobody_finds_people_by_an_address_that_is_hidden(self, portal: Portal) -> None:
        await portal.add("Lan", emails=[{"address": "secret@b.vn", "valid": True}])
        rights = {"contacts": {"read": "all"}, "logins": {"read": "all"}}
        me = Principal("u", "user", rights=rights, hidden=frozenset({"contacts.phones"}))

        found = [
            await portal.staff(me).ListContactLogins(pb2.ListContactLoginsRequest(query=query))
            for query in ("secret", "lan")
        ]

        assert [[it.address for it in page.contact_logins] for page in found] == [[], [""]]

    async def test_nor_by_one_that_stands_for_a_name(self, portal: Portal) -> None:
        emails = [{"address": "secret@b.vn", "valid": True}]
        login = await portal.add("secret@b.vn", emails=emails)
        rights = {"contacts": {"read": "all"}, "logins": {"read": "all"}}
        seeing = Principal("u", "user", rights=rights)
        blind = replace(seeing, hidden=frozenset({"contacts.emails"}))

        for me, ids, names in ((seeing, [login.id], ["secret@b.vn"]), (blind, [], [""])):
            stub = portal.staff(me)
            found = await stub.ListContactLogins(pb2.ListContactLoginsRequest(query="secret"))
            listed = await stub.ListContactLogins(pb2.ListContactLoginsRequest())
            assert [it.id for it in found.contact_logins] == ids
            assert [it.display_name for it in listed.contact_logins] == names

    async def test_what_is_wrong_is_named(self, portal: Portal) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await portal.staff().ListContactLogins(
                pb2.ListContactLoginsRequest(states=[9], query="x" * 201, contact_ids=["x"])  # type: ignore[list-item]
            )

        assert refusal.fields() == ["states[0]", "query", "contact_ids[0]"]
