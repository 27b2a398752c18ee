"""A contact and the wish that they sign in are stored in one act, or neither is."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, events_pb2
from crm.leads.v1 import contact_service_pb2 as pb

from chassis.db.outbox import Class
from chassis.errors import InvalidArgument, PermissionDenied
from tests.integration.leads.conftest import ALICE, Leads, user
from tests.integration.leads.contact_parts import a_person
from tests.integration.serving import refused

SMS, EMAIL = contact_pb2.CHANNEL_SMS, contact_pb2.CHANNEL_EMAIL


def asked(contact: contact_pb2.Contact | None = None, channel: Any = EMAIL, **more: Any) -> Any:
    given = contact or a_person()
    return pb.CreateContactWithLoginRequest(contact=given, channel=channel, **more)


class TestCreatingWithALogin:
    @pytest.mark.parametrize(
        ("channel", "address"), [(EMAIL, "Minh.Khai@example.com"), (SMS, "+16502530000")]
    )
    async def test_the_wish_is_told_with_the_address_that_is_sent_to(
        self, leads: Leads, channel: Any, address: str
    ) -> None:
        made = await leads.contacts.CreateContactWithLogin(asked(channel=channel))

        (wish,) = await leads.told(Class.FACTS, events_pb2.ContactLoginWanted)
        assert (wish.contact_id, wish.display_name) == (made.id, made.display_name)
        assert (wish.channel, wish.address, wish.locale) == (channel, address, "vi")
        (created,) = await leads.told(Class.FACTS, events_pb2.ContactCreated)
        made.ClearField("description")  # sealed where it lies, and not told on
        assert created.contact == made
        assert await leads.audit_count() == 2

    async def test_who_has_no_such_address_is_not_stored(self, leads: Leads) -> None:
        nobody = contact_pb2.Contact(
            display_name="An", phones=[contact_pb2.Phone(number="0912345678")]
        )

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contacts.CreateContactWithLogin(asked(nobody))

        assert refusal.fields() == ["channel"]
        assert await leads.names() == []
        assert await leads.told(Class.FACTS, events_pb2.ContactLoginWanted) == []

    @pytest.mark.parametrize("channel", [0, 9])
    async def test_a_channel_is_needed(self, leads: Leads, channel: Any) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contacts.CreateContactWithLogin(asked(channel=channel))

        assert refusal.fields() == ["channel"]

    async def test_a_contact_that_is_refused_wants_nothing(self, leads: Leads) -> None:
        bad = a_person()
        bad.emails[0].address = "nobody"

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contacts.CreateContactWithLogin(asked(bad))

        assert refusal.fields() == ["contact.emails[0].address"]
        assert await leads.told(Class.FACTS, events_pb2.ContactLoginWanted) == []

    async def test_the_same_request_is_told_once(self, leads: Leads) -> None:
        made = [
            await leads.contacts.CreateContactWithLogin(asked(request_id="r1")) for _ in range(2)
        ]

        assert made[0] == made[1]
        assert len(await leads.told(Class.FACTS, events_pb2.ContactLoginWanted)) == 1

    async def test_it_takes_the_right_to_logins(self, leads: Leads) -> None:
        with refused(PermissionDenied, "RIGHT_MISSING") as refusal:
            me = user(ALICE, contacts="all")
            await leads.as_(me).contacts.CreateContactWithLogin(asked())

        assert refusal.error.metadata["resource"] == "logins"

    async def test_without_it_a_contact_wants_nothing(self, leads: Leads) -> None:
        await leads.contacts.CreateContact(pb.CreateContactRequest(contact=a_person()))

        assert await leads.told(Class.FACTS, events_pb2.ContactLoginWanted) == []
