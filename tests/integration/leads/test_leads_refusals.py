"""What other services hear of refusals, in the ledger; and what is left of a deleted contact."""

import pytest
from crm.leads.v1 import contact_service_pb2 as contact_service
from crm.leads.v1 import events_pb2

from chassis.db.outbox import Class
from chassis.events.event import Event, Poison
from services.leads import consumers
from tests.integration.leads.conftest import (
    ADVERTISER,
    Leads,
)
from tests.integration.leads.consent_parts import (
    MARKETING,
    give,
    in_force,
    ledger,
    suppression,
    withdraw,
)


async def hear(leads: Leads, data: bytes) -> None:
    event = Event(
        id="e1",
        subject="crm.notifier.v1.SuppressionAdded",
        data=data,
        headers={},
        time=leads.clock(),
        revision=1,
        key="",
        deliveries=1,
    )
    async with leads.sessions.begin() as session:
        await consumers.handlers(leads.clock)[event.subject](session, event)


class TestASuppressionElsewhere:
    @pytest.mark.parametrize("reason", ["unsubscribed", "complained"])
    async def test_it_withdraws_for_everybody_with_the_address(
        self, leads: Leads, reason: str
    ) -> None:
        people = [await leads.contact(email="an@a.example") for _ in range(2)]
        other = await leads.contact(email="binh@a.example")
        for person in (*people, other):
            await give(leads, person.id)

        await hear(leads, suppression("an@a.example", reason, evidence="link 5"))

        assert await in_force(leads) == 1
        newest = (await ledger(leads, people[0].id))[0]
        assert (newest.action, newest.method, newest.evidence) == (2, reason, "link 5")
        assert len(await leads.told(Class.CONTROL, events_pb2.ConsentWithdrawn)) == 2

    async def test_told_again_it_adds_nothing(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        for _ in range(3):
            await hear(leads, suppression("an@a.example", "unsubscribed"))

        assert len(await ledger(leads, person.id)) == 1

    async def test_our_own_withdrawal_told_back_adds_nothing(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        await withdraw(leads, person.id, advertiser_id=ADVERTISER, purpose=MARKETING)

        await hear(
            leads,
            suppression("an@a.example", "withdrawn", advertiser_id=ADVERTISER, purpose=MARKETING),
        )

        assert len(await ledger(leads, person.id)) == 1
        assert len(await leads.told(Class.CONTROL, events_pb2.ConsentWithdrawn)) == 1

    async def test_a_wider_one_than_ours_is_recorded(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        await withdraw(leads, person.id, advertiser_id=ADVERTISER, purpose=MARKETING)

        await hear(leads, suppression("an@a.example", "unsubscribed"))

        assert len(await ledger(leads, person.id)) == 2

    @pytest.mark.parametrize("reason", ["bounced", "by hand"])
    async def test_what_is_not_the_person_s_will_withdraws_nothing(
        self, leads: Leads, reason: str
    ) -> None:
        person = await leads.contact(email="an@a.example")
        await give(leads, person.id)

        await hear(leads, suppression("an@a.example", reason))

        assert await in_force(leads) == 1

    @pytest.mark.parametrize("data", [b"\xff\xff", suppression("", "unsubscribed")])
    async def test_what_cannot_be_read_is_poison(self, leads: Leads, data: bytes) -> None:
        with pytest.raises(Poison):
            await hear(leads, data)


class TestADeletedContact:
    async def test_it_is_consented_no_more_and_its_ledger_stays(self, leads: Leads) -> None:
        person = await leads.contact()
        await give(leads, person.id)

        await leads.contacts.DeleteContact(contact_service.DeleteContactRequest(id=person.id))

        assert await in_force(leads) == 0
