"""The consent ledger: what is in force follows from it, and withdrawals leave by CONTROL."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from crm.leads.v1 import consent_pb2, events_pb2, segment_pb2, segment_service_pb2
from crm.leads.v1 import consent_service_pb2 as pb
from crm.leads.v1 import contact_service_pb2 as contact_service
from crm.notifier.v1 import events_pb2 as notifier_events
from crm.notifier.v1 import suppression_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.db.outbox import Class
from chassis.errors import InvalidArgument, NotFound, PermissionDenied
from chassis.events.event import Event, Poison
from services.leads import consumers
from tests.integration.leads.conftest import (
    ADVERTISER,
    ALICE,
    NOBODY,
    OTHER_ADVERTISER,
    Leads,
    user,
)
from tests.integration.serving import refused

MARKETING, CARE, TRANSACTIONAL, CONSENT_REQUEST = range(1, 5)
SMS, EMAIL = 1, 2


def stamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


async def give(leads: Leads, contact_id: str, **fields: Any) -> consent_pb2.ConsentEntry:
    values: dict[str, Any] = {
        "advertiser_id": ADVERTISER,
        "purpose": MARKETING,
        "channel": EMAIL,
        "time": stamp(leads.clock()),
        "method": "web form",
        "evidence": "form 7",
        **fields,
    }
    entry = consent_pb2.ConsentEntry(contact_id=contact_id, **values)
    made: consent_pb2.ConsentEntry = await leads.consents.GiveConsent(
        pb.GiveConsentRequest(entry=entry)
    )
    return made


async def withdraw(leads: Leads, contact_id: str, **fields: Any) -> consent_pb2.ConsentEntry:
    request = pb.WithdrawConsentRequest(contact_id=contact_id, **{"channel": EMAIL, **fields})
    made: consent_pb2.ConsentEntry = await leads.consents.WithdrawConsent(request)
    return made


async def in_force(leads: Leads, **fields: Any) -> int:
    """How many contacts have a consent in force, as segments see it."""
    wanted: dict[str, Any] = {
        "advertiser_id": ADVERTISER,
        "purpose": MARKETING,
        "channel": EMAIL,
        **fields,
    }
    condition = segment_pb2.Condition(consent=segment_pb2.ConsentCondition(**wanted))
    request = segment_service_pb2.PreviewSegmentRequest(
        definition=segment_pb2.Group(conditions=[condition])
    )
    return int((await leads.segments.PreviewSegment(request)).count)


async def ledger(leads: Leads, contact_id: str) -> list[consent_pb2.ConsentEntry]:
    request = pb.ListConsentEntriesRequest(contact_id=contact_id)
    return list((await leads.consents.ListConsentEntries(request)).entries)


class TestGiving:
    async def test_it_is_in_force_for_its_scope_only(self, leads: Leads) -> None:
        person = await leads.contact(email="an@a.example")
        await leads.contact(email="noise@a.example")

        entry = await give(leads, person.id)

        assert entry.action == consent_pb2.CONSENT_ACTION_GIVEN
        assert await ledger(leads, person.id) == [entry]
        assert await in_force(leads) == 1
        for other in (
            {"channel": SMS},
            {"purpose": CARE},
            {"advertiser_id": OTHER_ADVERTISER},
        ):
            assert await in_force(leads, **other) == 0
        (told,) = await leads.told(Class.CONTROL, events_pb2.ConsentGiven)
        assert (told.entry, list(told.address_keys)) == (entry, ["an@a.example"])

    async def test_the_same_again_is_the_entry_there_is(self, leads: Leads) -> None:
        person = await leads.contact()
        entry = await give(leads, person.id)

        assert await give(leads, person.id) == entry
        assert len(await ledger(leads, person.id)) == 1

    async def test_without_evidence_it_is_refused_naming_each_field(self, leads: Leads) -> None:
        bare = consent_pb2.ConsentEntry(contact_id="x")

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.consents.GiveConsent(pb.GiveConsentRequest(entry=bare))

        assert set(refusal.fields()) == {
            f"entry.{it}"
            for it in (
                *("contact_id", "advertiser_id", "purpose", "channel"),
                *("time", "method", "evidence"),
            )
        }

    async def test_one_of_the_future_is_refused(self, leads: Leads) -> None:
        person = await leads.contact()

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await give(leads, person.id, time=stamp(leads.clock() + timedelta(hours=1)))

        assert refusal.fields() == ["entry.time"]

    async def test_one_for_nobody_or_by_nobody_is_refused(self, leads: Leads) -> None:
        person = await leads.contact()

        with refused(NotFound, "RESOURCE_MISSING"):
            await give(leads, NOBODY)
        with refused(NotFound, "RESOURCE_MISSING"):
            await give(leads.as_(user(ALICE, contacts="own")), person.id)
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await give(leads.as_(user(ALICE, segments="all")), person.id)


class TestWithdrawing:
    async def test_what_it_covers_is_out_of_force_at_once(self, leads: Leads) -> None:
        person, other = await leads.contact(email="an@a.example"), await leads.contact()
        for purpose in (MARKETING, CARE, TRANSACTIONAL):
            await give(leads, person.id, purpose=purpose)
        await give(leads, person.id, advertiser_id=OTHER_ADVERTISER)
        await give(leads, person.id, channel=SMS)
        await give(leads, other.id)

        entry = await withdraw(leads, person.id, purpose=MARKETING, advertiser_id=ADVERTISER)

        assert await in_force(leads) == 1  # the other's
        assert await in_force(leads, purpose=CARE) == 1
        assert await in_force(leads, advertiser_id=OTHER_ADVERTISER) == 1
        assert await in_force(leads, channel=SMS) == 1
        (told,) = await leads.told(Class.CONTROL, events_pb2.ConsentWithdrawn)
        assert (told.entry, list(told.address_keys)) == (entry, ["an@a.example"])

    async def test_towards_everybody_it_covers_all_but_transactional(self, leads: Leads) -> None:
        person = await leads.contact()
        for purpose in (MARKETING, CARE, TRANSACTIONAL):
            await give(leads, person.id, purpose=purpose)
        await give(leads, person.id, advertiser_id=OTHER_ADVERTISER)

        await withdraw(leads, person.id)

        assert await in_force(leads) == 0
        assert await in_force(leads, purpose=CARE) == 0
        assert await in_force(leads, advertiser_id=OTHER_ADVERTISER) == 0
        assert await in_force(leads, purpose=TRANSACTIONAL) == 1

    async def test_an_older_consent_brought_later_does_not_undo_it(self, leads: Leads) -> None:
        person = await leads.contact()
        await withdraw(leads, person.id)

        await give(leads, person.id, time=stamp(leads.clock() - timedelta(days=1)))

        assert await in_force(leads) == 0
        assert len(await ledger(leads, person.id)) == 2

    async def test_a_new_consent_after_it_is_in_force(self, leads: Leads) -> None:
        person = await leads.contact()
        await give(leads, person.id)
        leads.clock.pass_(hours=1)
        await withdraw(leads, person.id)
        leads.clock.pass_(hours=1)

        await give(leads, person.id, evidence="form 8")

        assert await in_force(leads) == 1
        assert [it.action for it in await ledger(leads, person.id)] == [1, 2, 1]

    async def test_bad_fields_are_named(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await withdraw(leads, "", channel=0, advertiser_id="x")

        assert set(refusal.fields()) == {"contact_id", "channel", "advertiser_id"}

    async def test_the_ledger_is_paged_newest_first(self, leads: Leads) -> None:
        person = await leads.contact()
        for _ in range(3):
            leads.clock.pass_(minutes=1)
            await give(leads, person.id)

        request = pb.ListConsentEntriesRequest(contact_id=person.id, page_size=2)
        first = await leads.consents.ListConsentEntries(request)
        request.page_token = first.next_page_token
        second = await leads.consents.ListConsentEntries(request)

        times = [it.time.seconds for it in (*first.entries, *second.entries)]
        assert times == sorted(times, reverse=True)
        assert (len(first.entries), len(second.entries)) == (2, 1)


def suppression(key: str, reason: str, **fields: Any) -> bytes:
    told = notifier_events.SuppressionAdded(
        suppression=suppression_pb2.Suppression(
            **{"channel": EMAIL, "address": key, "reason": reason, **fields}
        ),
        address_key=key,
    )
    return told.SerializeToString()


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
