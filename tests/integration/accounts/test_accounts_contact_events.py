"""What leads tells of contacts makes logins, once, and ends them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from crm.accounts.v1 import contact_login_pb2
from crm.accounts.v1 import contact_login_service_pb2 as pb2
from crm.leads.v1 import contact_pb2, events_pb2
from google.protobuf.message import Message

from chassis import db, errors
from chassis.events.consumer import Event, Poison
from services.accounts import consumers
from services.accounts.config import Settings
from services.accounts.usecases.logins import Senders
from tests.integration.accounts import login_parts
from tests.integration.accounts.login_parts import Portal
from tests.integration.serving import refused

TAKEN = contact_login_pb2.CONTACT_LOGIN_PROBLEM_ADDRESS_TAKEN
NOT_SENT = contact_login_pb2.CONTACT_LOGIN_PROBLEM_NOT_SENT
GONE = contact_login_pb2.CONTACT_LOGIN_PROBLEM_CONTACT_DELETED
CHANGED = contact_login_pb2.CONTACT_LOGIN_PROBLEM_ADDRESS_CHANGED
DISABLED = contact_login_pb2.CONTACT_LOGIN_STATE_DISABLED


@pytest.fixture
async def portal(house: Any, sessions: db.Sessions, settings: Settings, serve: Any) -> Portal:
    return await login_parts.portal(house, sessions, settings, serve)


def wanted(**given: Any) -> events_pb2.ContactLoginWanted:
    usual = {
        "contact_id": str(uuid4()),
        "display_name": "Lê Thị Đào",
        "locale": "vi",
        "channel": contact_pb2.CHANNEL_EMAIL,
        "address": "dao@example.vn",
    }
    return events_pb2.ContactLoginWanted(**{**usual, **given})


async def told(portal: Portal, fact: Message, senders: Senders | None = None) -> None:
    """Hands a fact to its handler."""
    subject = fact.DESCRIPTOR.full_name
    await handed(portal, subject, fact.SerializeToString(), senders)


async def handed(portal: Portal, subject: str, data: bytes, senders: Senders | None = None) -> None:
    handler = consumers.contact_handlers(senders or portal.senders)[subject]
    event = Event(str(uuid4()), subject, data, {}, datetime.now(UTC), 1, "", 1)
    async with portal.house.sessions.begin() as session:
        await handler(session, event)


async def of(portal: Portal, contact_id: str) -> Any:
    request = pb2.ListContactLoginsRequest(contact_ids=[contact_id])
    (login,) = (await portal.staff().ListContactLogins(request)).contact_logins
    return login


class TestALoginThatIsWanted:
    async def test_it_is_made_and_the_invitation_goes(self, house: Any, portal: Portal) -> None:
        fact = wanted()

        await told(portal, fact)
        signed_in = await portal.accept(await portal.sent_link())

        assert signed_in.contact_login.contact_id == fact.contact_id
        assert "contact.create_login" in await house.deeds()

    async def test_however_often_it_is_told_it_is_made_once(self, portal: Portal) -> None:
        fact = wanted()

        for _ in range(3):
            await told(portal, fact)
        await portal.deliver()

        assert len(portal.messages.requests) == 1

    async def test_an_address_that_is_somebody_elses_is_said_in_it(self, portal: Portal) -> None:
        other = await portal.add("Binh", emails=[{"address": "DAO@example.vn", "valid": True}])
        await portal.deliver()
        fact = wanted()

        await told(portal, fact)
        await portal.deliver()

        login = await of(portal, fact.contact_id)
        assert (login.problem, login.address) == (TAKEN, "dao@example.vn")
        assert len(portal.messages.requests) == 1
        signed_in = await portal.sign_in("dao@example.vn", code=await portal.code("dao@example.vn"))
        assert signed_in.contact_login.id == other.id

    async def test_a_channel_without_a_sender_is_said_in_it(self, portal: Portal) -> None:
        fact = wanted()

        await told(portal, fact, Senders([], per_minute=1))
        await portal.deliver()

        assert (await of(portal, fact.contact_id)).problem == NOT_SENT
        assert portal.messages.requests == []

    @pytest.mark.parametrize(
        "data",
        [
            b"\xff",
            wanted(contact_id="x").SerializeToString(),
            wanted(address="").SerializeToString(),
        ],
        ids=["garbage", "no contact", "no address"],
    )
    async def test_what_says_nothing_is_poison(self, portal: Portal, data: bytes) -> None:
        with pytest.raises(Poison):
            await handed(portal, "crm.leads.v1.ContactLoginWanted", data)


class TestAContactThatChanged:
    async def changed(self, portal: Portal, login: Any, **given: Any) -> None:
        """Have leads know the contact otherwise, and tell of it."""
        contact = portal.leads.people[login.contact_id]
        for field, values in given.items():
            contact.ClearField(field)
            contact.MergeFrom(contact_pb2.Contact(**{field: values}))
        await told(portal, events_pb2.ContactUpdated(contact=contact))

    async def test_an_address_that_is_theirs_no_more_opens_nothing(
        self, house: Any, portal: Portal
    ) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token, "a long password")
        code = await portal.code(login.address)

        await self.changed(portal, login, emails=[{"address": "moi@example.vn", "valid": True}])

        for proof in ({"code": code}, {"password": "a long password"}):
            with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
                await portal.sign_in(login.address, **proof)
        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(signed_in.session_secret)
        found = await portal.get(login)
        assert (found.state, found.problem, found.address) == (DISABLED, CHANGED, login.address)
        assert {"contact.disable_login", "contact.end_session"} <= {*(await house.deeds())}
        sent = len(portal.messages.requests)
        await portal.ask(login.address)
        await portal.deliver()
        assert len(portal.messages.requests) == sent

    async def test_it_is_mended_by_an_invitation_to_the_new_one_alone(self, portal: Portal) -> None:
        login, _ = await portal.invited("Lan")
        await self.changed(portal, login, emails=[{"address": "moi@example.vn", "valid": True}])

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await portal.staff().EnableContactLogin(pb2.EnableContactLoginRequest(id=login.id))
        await portal.staff().InviteContact(pb2.InviteContactRequest(id=login.id))

        signed_in = await portal.accept(await portal.sent_link())
        assert signed_in.contact_login.address == "moi@example.vn"
        assert signed_in.contact_login.problem == 0

    @pytest.mark.parametrize(
        "kept",
        [
            [{"address": "moi@example.vn", "primary": True}, {"address": "LAN@example.vn"}],
            [{"address": "lan@example.vn", "valid": False}],
        ],
        ids=["one of several", "written off as dead"],
    )
    async def test_an_address_that_stays_opens_what_it_did(self, portal: Portal, kept: Any) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token)

        await self.changed(portal, login, emails=kept)

        assert (await portal.exchange(signed_in.session_secret)).token
        assert (await portal.get(login)).problem == 0

    async def test_a_new_name_and_language_are_taken_over(self, house: Any, portal: Portal) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token)

        for _ in range(2):
            await self.changed(portal, login, display_name="Lê Thị Lan", locale="en-GB")

        found = (await portal.exchange(signed_in.session_secret)).contact_login
        assert (found.display_name, found.language) == ("Lê Thị Lan", "en")
        assert (await house.deeds()).count("contact.update_login") == 1
        request = pb2.ListContactLoginsRequest(query="le thi lan")
        (listed,) = (await portal.staff().ListContactLogins(request)).contact_logins
        assert listed.id == login.id

    async def test_a_contact_without_a_login_is_nothing_to_it(
        self, house: Any, portal: Portal
    ) -> None:
        await told(portal, events_pb2.ContactUpdated(contact=portal.knows("Lan")))

        assert await house.sql("SELECT 1 FROM contact_logins") == []

    @pytest.mark.parametrize("data", [b"\xff", b""], ids=["garbage", "nobody"])
    async def test_what_says_nothing_is_poison(self, portal: Portal, data: bytes) -> None:
        with pytest.raises(Poison):
            await handed(portal, "crm.leads.v1.ContactUpdated", data)


class TestAContactThatIsNoMore:
    async def test_sessions_end_and_the_address_is_free(self, house: Any, portal: Portal) -> None:
        login, token = await portal.invited("Lan")
        signed_in = await portal.accept(token, "a long password")

        await told(portal, events_pb2.ContactDeleted(contact_id=login.contact_id, revision=2))

        with refused(errors.Unauthenticated, "SIGN_IN_REFUSED"):
            await portal.exchange(signed_in.session_secret)
        found = await portal.get(login)
        assert (found.state, found.problem, found.address) == (DISABLED, GONE, "")
        assert not found.has_password
        again = await portal.add("Lan", emails=[{"address": login.address, "valid": True}])
        assert again.address == login.address

    async def test_its_login_is_not_enabled_again(self, portal: Portal) -> None:
        login = await portal.add("Lan")
        await told(portal, events_pb2.ContactDeleted(contact_id=login.contact_id, revision=2))

        with refused(errors.FailedPrecondition, "STATE_FORBIDS"):
            await portal.staff().EnableContactLogin(pb2.EnableContactLoginRequest(id=login.id))

    async def test_a_login_that_is_wanted_later_is_not_made(
        self, house: Any, portal: Portal
    ) -> None:
        fact = wanted()

        await told(portal, events_pb2.ContactDeleted(contact_id=fact.contact_id, revision=2))
        await told(portal, fact)

        assert await house.sql("SELECT 1 FROM contact_logins") == []
        (kept,) = await house.sql("SELECT contact_id FROM deleted_contacts")
        assert kept.contact_id == UUID(fact.contact_id)

    async def test_what_says_nothing_is_poison(self, portal: Portal) -> None:
        with pytest.raises(Poison):
            await handed(portal, "crm.leads.v1.ContactDeleted", b"\xff")
