"""Contacts over gRPC on a real database: written whole or not at all, found however typed."""

import asyncio
from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, events_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.db.outbox import Class
from chassis.errors import (
    Aborted,
    AlreadyExists,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    Unauthenticated,
)
from tests.integration.leads.conftest import ALICE, BOB, NOBODY, Leads, user
from tests.integration.serving import refused

FACEBOOK = "01980000-0000-7000-8000-000000000001"
FIRST_STAGE = "01980000-0000-7000-8000-000000000011"


def a_person() -> contact_pb2.Contact:
    return contact_pb2.Contact(
        salutation="Chị",
        family_name="Nguyễn",
        given_name="Thị Minh Khai",
        phones=[
            contact_pb2.Phone(number="0912 345 678", label="di động"),
            contact_pb2.Phone(number="+1 650 253 0000", primary=True),
        ],
        emails=[contact_pb2.Email(address="Minh.Khai@Example.com")],
        company="Công ty Sông Cửu",
        job_title="Giám đốc",
        gender=contact_pb2.GENDER_FEMALE,
        birthday=contact_pb2.PartialDate(month=2, day=29),
        address=contact_pb2.Address(street="1 Lê Lợi", ward="ba đình", province="ha noi"),
        preferred_channel=contact_pb2.CHANNEL_EMAIL,
        source_id=FACEBOOK,
        owner_ids=[ALICE],
        team_id="t1",
        tags=["VIP", "vip", "thân thiết"],
        external_ids=[contact_pb2.ExternalId(system="POS", id="77")],
        description="dòng 1\ndòng 2",
    )


async def update(leads: Leads, contact: contact_pb2.Contact, *paths: str, **more: Any) -> Any:
    request = pb.UpdateContactRequest(
        contact=contact, update_mask=FieldMask(paths=list(paths)), **more
    )
    return await leads.contacts.UpdateContact(request)


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


class TestReadingSeveral:
    async def test_unknown_ids_are_left_out(self, leads: Leads) -> None:
        first, second = await leads.contact(), await leads.contact()
        await leads.contact()

        request = pb.BatchGetContactsRequest(ids=[first.id, NOBODY, second.id])
        found = await leads.contacts.BatchGetContacts(request)

        assert {it.id for it in found.contacts} == {first.id, second.id}

    async def test_more_than_a_thousand_ids_are_refused(self, leads: Leads) -> None:
        with refused(ResourceExhausted, "TOO_LARGE"):
            await leads.contacts.BatchGetContacts(pb.BatchGetContactsRequest(ids=[NOBODY] * 1001))

    async def test_what_is_no_id_is_named(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.contacts.BatchGetContacts(pb.BatchGetContactsRequest(ids=["x"]))

        assert refusal.fields() == ["ids[0]"]


class TestSearching:
    @pytest.mark.parametrize(
        "query",
        [
            *("Đào", "dao", "ĐÀO HỒNG", "hong dao", "Hoa", "4567", "0912 34", "+84 912"),
            *("dao.hong@", "EXAMPLE.vn", "song cuu", "kh-00"),
        ],
    )
    async def test_part_of_anything_finds_it(self, leads: Leads, query: str) -> None:
        await leads.contact(
            display_name="Đào Hồng Hoa",
            phone="0912345678",
            email="Dao.Hong@Example.vn",
            company="Sông Cửu",
            reference_code="KH-007",
        )
        await leads.contact(display_name="Trần Bình", phone="0987000000")

        assert await leads.names(query=query) == ["Đào Hồng Hoa"]

    async def test_decomposed_accents_and_both_tone_styles_find_the_same(
        self, leads: Leads
    ) -> None:
        await leads.contact(display_name="Hoà")

        assert await leads.names(query="Ho\u0300a") == ["Hoà"]

    async def test_one_letter_matches_beginnings_of_words(self, leads: Leads) -> None:
        await leads.contact(display_name="Lê An")
        await leads.contact(display_name="Trần Lan")

        assert await leads.names(query="an") == ["Lê An"]

    @pytest.mark.parametrize("query", ["%", "_", "100%", "\\", "'", "a;b"])
    async def test_signs_mean_themselves(self, leads: Leads, query: str) -> None:
        await leads.contact(display_name="Lê An")

        assert await leads.names(query=query) == []

    async def test_a_query_that_is_too_long_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID") as refusal:
            await leads.names(query="x" * 201)

        assert refusal.fields() == ["query"]


class TestListing:
    async def test_names_come_in_vietnamese_order(self, leads: Leads) -> None:
        for name in ("Lê Đức", "Lê Dung", "Lê Ánh", "Lê An", "Trần An", "Lê Ân", "Lê Anh"):
            await leads.contact(display_name=name)

        assert await leads.names(order=pb.CONTACT_ORDER_NAME) == [
            *("Lê An", "Trần An", "Lê Anh", "Lê Ánh", "Lê Ân", "Lê Dung", "Lê Đức")
        ]

    @pytest.mark.parametrize("order", [0, 1, 2])
    async def test_pages_show_each_once(self, leads: Leads, order: Any) -> None:
        for number in range(7):
            leads.clock.pass_(seconds=number % 2)
            await leads.contact(display_name=f"Lê {number // 2}")

        seen: list[str] = []
        request = pb.ListContactsRequest(page_size=3, order=order)
        while True:
            page = await leads.contacts.ListContacts(request)
            seen += [it.id for it in page.contacts]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token

        assert len(seen) == len(set(seen)) == 7

    async def test_the_newest_come_first(self, leads: Leads) -> None:
        for name in ("Một", "Hai", "Ba"):
            leads.clock.pass_(seconds=1)
            await leads.contact(display_name=name)

        assert await leads.names() == ["Ba", "Hai", "Một"]

    async def test_a_token_belongs_to_its_filter(self, leads: Leads) -> None:
        await leads.contact()
        await leads.contact()
        page = await leads.contacts.ListContacts(pb.ListContactsRequest(page_size=1))

        with refused(InvalidArgument, "PAGE_TOKEN_INVALID"):
            await leads.names(page_token=page.next_page_token, query="An")

    async def test_a_negative_size_is_refused(self, leads: Leads) -> None:
        with refused(InvalidArgument, "FIELDS_INVALID"):
            await leads.names(page_size=-1)

    async def test_conditions_given_together_must_all_hold(self, leads: Leads) -> None:
        right = {"source_id": FACEBOOK, "tags": ["a", "b"], "owner_ids": [ALICE]}
        await leads.contact(display_name="Đúng", **right)
        await leads.contact(display_name="Khác nguồn", tags=["a", "b"], owner_ids=[ALICE])
        await leads.contact(display_name="Thiếu nhãn", **{**right, "tags": ["a"]})
        await leads.contact(display_name="Khác người", **{**right, "owner_ids": [BOB]})
        await leads.contact(display_name="Khách", kind=2, **right)

        found = await leads.names(
            source_ids=[FACEBOOK],
            tags=["b", "a"],
            owner_ids=[ALICE],
            kind=contact_pb2.CONTACT_KIND_LEAD,
            statuses=[contact_pb2.LEAD_STATUS_NEW, contact_pb2.LEAD_STATUS_LOST],
        )

        assert found == ["Đúng"]

    async def test_an_empty_id_stands_for_none(self, leads: Leads) -> None:
        await leads.contact(display_name="Có", source_id=FACEBOOK, owner_ids=[ALICE])
        await leads.contact(display_name="Không")

        assert await leads.names(source_ids=[""]) == ["Không"]
        assert await leads.names(owner_ids=[""]) == ["Không"]
        assert await leads.names(life_stage_ids=[""]) == []
        assert len(await leads.names(owner_ids=["", ALICE])) == 2

    async def test_created_in_a_window(self, leads: Leads) -> None:
        await leads.contact(display_name="Trước")
        leads.clock.pass_(hours=1)
        start = leads.clock()
        await leads.contact(display_name="Trong")
        leads.clock.pass_(hours=1)
        await leads.contact(display_name="Sau")

        request = pb.ListContactsRequest()
        request.created_from.FromDatetime(start)
        request.created_until.FromDatetime(leads.clock())
        found = await leads.contacts.ListContacts(request)

        assert [it.display_name for it in found.contacts] == ["Trong"]


class TestRights:
    async def test_nobody_is_refused(self, leads: Leads) -> None:
        with refused(Unauthenticated, "TOKEN_MISSING"):
            await leads.as_(None).names()

    async def test_without_the_right_nothing_is_shown_or_made(self, leads: Leads) -> None:
        stranger = leads.as_(user(ALICE, segments="all"))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stranger.names()
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await stranger.contact()

    async def test_own_shows_what_one_owns(self, leads: Leads) -> None:
        await leads.contact(display_name="Của Alice", owner_ids=[BOB, ALICE], team_id="t2")
        await leads.contact(display_name="Của Bob", owner_ids=[BOB], team_id="t1")
        await leads.contact(display_name="Của ai")

        alice = leads.as_(user(ALICE, "t1", contacts="own"))

        assert await alice.names() == ["Của Alice"]
        assert await alice.names(query="cua") == ["Của Alice"]

    async def test_team_shows_the_team_s_and_one_s_own(self, leads: Leads) -> None:
        await leads.contact(display_name="Của Alice", owner_ids=[ALICE], team_id="t2")
        await leads.contact(display_name="Của đội", owner_ids=[BOB], team_id="t1")
        await leads.contact(display_name="Đội khác", team_id="t2")

        alice = leads.as_(user(ALICE, "t1", contacts="team"))

        assert sorted(await alice.names()) == ["Của Alice", "Của đội"]

    async def test_what_is_not_shown_is_missing(self, leads: Leads) -> None:
        theirs = await leads.contact(owner_ids=[BOB])
        alice = leads.as_(user(ALICE, contacts="own"))

        with refused(NotFound, "RESOURCE_MISSING"):
            await alice.contacts.GetContact(pb.GetContactRequest(id=theirs.id))
        with refused(NotFound, "RESOURCE_MISSING"):
            await update(alice, contact_pb2.Contact(id=theirs.id, company="A"), "company")
        request = pb.BatchGetContactsRequest(ids=[theirs.id])
        assert not (await alice.contacts.BatchGetContacts(request)).contacts

    async def test_what_may_be_seen_and_not_changed_is_refused(self, leads: Leads) -> None:
        theirs = await leads.contact(owner_ids=[BOB])
        alice = user(ALICE, contacts="own")
        reads_all = {"contacts": {**alice.rights["contacts"], "read": "all"}}
        caller = leads.as_(type(alice)(ALICE, "user", None, reads_all))

        with refused(PermissionDenied, "RIGHT_MISSING"):
            await update(caller, contact_pb2.Contact(id=theirs.id, company="A"), "company")
        with refused(PermissionDenied, "RIGHT_MISSING"):
            await caller.contacts.DeleteContact(pb.DeleteContactRequest(id=theirs.id))

    async def test_a_maker_who_sees_only_the_own_keeps_sight_of_it(self, leads: Leads) -> None:
        alice = leads.as_(user(ALICE, "t1", contacts="own"))

        made = await alice.contact(display_name="Mới")

        assert list(made.owner_ids) == [ALICE]
        assert made.team_id == "t1"
        assert await alice.names() == ["Mới"]
