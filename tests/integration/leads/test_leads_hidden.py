"""What a role hides is in no answer, finds nobody, and is not changed."""

from dataclasses import replace
from typing import Any

import pytest
from crm.leads.v1 import contact_pb2, contact_service_pb2, segment_pb2, segment_service_pb2
from google.protobuf.field_mask_pb2 import FieldMask

from chassis.errors import PermissionDenied
from tests.integration.leads.conftest import ALICE, Leads, user
from tests.integration.leads.segment_parts import ANY, CONTAINS, EQUALS, NONE, create, field, group
from tests.integration.serving import refused


def blind(*fields: str) -> Any:
    """Somebody who reaches every contact and does not see these fields."""
    seeing = user(ALICE, contacts="all", segments="all")
    return replace(seeing, hidden=frozenset(f"contacts.{it}" for it in fields))


@pytest.fixture
async def dao(leads: Leads) -> contact_pb2.Contact:
    """A person with everything that can be hidden."""
    return await leads.contact(
        display_name="Trần Thị Đào",
        phone="0912 345 678",
        email="dao@example.vn",
        birthday=contact_pb2.PartialDate(month=3, day=8),
        address=contact_pb2.Address(province="Hà Nội"),
        description="Gọi sau 17 giờ",
    )


class TestAnswers:
    async def test_a_hidden_field_is_in_none_of_them(
        self, leads: Leads, dao: contact_pb2.Contact
    ) -> None:
        reader = leads.as_(blind("phones", "birthday"))

        one = await reader.contacts.GetContact(contact_service_pb2.GetContactRequest(id=dao.id))
        several = await reader.contacts.BatchGetContacts(
            contact_service_pb2.BatchGetContactsRequest(ids=[dao.id])
        )
        listed = await reader.contacts.ListContacts(contact_service_pb2.ListContactsRequest())
        sampled = await reader.segments.PreviewSegment(
            segment_service_pb2.PreviewSegmentRequest(definition=segment_pb2.Group())
        )

        for found in (one, *several.contacts, *listed.contacts, *sampled.sample):
            assert not found.phones
            assert not found.HasField("birthday")
            assert [it.address for it in found.emails] == ["dao@example.vn"]
            assert found.description == dao.description

    async def test_nor_in_that_to_a_change(self, leads: Leads, dao: contact_pb2.Contact) -> None:
        change = contact_service_pb2.UpdateContactRequest(
            contact=contact_pb2.Contact(id=dao.id, job_title="Kế toán"),
            update_mask=FieldMask(paths=["job_title"]),
        )

        changed = await leads.as_(blind("emails")).contacts.UpdateContact(change)
        kept = await leads.contacts.GetContact(contact_service_pb2.GetContactRequest(id=dao.id))

        assert (changed.job_title, list(changed.emails)) == ("Kế toán", [])
        assert [it.address for it in kept.emails] == ["dao@example.vn"]


class TestAChange:
    @pytest.mark.parametrize("path", ["phones", "emails", "birthday", "address.street"])
    async def test_of_what_is_hidden_is_refused(
        self, leads: Leads, dao: contact_pb2.Contact, path: str
    ) -> None:
        field = path.split(".", maxsplit=1)[0]
        change = contact_service_pb2.UpdateContactRequest(
            contact=contact_pb2.Contact(id=dao.id), update_mask=FieldMask(paths=[path])
        )

        with refused(PermissionDenied, "FIELD_HIDDEN") as refusal:
            await leads.as_(blind(field)).contacts.UpdateContact(change)

        assert refusal.error.metadata == {"field": f"contacts.{field}"}
        assert (
            await leads.contacts.GetContact(contact_service_pb2.GetContactRequest(id=dao.id)) == dao
        )


class TestAConfirmation:
    @pytest.mark.parametrize(
        ("field", "right", "guess"),
        [
            ("phones", "0912345678", "0912345679"),
            ("emails", "dao@example.vn", "dao2@example.vn"),
        ],
    )
    async def test_does_not_tell_whose_a_hidden_address_is(
        self, leads: Leads, dao: contact_pb2.Contact, field: str, right: str, guess: str
    ) -> None:
        for address in (right, guess):
            request = contact_service_pb2.ConfirmAddressRequest(id=dao.id, address=address)
            with refused(PermissionDenied, "FIELD_HIDDEN") as refusal:
                await leads.as_(blind(field)).contacts.ConfirmAddress(request)
            assert refusal.error.metadata == {"field": f"contacts.{field}"}

    async def test_of_an_address_that_is_shown_is_taken(
        self, leads: Leads, dao: contact_pb2.Contact
    ) -> None:
        request = contact_service_pb2.ConfirmAddressRequest(id=dao.id, address="0912345678")

        confirmed = await leads.as_(blind("emails")).contacts.ConfirmAddress(request)

        assert [it.valid for it in confirmed.phones] == [True]


class TestASearch:
    @pytest.mark.parametrize("query", ["0912345678", "345 678", "dao@example.vn", "example"])
    async def test_finds_nobody_by_what_is_hidden(
        self, leads: Leads, dao: contact_pb2.Contact, query: str
    ) -> None:
        assert await leads.names(query=query) == [dao.display_name]
        assert await leads.as_(blind("phones")).names(query=query) == []
        assert await leads.as_(blind("emails")).names(query=query) == []

    @pytest.mark.parametrize("query", ["dao", "Thị Đào", "t"])
    async def test_still_finds_by_names(
        self, leads: Leads, dao: contact_pb2.Contact, query: str
    ) -> None:
        assert await leads.as_(blind("phones")).names(query=query) == [dao.display_name]


class TestASegmentOfOthers:
    async def test_comes_without_the_values_of_a_hidden_field(self, leads: Leads) -> None:
        inner = group(field("email", CONTAINS, "dao@"), field("company", EQUALS, "A"), match=ANY)
        asked = group(
            field("phone", EQUALS, "0912345678"), segment_pb2.Condition(group=inner), match=NONE
        )
        made = await create(leads, "Hỏi", asked)
        pb = segment_service_pb2
        renamed = pb.UpdateSegmentRequest(
            segment=segment_pb2.Segment(id=made.id, name="Hỏi nữa"),
            update_mask=FieldMask(paths=["name"]),
        )

        stub = leads.as_(blind("phones", "emails")).segments
        answers = [
            await stub.GetSegment(pb.GetSegmentRequest(id=made.id)),
            *(await stub.ListSegments(pb.ListSegmentsRequest())).segments,
            await stub.UpdateSegment(renamed),
        ]

        expected = segment_pb2.Group()
        expected.CopyFrom(asked)
        expected.conditions[0].field.ClearField("values")
        expected.conditions[1].group.conditions[0].field.ClearField("values")
        assert [it.definition for it in answers] == [expected] * 3
        kept = await leads.segments.GetSegment(pb.GetSegmentRequest(id=made.id))
        assert (kept.name, kept.definition) == ("Hỏi nữa", asked)


class TestAQuestion:
    @pytest.mark.parametrize(
        ("hidden", "condition"),
        [
            ("phones", {"field": {"field": "phone", "comparison": "COMPARISON_PRESENT"}}),
            ("emails", {"field": {"field": "email", "comparison": "COMPARISON_PRESENT"}}),
            ("address", {"field": {"field": "province", "comparison": "COMPARISON_PRESENT"}}),
            ("birthday", {"date": {"field": "birthday", "within_days": 3}}),
        ],
    )
    async def test_about_what_is_hidden_is_refused(
        self, leads: Leads, hidden: str, condition: dict[str, Any]
    ) -> None:
        reader = leads.as_(blind(hidden))
        inner = segment_pb2.Group(conditions=[segment_pb2.Condition(**condition)])
        outer = segment_pb2.Group(conditions=[segment_pb2.Condition(group=inner)])
        segment = segment_pb2.Segment(name="Hỏi", definition=outer)

        with refused(PermissionDenied, "FIELD_HIDDEN"):
            await reader.segments.PreviewSegment(
                segment_service_pb2.PreviewSegmentRequest(definition=outer)
            )
        with refused(PermissionDenied, "FIELD_HIDDEN"):
            await reader.segments.CreateSegment(
                segment_service_pb2.CreateSegmentRequest(segment=segment)
            )
