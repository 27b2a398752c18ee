"""What customers see and change of themselves: theirs alone, by the ledger that staff use too."""

from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, events_pb2, portal_pb2
from crm.leads.v1 import contact_service_pb2 as contacts_pb2
from crm.leads.v1 import portal_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.db.outbox import Class
from chassis.errors import Aborted, InvalidArgument, NotFound, PermissionDenied
from tests.integration.leads.conftest import ADVERTISER, ALICE, OTHER_ADVERTISER, Leads, user
from tests.integration.leads.consent_parts import (
    CARE,
    EMAIL,
    MARKETING,
    SMS,
    TRANSACTIONAL,
    give,
    in_force,
    ledger,
    withdraw,
)
from tests.integration.leads.portal_parts import OF_COLLEAGUES, an, buys
from tests.integration.serving import refused

GIVEN = portal_pb2.MY_CONSENT_STATE_GIVEN
WITHDRAWN = portal_pb2.MY_CONSENT_STATE_WITHDRAWN
INTERNAL = ("VIP", "Sông Cửu", "Giám đốc", *OF_COLLEAGUES)


async def profile(leads: Leads, contact: contact_pb2.Contact) -> portal_pb2.MyProfile:
    asked = pb.GetMyProfileRequest()
    found: portal_pb2.MyProfile = await leads.customer(contact).portal.GetMyProfile(asked)
    return found


async def write(leads: Leads, contact: contact_pb2.Contact, *paths: str, **fields: Any) -> Any:
    request = pb.UpdateMyProfileRequest(
        profile=portal_pb2.MyProfile(**fields), update_mask=FieldMask(paths=paths)
    )
    return await leads.customer(contact).portal.UpdateMyProfile(request)


async def choose(
    leads: Leads, contact: contact_pb2.Contact, *, given: bool, **fields: Any
) -> portal_pb2.MyConsent:
    wanted = {"advertiser_id": ADVERTISER, "purpose": MARKETING, "channel": EMAIL, **fields}
    request = pb.ChangeMyConsentRequest(**wanted, given=given)
    made: portal_pb2.MyConsent = await leads.customer(contact).portal.ChangeMyConsent(request)
    return made


async def standings(leads: Leads, contact: contact_pb2.Contact) -> dict[tuple[str, int, int], int]:
    found = await leads.customer(contact).portal.ListMyConsents(pb.ListMyConsentsRequest())
    return {(it.advertiser_id, it.purpose, it.channel): it.state for it in found.consents}


class TestProfile:
    async def test_it_is_ones_own_without_what_colleagues_keep_for_themselves(
        self, leads: Leads
    ) -> None:
        await leads.contact(display_name="Người khác", email="khac@a.example")
        mine = await profile(leads, await an(leads))

        assert (mine.display_name, mine.salutation) == ("Nguyễn Thị Minh Khai", "Chị")
        assert list(mine.phones) == ["+84912345678", "+16502530000"]
        assert list(mine.emails) == ["Minh.Khai@example.com"]
        assert mine.address.province == "Thành phố Hà Nội"
        text = mine.SerializeToString().decode(errors="ignore")
        assert [it for it in INTERNAL if it in text] == []

    async def test_what_is_changed_is_stored_and_told_like_any_change(self, leads: Leads) -> None:
        person = await an(leads)

        changed = await write(
            leads,
            person,
            "given_name",
            "preferred_channel",
            given_name="Thị Lan",
            preferred_channel=contact_pb2.CHANNEL_SMS,
        )

        kept = await leads.contacts.GetContact(contacts_pb2.GetContactRequest(id=person.id))
        assert changed.display_name == kept.display_name == "Nguyễn Thị Lan"
        assert kept.preferred_channel == contact_pb2.CHANNEL_SMS
        assert (kept.tags, kept.owner_ids) == (person.tags, person.owner_ids)
        told = await leads.told(Class.FACTS, events_pb2.ContactUpdated)
        assert [it.contact.id for it in told] == [person.id]

    @pytest.mark.parametrize("path", ["phones", "emails", "etag", "reference_code", "tags"])
    async def test_what_is_not_theirs_to_change_is_refused(self, leads: Leads, path: str) -> None:
        person = await an(leads)

        with refused(InvalidArgument, "UPDATE_MASK_INVALID"):
            await write(leads, person, path)

    async def test_a_bad_field_is_named_and_nothing_half_saved(self, leads: Leads) -> None:
        person = await an(leads)

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await write(
                leads,
                person,
                *("birthday", "time_zone", "given_name"),
                birthday=contact_pb2.PartialDate(day=31, month=2),
                time_zone="Mars/Base",
                given_name="Lan",
            )

        assert set(refusal.fields()) == {"profile.birthday", "profile.time_zone"}
        assert (await profile(leads, person)).given_name == "Thị Minh Khai"

    async def test_one_that_changed_meanwhile_is_not_overwritten(self, leads: Leads) -> None:
        person = await an(leads)
        await write(leads, person, "salutation", salutation="Cô")

        with refused(Aborted, "ETAG_STALE"):
            await write(leads, person, "salutation", salutation="Bà", etag=person.etag)

    async def test_who_was_deleted_has_none(self, leads: Leads) -> None:
        person = await an(leads)
        await leads.contacts.DeleteContact(contacts_pb2.DeleteContactRequest(id=person.id))

        with refused(NotFound, "RESOURCE_MISSING"):
            await profile(leads, person)

    async def test_nobody_else_may_call(self, leads: Leads) -> None:
        for caller in (leads, leads.as_(user(ALICE, contacts="all"))):
            with refused(PermissionDenied, "RIGHT_MISSING"):
                await caller.portal.GetMyProfile(pb.GetMyProfileRequest())


class TestConsents:
    async def test_one_given_here_is_in_force_and_proven_by_the_portal(self, leads: Leads) -> None:
        person, _ = await an(leads), await leads.contact(email="noise@a.example")

        made = await choose(leads, person, given=True)

        assert (made.state, await in_force(leads)) == (GIVEN, 1)
        (entry,) = await ledger(leads, person.id)
        assert (entry.actor, entry.method, entry.evidence) == ("contact", "portal", "portal")
        (told,) = await leads.told(Class.CONTROL, events_pb2.ConsentGiven)
        assert list(told.address_keys) == ["minh.khai@example.com"]

    async def test_a_withdrawal_leaves_by_control_with_the_addresses(self, leads: Leads) -> None:
        person, other = await an(leads), await leads.contact()
        await give(leads, person.id)
        await give(leads, other.id)
        leads.clock.pass_(minutes=1)

        made = await choose(leads, person, given=False)

        assert (made.state, await in_force(leads)) == (WITHDRAWN, 1)
        (told,) = await leads.told(Class.CONTROL, events_pb2.ConsentWithdrawn)
        assert list(told.address_keys) == ["minh.khai@example.com"]
        assert (told.entry.contact_id, told.entry.actor) == (person.id, "contact")

    @pytest.mark.parametrize("given", [True, False])
    async def test_what_stands_so_already_adds_nothing(self, leads: Leads, given: bool) -> None:
        person = await an(leads)
        first = await choose(leads, person, given=given)
        leads.clock.pass_(minutes=1)

        assert await choose(leads, person, given=given) == first
        assert len(await ledger(leads, person.id)) == 1

    async def test_it_can_be_given_again_after_a_withdrawal(self, leads: Leads) -> None:
        person = await an(leads)
        for given in (True, False, True):
            leads.clock.pass_(minutes=1)
            await choose(leads, person, given=given)

        assert await in_force(leads) == 1
        assert await standings(leads, person) == {(ADVERTISER, MARKETING, EMAIL): GIVEN}

    async def test_the_list_says_how_each_stands_as_senders_see_it(self, leads: Leads) -> None:
        person = await an(leads)
        for advertiser, purpose, channel in (
            (ADVERTISER, MARKETING, EMAIL),
            (ADVERTISER, CARE, SMS),
            (ADVERTISER, TRANSACTIONAL, SMS),
            (OTHER_ADVERTISER, MARKETING, EMAIL),
        ):
            given = {"advertiser_id": advertiser, "purpose": purpose, "channel": channel}
            await give(leads, person.id, **given)
        leads.clock.pass_(minutes=1)
        await withdraw(leads, person.id)  # every advertiser, by e-mail

        assert await standings(leads, person) == {
            (ADVERTISER, MARKETING, EMAIL): WITHDRAWN,
            (ADVERTISER, CARE, EMAIL): WITHDRAWN,
            (ADVERTISER, CARE, SMS): GIVEN,
            (OTHER_ADVERTISER, MARKETING, EMAIL): WITHDRAWN,
            (OTHER_ADVERTISER, CARE, EMAIL): WITHDRAWN,
        }

    async def test_bad_fields_are_named(self, leads: Leads) -> None:
        person = await an(leads)

        with refused(InvalidArgument, "FIELDS_INVALID") as bad:
            await choose(leads, person, given=True, advertiser_id="x", purpose=0, channel=9)
        with refused(InvalidArgument, "FIELDS_INVALID") as unneeded:
            await choose(leads, person, given=False, purpose=TRANSACTIONAL)

        assert set(bad.fields()) == {"advertiser_id", "purpose", "channel"}
        assert unneeded.fields() == ["purpose"]


class TestPurchases:
    async def test_they_are_ones_own_newest_first_in_pages(self, leads: Leads) -> None:
        person, other = await an(leads), await leads.contact()
        await buys(leads, other, "OTHER-1")
        for number in ("HD-1", "HD-2", "HD-3"):
            leads.clock.pass_(minutes=1)
            await buys(leads, person, number)
        portal = leads.customer(person).portal

        first = await portal.ListMyTransactions(pb.ListMyTransactionsRequest(page_size=2))
        rest = await portal.ListMyTransactions(
            pb.ListMyTransactionsRequest(page_size=2, page_token=first.next_page_token)
        )

        listed = [it.number for it in (*first.transactions, *rest.transactions)]
        assert (listed, rest.next_page_token) == (["HD-3", "HD-2", "HD-1"], "")
        assert first.transactions[0].lines[0].product == "Trà"
