"""Addresses that failed: nobody is written to there, until somebody says that they work."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from crm.leads.v1 import (
    audience_service_pb2,
    contact_pb2,
    contact_service_pb2,
    events_pb2,
)
from crm.notifier.v1 import events_pb2 as notifier_events
from crm.notifier.v1 import message_pb2

from chassis.db.outbox import Class
from chassis.events.consumer import Event, Poison
from services.leads import consumers
from services.leads.domain.audience import INVALID
from tests.integration.leads.conftest import ADVERTISER, ALICE, Leads, user

SUBJECT = notifier_events.AddressesFailed.DESCRIPTOR.full_name
EMAIL, SMS = message_pb2.CHANNEL_EMAIL, message_pb2.CHANNEL_SMS
ANY = "01980000-0000-7000-8000-0000000000f1"


def failure(leads: Leads, key: str, *, channel: Any = EMAIL, after: float = 60.0) -> Any:
    """An address that failed some seconds from now."""
    told = notifier_events.FailedAddress(
        channel=channel, address_key=key, reason="ADDRESS_INVALID", message_id=ANY
    )
    told.time.FromDatetime(leads.clock() + timedelta(seconds=after))
    return told


async def hear(leads: Leads, *failures: Any, data: bytes | None = None) -> None:
    """Let leads hear of them."""
    told = notifier_events.AddressesFailed(addresses=failures).SerializeToString()
    event = Event(
        id="e1",
        subject=SUBJECT,
        data=told if data is None else data,
        headers={},
        time=leads.clock(),
        revision=0,
        key="",
        deliveries=1,
    )
    async with leads.sessions.begin() as session:
        await consumers.facts(leads.clock)[SUBJECT](session, event)


async def read(leads: Leads, contact: contact_pb2.Contact) -> contact_pb2.Contact:
    """The contact as it is now."""
    request = contact_service_pb2.GetContactRequest(id=contact.id)
    found: contact_pb2.Contact = await leads.contacts.GetContact(request)
    return found


async def confirm(leads: Leads, contact: contact_pb2.Contact, address: str) -> Any:
    """Say that an address works."""
    request = contact_service_pb2.ConfirmAddressRequest(id=contact.id, address=address)
    return await leads.contacts.ConfirmAddress(request)


async def write(leads: Leads, contact: contact_pb2.Contact, *emails: str) -> None:
    """Give the contact these e-mail addresses."""
    given = contact_pb2.Contact(
        id=contact.id, emails=[contact_pb2.Email(address=it) for it in emails]
    )
    request = contact_service_pb2.UpdateContactRequest(contact=given)
    request.update_mask.paths.append("emails")
    await leads.contacts.UpdateContact(request)


class TestFailing:
    async def test_the_address_is_invalid_with_everybody_who_has_it(self, leads: Leads) -> None:
        an, sister = [await leads.contact(email=it) for it in ("An@a.example", "an@a.example")]
        other = await leads.contact(email="binh@a.example")

        await hear(leads, failure(leads, "an@a.example"))

        assert [(await read(leads, it)).emails[0].valid for it in (an, sister)] == [False, False]
        unchanged = await read(leads, other)
        assert (unchanged.emails[0].valid, unchanged.revision) == (True, 1)

    async def test_it_is_told_with_the_next_revision_and_recorded(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        entries = await leads.audit_count()

        await hear(leads, failure(leads, "an@a.example"))

        (told,) = await leads.told(Class.FACTS, events_pb2.ContactUpdated)
        assert (told.contact.id, told.contact.revision) == (person.id, 2)
        assert not told.contact.emails[0].valid
        assert await leads.audit_count() == entries + 1

    async def test_the_same_again_changes_nothing(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")

        for _ in range(2):
            await hear(leads, failure(leads, "an@a.example"), failure(leads, "an@a.example"))

        assert (await read(leads, person)).revision == 2

    async def test_a_number_fails_like_an_address(self, leads: Leads) -> None:
        person = await leads.contact(phone="0912345678", email="an@a.example")

        await hear(leads, failure(leads, "+84912345678", channel=SMS))

        found = await read(leads, person)
        assert (found.phones[0].valid, found.emails[0].valid) == (False, True)

    async def test_an_address_that_nobody_has_is_no_trouble(self, leads: Leads) -> None:
        await hear(leads, failure(leads, "an@a.example"))

        assert await leads.told(Class.FACTS, events_pb2.ContactUpdated) == []

    async def test_what_failed_before_the_address_was_written_is_old_news(
        self, leads: Leads
    ) -> None:
        person = await leads.contact(email="an@a.example")
        leads.clock.pass_(hours=1)
        await write(leads, person, "an@a.example", "an@b.example")

        await hear(leads, failure(leads, "an@a.example", after=-7200))
        await hear(leads, failure(leads, "an@b.example", after=-60))

        assert [it.valid for it in (await read(leads, person)).emails] == [True, True]

    @pytest.mark.parametrize("data", [b"\xff", b"\x0a\x02\x08\x02", b"\x0a\x03\x12\x01a"])
    async def test_what_says_nothing_is_poison(self, leads: Leads, data: bytes) -> None:
        with pytest.raises(Poison):
            await hear(leads, data=data)

    async def test_a_time_that_is_none_is_poison(self, leads: Leads) -> None:
        it = failure(leads, "an@a.example")
        it.time.nanos = -1

        with pytest.raises(Poison):
            await hear(leads, it)


class TestTheWayBack:
    async def test_a_confirmed_address_is_valid_whatever_older_news_come(
        self, leads: Leads
    ) -> None:
        person = await leads.contact(email="An@a.example")
        await hear(leads, failure(leads, "an@a.example"))
        leads.clock.pass_(hours=1)

        answered = await confirm(leads, person, " AN@a.example ")
        await hear(leads, failure(leads, "an@a.example", after=-60))

        found = await read(leads, person)
        assert answered == found
        assert (found.emails[0].valid, found.revision) == (True, 3)

    async def test_it_can_fail_again(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        await hear(leads, failure(leads, "an@a.example"))
        leads.clock.pass_(hours=1)
        await confirm(leads, person, "an@a.example")

        await hear(leads, failure(leads, "an@a.example"))

        assert not (await read(leads, person)).emails[0].valid

    async def test_an_address_taken_away_and_written_anew_is_valid(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        await hear(leads, failure(leads, "an@a.example"))
        await write(leads, person, "an@a.example", "an@b.example")
        kept = [it.valid for it in (await read(leads, person)).emails]

        await write(leads, person, "an@b.example")
        await write(leads, person, "an@a.example")

        assert kept == [False, True]
        assert [it.valid for it in (await read(leads, person)).emails] == [True]

    async def test_a_valid_one_stays_as_it_is(self, leads: Leads) -> None:
        person = await leads.contact(phone="0912345678")

        assert (await confirm(leads, person, "0912 345 678")).revision == 1

    @pytest.mark.parametrize("address", ["binh@a.example", "0912345679", "", "no such thing"])
    async def test_what_is_no_address_of_the_contact_is_refused(
        self, leads: Leads, address: str
    ) -> None:
        person = await leads.contact(email="an@a.example", phone="0912345678")

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await confirm(leads, person, address)

        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT

    async def test_who_may_not_write_the_contact_may_not_confirm(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        reader = leads.as_(user(ALICE, contacts="none"))

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await confirm(reader, person, "an@a.example")

        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


class TestAudiences:
    async def test_who_has_only_failed_addresses_is_left_out_for_that(self, leads: Leads) -> None:
        people = [
            await leads.contact(emails=[contact_pb2.Email(address=it) for it in addresses])
            for addresses in ([], ["dead@a.example"], ["dead@a.example", "an@a.example"])
        ]
        await hear(leads, failure(leads, "dead@a.example"))
        query = audience_service_pb2.AudienceQuery(contact_ids=[it.id for it in people])
        view = audience_service_pb2.AudienceView(
            channel=contact_pb2.CHANNEL_EMAIL,
            purpose=contact_pb2.PURPOSE_TRANSACTIONAL,
            advertiser_id=ADVERTISER,
        )

        found = await leads.audiences.SampleAudience(
            audience_service_pb2.SampleAudienceRequest(query=query, view=view)
        )
        await leads.audiences.FreezeAudience(
            audience_service_pb2.FreezeAudienceRequest(run_id=ANY, query=query)
        )
        (batch,) = [
            it
            async for it in leads.audiences.StreamAudience(
                audience_service_pb2.StreamAudienceRequest(run_id=ANY, view=view)
            )
        ]

        assert (found.without_address, found.invalid_address, found.reachable) == (1, 1, 1)
        assert batch.addresses.split(b"\0") == [b"", b"", b"an@a.example"]
        assert [it & INVALID for it in batch.marks] == [0, INVALID, 0]
