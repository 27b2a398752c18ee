"""Staff let contacts sign in, invite them again, and shut them out."""

from typing import Any
from uuid import uuid4

import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2

from chassis import db, errors
from chassis.context import Principal
from services.accounts.config import Settings
from services.accounts.domain.logins import Channel
from tests.integration.accounts import login_parts, post_parts
from tests.integration.accounts.conftest import person
from tests.integration.accounts.login_parts import EMAIL, SMS, Portal
from tests.integration.serving import refused

INVITED = contact_login_pb2.CONTACT_LOGIN_STATE_INVITED
ACTIVE = contact_login_pb2.CONTACT_LOGIN_STATE_ACTIVE
DISABLED = contact_login_pb2.CONTACT_LOGIN_STATE_DISABLED
NOT_SENT = contact_login_pb2.CONTACT_LOGIN_PROBLEM_NOT_SENT


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


def sales(owner: str = "") -> Principal:
    return person(owner or str(uuid4()), "sales")


class TestLettingSomebodyIn:
    async def test_the_contact_is_invited_by_e_mail(self, house: Any, portal: Portal) -> None:
        login, _ = await portal.invited("Lê Thị Đào", emails=[{"address": "a@b.vn", "valid": True}])

        assert (login.display_name, login.address, login.state) == ("Lê Thị Đào", "a@b.vn", INVITED)
        (mail,) = portal.messages.requests
        assert (mail.address, mail.subject) == ("a@b.vn", "Mời bạn vào cổng khách hàng")
        assert mail.request_id.startswith("portal/")
        assert (await house.deeds())[-2:] == ["contact.create_login", "contact.invite_to_portal"]

    async def test_the_contact_is_invited_by_sms(self, portal: Portal) -> None:
        login, _ = await portal.invited("Nam", by=SMS, locale="en")

        (sms,) = portal.messages.requests
        assert (sms.address, sms.subject, sms.html) == (login.address, "", "")
        assert sms.text.isascii()
        assert len(sms.text) <= 160

    async def test_the_primary_address_is_taken_and_one_that_is_dead_is_not(
        self, portal: Portal
    ) -> None:
        emails = [
            {"address": "dead@b.vn", "primary": True, "valid": False},
            {"address": "first@b.vn", "valid": True},
            {"address": "main@b.vn", "primary": True, "valid": True},
        ]

        assert (await portal.add("Lan", emails=emails)).address == "main@b.vn"

    async def test_without_an_address_of_the_channel_nothing_is_made(
        self, house: Any, portal: Portal
    ) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await portal.add("Lan", by=SMS, phones=[])

        assert refusal.fields() == ["channel"]
        assert await house.sql("SELECT 1 FROM contact_logins") == []

    async def test_a_contact_has_one_login_and_an_address_is_one_login_s(
        self, portal: Portal
    ) -> None:
        same = {"emails": [{"address": "Same@B.vn", "valid": True}]}
        login = await portal.add("Lan", **same)

        with refused(errors.AlreadyExists, "RESOURCE_EXISTS") as twice:
            request = pb2.CreateContactLoginRequest(contact_id=login.contact_id, channel=SMS)
            await portal.staff().CreateContactLogin(request)
        with refused(errors.AlreadyExists, "RESOURCE_EXISTS") as taken:
            await portal.add("Binh", emails=[{"address": "same@b.vn", "valid": True}])

        assert twice.error.metadata["field"] == "contact_id"
        assert taken.error.metadata["field"] == "channel"

    async def test_the_same_request_makes_one(self, portal: Portal) -> None:
        contact = portal.knows("Lan")
        request = pb2.CreateContactLoginRequest(
            contact_id=contact.id, channel=EMAIL, request_id="r1"
        )

        made = [await portal.staff().CreateContactLogin(request) for _ in range(2)]
        await portal.deliver()

        assert made[0] == made[1]
        assert len(portal.messages.requests) == 1

    @pytest.mark.parametrize("given", [{}, {"contact_id": "x", "channel": 9}])
    async def test_what_is_wrong_is_named(self, portal: Portal, given: Any) -> None:
        with refused(errors.InvalidArgument, "FIELDS_INVALID") as refusal:
            await portal.staff().CreateContactLogin(pb2.CreateContactLoginRequest(**given))

        assert refusal.fields() == ["contact_id", "channel"]

    async def test_a_house_without_a_sender_of_the_channel_says_so(
        self, house: Any, sessions: db.Sessions, settings: Settings, serve: Any
    ) -> None:
        mute = {Channel.EMAIL: post_parts.IDENTITY}
        portal = await login_parts.portal(house, sessions, settings, serve, mute)

        with refused(errors.FailedPrecondition, "CONTACT_SENDER_MISSING") as refusal:
            await portal.add("Lan", by=SMS)

        assert refusal.error.metadata == {"setting": "MEKONG_CONTACT_SMS_IDENTITY_ID"}


class TestInvitingAgain:
    async def test_another_link_ends_the_one_before(self, portal: Portal) -> None:
        login, old = await portal.invited("Lan")

        await portal.staff().InviteContact(pb2.InviteContactRequest(id=login.id, etag=login.etag))
        new = await portal.sent_link()

        with refused(errors.NotFound, "INVITATION_INVALID"):
            await portal.accept(old)
        assert (await portal.accept(new)).contact_login.state == ACTIVE

    async def test_by_the_other_channel_the_login_moves_and_what_was_ends(
        self, house: Any, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token, "a long password")

        moved = await portal.staff().InviteContact(
            pb2.InviteContactRequest(id=login.id, channel=SMS)
        )

        assert (moved.channel, moved.state, moved.has_password) == (SMS, INVITED, False)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(signed_in.session_secret)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.sign_in(login.address, password="a long password")
        await portal.sign_in(moved.address, code=await portal.code(moved.address))
        assert "contact.end_session" in await house.deeds()

    async def test_who_signed_in_at_the_same_address_needs_none(self, portal: Portal) -> None:
        login, token = await portal.invited("Lan")
        await portal.accept(token)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS") as refusal:
            await portal.staff().InviteContact(pb2.InviteContactRequest(id=login.id))
        assert refusal.error.metadata["to"] == "invited"

    async def test_one_that_changed_meanwhile_is_left(self, portal: Portal) -> None:
        login = await portal.add("Lan")

        with refused(errors.Aborted, "ETAG_STALE"):
            await portal.staff().InviteContact(pb2.InviteContactRequest(id=login.id, etag="9"))
        with refused(errors.InvalidArgument, "FIELDS_INVALID"):
            await portal.staff().InviteContact(
                pb2.InviteContactRequest(id=login.id, channel=9)  # type: ignore[arg-type]
            )

    async def test_staff_see_what_could_not_be_sent(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        portal.messages.refusal = errors.FailedPrecondition("ADDRESS_SUPPRESSED", "no")
        await portal.deliver()
        portal.messages.refusal = None
        unsent = await portal.get(login)

        again = await portal.staff().InviteContact(pb2.InviteContactRequest(id=login.id))

        assert (unsent.problem, again.problem) == (NOT_SENT, 0)
        assert await portal.standing() == [("failed", "ADDRESS_SUPPRESSED"), ("waiting", "")]


class TestShuttingOut:
    async def test_sessions_links_and_codes_end(self, house: Any, portal: Portal) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token, "a long password")
        code = await portal.code(login.address)

        disabled = await portal.disable(login)

        assert disabled.state == DISABLED
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(signed_in.session_secret)
        for proof in ({"code": code}, {"password": "a long password"}):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(login.address, **proof)
        (event,) = await house.sql(
            "SELECT class FROM outbox WHERE subject = 'crm.accounts.v1.SessionRevoked'"
        )
        assert event[0] == "control"

    async def test_an_invitation_on_its_way_is_not_sent(self, portal: Portal) -> None:
        await portal.disable(await portal.add("Lan"))

        await portal.deliver()

        assert portal.messages.requests == []

    async def test_once_more_changes_nothing_and_enabling_gives_back_what_was(
        self, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        await portal.accept(token, "a long password")
        first, second = [await portal.disable(login) for _ in range(2)]

        request = pb2.EnableContactLoginRequest(id=login.id, etag=second.etag)
        enabled = await portal.staff().EnableContactLogin(request)

        assert (first.revision, enabled.state) == (second.revision, ACTIVE)
        await portal.sign_in(login.address, password="a long password")

    async def test_one_that_is_disabled_is_not_invited(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        await portal.disable(login)

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await portal.staff().InviteContact(pb2.InviteContactRequest(id=login.id))

    async def test_a_login_that_is_deleted_leaves_room_for_another(
        self, house: Any, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token)

        await portal.staff().DeleteContactLogin(pb2.DeleteContactLoginRequest(id=login.id))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(signed_in.session_secret)
        with refused(errors.NotFound, "RESOURCE_MISSING"):
            await portal.get(login)
        request = pb2.CreateContactLoginRequest(contact_id=login.contact_id, channel=EMAIL)
        assert (await portal.staff().CreateContactLogin(request)).id != login.id
        assert "contact.delete_login" in await house.deeds()
