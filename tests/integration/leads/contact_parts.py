"""A contact as tests make and change it."""

from typing import Any

from crm.leads.v1 import contact_line_pb2, contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb
from google.protobuf.field_mask_pb2 import FieldMask

from tests.integration.leads.conftest import ALICE, SALES, Leads

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
        team_id=SALES,
        tags=["VIP", "vip", "thân thiết"],
        external_ids=[contact_pb2.ExternalId(system="POS", id="77")],
        description="dòng 1\ndòng 2",
    )


async def update(leads: Leads, contact: contact_pb2.Contact, *paths: str, **more: Any) -> Any:
    request = pb.UpdateContactRequest(
        contact=contact, update_mask=FieldMask(paths=list(paths)), **more
    )
    return await leads.contacts.UpdateContact(request)


async def exported(leads: Leads, **wanted: Any) -> list[contact_line_pb2.ContactLine]:
    """The lines of the file that the caller gets."""
    parts = leads.contacts.ExportContacts(pb.ExportContactsRequest(**wanted))
    return [line async for part in parts for line in part.contacts]
