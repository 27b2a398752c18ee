"""What a customer's session opens, how it ends, and how a password is chosen in it."""

from typing import Any

import pytest
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.accounts.v1 import session_service_pb2

from chassis import db, errors
from services.accounts.config import Settings
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import Portal
from tests.integration.serving import refused

PASSWORD, NEW = "a long password", "another long one"


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


async def choose(portal: Portal, signed_in: Any, new: str = NEW, old: str = "") -> None:
    request = pb2.SetContactPasswordRequest(
        session_secret=signed_in.session_secret, old_password=old, new_password=new
    )
    await portal.customers().SetContactPassword(request)


class TestAToken:
    async def test_it_names_the_contact_and_gives_no_rights(
        self, house: Any, portal: Portal
    ) -> None:
        login, invitation = await portal.invited("Lan")
        signed_in = await portal.accept(invitation)

        found = await portal.exchange(signed_in.session_secret)

        assert found.contact_login == signed_in.contact_login
        for service in ("leads", "interactions", "notifier"):
            principal = await house.principal(found.token, service)
            assert (principal.kind, principal.contact_id) == ("contact", login.contact_id)
            assert (principal.subject, principal.rights) == (login.id, {})

    async def test_a_session_that_nobody_used_or_that_is_old_gives_none(
        self, house: Any, portal: Portal
    ) -> None:
        _, invitation = await portal.invited("Lan")
        signed_in = await portal.accept(invitation)
        for change in (
            "last_use_time = now() - interval '2 hours'",
            "last_use_time = now(), expire_time = now()",
        ):
            await house.sql(f"UPDATE contact_sessions SET {change}")  # noqa: S608
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.exchange(signed_in.session_secret)

    async def test_who_signed_out_gets_none_elsewhere_they_do(
        self, house: Any, portal: Portal
    ) -> None:
        login, invitation = await portal.invited("Lan")
        here = await portal.accept(invitation)
        there = await portal.sign_in(login.address, code=await portal.code(login.address))

        for _ in range(2):
            request = pb2.SignOutContactRequest(session_secret=here.session_secret)
            await portal.customers().SignOutContact(request)

        assert here.session_secret != there.session_secret
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(here.session_secret)
        assert (await portal.exchange(there.session_secret)).token
        assert (await house.deeds()).count("contact.end_session") == 1

    async def test_a_secret_of_staff_is_none_of_customers(self, house: Any, portal: Portal) -> None:
        _, invitation = await portal.invited("Lan")
        signed_in = await portal.accept(invitation)

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            request = session_service_pb2.ExchangeSessionRequest(
                session_secret=signed_in.session_secret
            )
            await house.signing_in().ExchangeSession(request)


class TestChoosingAPassword:
    async def test_just_after_a_code_the_old_one_is_not_asked_for(
        self, house: Any, portal: Portal
    ) -> None:
        login, invitation = await portal.invited("Lan")
        other = await portal.accept(invitation, PASSWORD)
        here = await portal.sign_in(login.address, code=await portal.code(login.address))

        await choose(portal, here)

        await portal.sign_in(login.address, password=NEW)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(other.session_secret)
        assert (await portal.exchange(here.session_secret)).token
        assert (await house.deeds()).count("contact.set_password") == 2

    async def test_after_a_password_the_old_one_is(self, portal: Portal) -> None:
        login, invitation = await portal.invited("Lan")
        await portal.accept(invitation, PASSWORD)
        here = await portal.sign_in(login.address, password=PASSWORD)

        with refused(errors.FailedPrecondition, "PROOF_TOO_OLD"):
            await choose(portal, here)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await choose(portal, here, old="wrong wrong wrong")
        await choose(portal, here, old=PASSWORD)

        await portal.sign_in(login.address, password=NEW)

    async def test_long_after_a_code_it_takes_another_code(
        self, house: Any, portal: Portal
    ) -> None:
        _, invitation = await portal.invited("Lan")
        here = await portal.accept(invitation)
        await house.sql("UPDATE contact_sessions SET create_time = now() - interval '16 minutes'")

        with refused(errors.FailedPrecondition, "PROOF_TOO_OLD"):
            await choose(portal, here, old="anything at all")

    async def test_guessing_the_old_one_counts_as_failed_sign_ins_do(self, portal: Portal) -> None:
        login, invitation = await portal.invited("Lan")
        await portal.accept(invitation, PASSWORD)
        here = await portal.sign_in(login.address, password=PASSWORD)
        for _ in range(5):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await choose(portal, here, old="wrong wrong wrong")
        await portal.house.hold()

        with refused(errors.ResourceExhausted, "RATE_LIMITED"):
            await choose(portal, here, old=PASSWORD)

    async def test_one_that_is_too_short_is_named(self, portal: Portal) -> None:
        _, invitation = await portal.invited("Lan")
        here = await portal.accept(invitation)

        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await choose(portal, here, new="short")
        assert refusal.fields() == ["new_password"]

    async def test_in_no_session_none_is_chosen(self, portal: Portal) -> None:
        nobody = pb2.SignInContactResponse(session_secret="nonsense")

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await choose(portal, nobody)
