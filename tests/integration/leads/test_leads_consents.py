"""The consent ledger: what is in force follows from it, and withdrawals leave by CONTROL."""

from datetime import timedelta

from crm.leads.v1 import consent_pb2, events_pb2
from crm.leads.v1 import consent_service_pb2 as pb

from chassis.db.outbox import Class
from chassis.errors import InvalidArgument, NotFound, PermissionDenied
from tests.integration.leads.conftest import (
    ADVERTISER,
    ALICE,
    NOBODY,
    OTHER_ADVERTISER,
    Leads,
    user,
)
from tests.integration.leads.consent_parts import (
    CARE,
    MARKETING,
    SMS,
    TRANSACTIONAL,
    give,
    in_force,
    ledger,
    stamp,
    withdraw,
)
from tests.integration.serving import refused


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
