"""Contacts are created, updated and deleted whole, or not at all."""

import asyncio

import pytest
from crm.leads.v1 import contact_pb2, events_pb2
from crm.leads.v1 import contact_service_pb2 as pb

from chassis.db.outbox import Class
from chassis.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    NotFound,
)
from tests.integration.leads.conftest import NOBODY, Leads
from tests.integration.leads.contact_parts import FIRST_STAGE, a_person, update
from tests.integration.serving import refused


class TestCreating:
    async def test_what_was_written_comes_back_normalised(self, leads: Leads) -> None:
        made = await leads.contacts.CreateContact(pb.CreateContactRequest(contact=a_person()))

        read = await leads.contacts.GetContact(pb.GetContactRequest(id=made.id))
        assert read == made
        assert (read.revision, read.etag, read.display_name) == (1, "1", "Nguyễn Thị Minh Khai")
        assert [it.number for it in read.phones] == ["+84912345678", "+16502530000"]
        assert all(it.valid for it in (*read.phones, *read.emails))
        assert read.address.province == "Thành phố Hà Nội"
        assert read.address.ward == "Phường Ba Đình"
        assert (read.locale, read.time_zone, read.region) == ("vi", "Asia/Ho_Chi_Minh", "vn")
        assert read.reference_code.startswith("C")
        assert list(read.tags) == ["VIP", "thân thiết"]
        assert read.kind == contact_pb2.CONTACT_KIND_LEAD
        assert read.status == contact_pb2.LEAD_STATUS_NEW
        assert read.life_stage_id == FIRST_STAGE

    async def test_it_is_announced_and_audited_once(self, leads: Leads) -> None:
        made = await leads.contact(display_name="An")

        assert [it.contact for it in await leads.told(Class.FACTS, events_pb2.ContactCreated)] == [
            made
        ]
        assert await leads.audit_count() == 1

    async def test_every_bad_field_is_named_and_nothing_is_stored(self, leads: Leads) -> None:
        bad = contact_pb2.Contact(
            family_name="x" * 121,
            phones=[contact_pb2.Phone(number="0912345678"), contact_pb2.Phone(number="12")],
            emails=[contact_pb2.Email(address="nobody")],
            birthday=contact_pb2.PartialDate(month=2, day=30),
            address=contact_pb2.Address(province="Atlantis"),
            time_zone="Mars/Olympus",
            locale="!!",
            region="VN",
            source_id="facebook",
            owner_ids=["me"],
            tags=[""],
            gender=99,  # type: ignore[arg-type]
            kind=9,  # type: ignore[arg-type]
        )

        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contacts.CreateContact(pb.CreateContactRequest(contact=bad))

        assert set(refusal.fields()) == {
            f"contact.{it}"
            for it in (
                *("family_name", "phones[1].number", "emails[0].address", "birthday"),
                *("address.province", "time_zone", "locale", "region", "source_id"),
                *("owner_ids[0]", "tags[0]", "gender", "kind"),
            )
        }
        assert await leads.names() == []

    @pytest.mark.parametrize(
        ("field", "value"), [("source_id", NOBODY), ("referred_by_contact_id", NOBODY)]
    )
    async def test_an_id_of_nothing_is_named(self, leads: Leads, field: str, value: str) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contact(**{field: value})

        assert refusal.fields() == [f"contact.{field}"]

    async def test_somebody_without_anything_to_be_known_by_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contact(display_name=" ")

        assert refusal.fields() == ["contact.display_name"]

    async def test_a_reference_code_belongs_to_one_contact(self, leads: Leads) -> None:
        await leads.contact(reference_code="KH-1")

        with refused(AlreadyExists, "RESOURCE_EXISTS") as refusal:
            await leads.contact(reference_code="kh-1")

        assert refusal.error.metadata == {"resource": "contact", "field": "reference_code"}

    async def test_an_external_id_belongs_to_one_contact(self, leads: Leads) -> None:
        ours = [contact_pb2.ExternalId(system="pos", id="1")]
        await leads.contact(external_ids=ours)

        with refused(AlreadyExists, "RESOURCE_EXISTS") as refusal:
            await leads.contact(external_ids=ours)

        assert refusal.error.metadata["field"] == "external_ids"

    async def test_codes_given_by_the_system_step_over_codes_people_brought(
        self, leads: Leads
    ) -> None:
        first = await leads.contact()
        coming = f"c{int(first.reference_code[1:]) + 1:08d}"
        await leads.contact(reference_code=coming)

        assert (await leads.contact()).reference_code.lower() != coming

    async def test_the_same_request_id_makes_one_contact(self, leads: Leads) -> None:
        request = pb.CreateContactRequest(contact=a_person(), request_id="r1")

        answers = await asyncio.gather(*(leads.contacts.CreateContact(request) for _ in range(5)))

        assert len({it.id for it in answers}) == 1
        assert len(await leads.names()) == 1

    async def test_a_request_id_is_good_for_one_request(self, leads: Leads) -> None:
        await leads.contacts.CreateContact(
            pb.CreateContactRequest(contact=a_person(), request_id="r1")
        )

        with refused(AlreadyExists, "REQUEST_ID_REUSED"):
            other = contact_pb2.Contact(display_name="B")
            await leads.contacts.CreateContact(
                pb.CreateContactRequest(contact=other, request_id="r1")
            )

    async def test_a_customer_is_one_from_the_start(self, leads: Leads) -> None:
        made = await leads.contact(kind=contact_pb2.CONTACT_KIND_CUSTOMER)

        assert made.status == contact_pb2.LEAD_STATUS_CONVERTED
        assert made.convert_time.ToDatetime() == made.create_time.ToDatetime()


class TestUpdating:
    async def test_only_the_masked_fields_change(self, leads: Leads) -> None:
        made = await leads.contacts.CreateContact(pb.CreateContactRequest(contact=a_person()))
        leads.clock.pass_(hours=1)

        given = contact_pb2.Contact(id=made.id, company="Mới", tags=["x"])
        given.address.street = "2 Hai Bà Trưng"
        changed = await update(leads, given, "company", "address.street")

        assert (changed.company, changed.address.street) == ("Mới", "2 Hai Bà Trưng")
        assert changed.address.province == "Thành phố Hà Nội"
        assert list(changed.tags) == list(made.tags)
        assert (changed.revision, changed.etag) == (2, "2")
        assert changed.update_time.seconds > made.update_time.seconds

    async def test_without_a_mask_every_populated_field_changes(self, leads: Leads) -> None:
        made = await leads.contact(display_name="An", company="Cũ")

        changed = await update(leads, contact_pb2.Contact(id=made.id, company="Mới"))

        assert (changed.company, changed.display_name) == ("Mới", "An")

    async def test_a_composed_name_follows_its_parts(self, leads: Leads) -> None:
        made = await leads.contact(display_name="", family_name="Lê", given_name="Văn Tám")

        changed = await update(
            leads, contact_pb2.Contact(id=made.id, family_name="Trần"), "family_name"
        )

        assert changed.display_name == "Trần Văn Tám"

    async def test_it_is_found_by_its_new_values_only(self, leads: Leads) -> None:
        made = await leads.contact(display_name="An", phone="0912345678")

        new = contact_pb2.Contact(id=made.id, phones=[contact_pb2.Phone(number="0987654321")])
        await update(leads, new, "phones")

        assert await leads.names(query="0912345678") == []
        assert await leads.names(query="0987 654 321") == ["An"]

    async def test_a_change_that_changes_nothing_makes_no_revision(self, leads: Leads) -> None:
        made = await leads.contact(company="Cũ")

        again = await update(leads, made, "company")

        assert again == made
        assert await leads.told(Class.FACTS, events_pb2.ContactUpdated) == []

    async def test_each_change_is_announced_with_its_revision(self, leads: Leads) -> None:
        made = await leads.contact()
        for company in ("A", "B"):
            await update(leads, contact_pb2.Contact(id=made.id, company=company), "company")

        told = await leads.told(Class.FACTS, events_pb2.ContactUpdated)
        assert [(it.contact.revision, it.contact.company) for it in told] == [(2, "A"), (3, "B")]

    async def test_a_stale_etag_is_refused(self, leads: Leads) -> None:
        made = await leads.contact()
        await update(leads, contact_pb2.Contact(id=made.id, company="A"), "company")

        with refused(Aborted, "ETAG_STALE"):
            stale = contact_pb2.Contact(id=made.id, etag=made.etag, company="B")
            await update(leads, stale, "company")

    @pytest.mark.parametrize("path", ["kind", "status", "score", "create_time", "nonsense"])
    async def test_what_cannot_be_changed_is_refused(self, leads: Leads, path: str) -> None:
        made = await leads.contact()

        with refused(InvalidArgument, "UPDATE_MASK_INVALID"):
            await update(leads, contact_pb2.Contact(id=made.id), path)

    async def test_an_unknown_contact_is_missing(self, leads: Leads) -> None:
        with refused(NotFound, "RESOURCE_MISSING") as refusal:
            await update(leads, contact_pb2.Contact(id=NOBODY, company="A"), "company")

        assert refusal.error.metadata == {"resource": "contact", "id": NOBODY}

    async def test_a_bad_value_leaves_everything_as_it_was(self, leads: Leads) -> None:
        made = await leads.contact(company="Cũ")

        with refused(InvalidArgument, "FIELDS_INVALID"):
            bad = contact_pb2.Contact(id=made.id, company="Mới", locale="!")
            await update(leads, bad, "company", "locale")

        assert await leads.contacts.GetContact(pb.GetContactRequest(id=made.id)) == made


class TestDeleting:
    async def test_it_is_gone_and_leaves_a_tombstone_event(self, leads: Leads) -> None:
        made = await leads.contact(phone="0912345678")
        await leads.contact(display_name="Người khác")

        await leads.contacts.DeleteContact(pb.DeleteContactRequest(id=made.id))

        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.contacts.GetContact(pb.GetContactRequest(id=made.id))
        told = await leads.told(Class.FACTS, events_pb2.ContactDeleted)
        assert [(it.contact_id, it.revision) for it in told] == [(made.id, 2)]
        assert await leads.names() == ["Người khác"]

    async def test_a_second_time_it_is_missing(self, leads: Leads) -> None:
        made = await leads.contact()
        await leads.contacts.DeleteContact(pb.DeleteContactRequest(id=made.id))

        with refused(NotFound, "RESOURCE_MISSING"):
            await leads.contacts.DeleteContact(pb.DeleteContactRequest(id=made.id))

    async def test_a_stale_etag_is_refused(self, leads: Leads) -> None:
        made = await leads.contact()

        with refused(Aborted, "ETAG_STALE"):
            await leads.contacts.DeleteContact(pb.DeleteContactRequest(id=made.id, etag="7"))
