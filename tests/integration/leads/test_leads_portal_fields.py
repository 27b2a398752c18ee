"""A customer sets nothing of the profile that is for answers alone, however it is asked."""

from contextlib import suppress
from typing import Any

import grpc
import pytest
from crm.leads.v1 import contact_service_pb2 as contacts_pb2
from crm.leads.v1 import portal_pb2
from crm.leads.v1 import portal_service_pb2 as pb
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask

from services.gateway.api import comments
from tests.integration.leads.conftest import Leads
from tests.integration.leads.contact_parts import a_person

SHUT = [
    it
    for it in portal_pb2.MyProfile.DESCRIPTOR.fields
    if comments.output_only(it) and it.name != "etag"
]


def slipped(field: FieldDescriptor) -> dict[str, Any]:
    """A profile with a value of a field that is not the customer's to set."""
    return {field.name: ["+84999888777"] if field.is_repeated else "slipped in"}


class TestProfile:
    def test_there_are_some(self) -> None:
        assert {it.name for it in SHUT} >= {"phones", "emails", "reference_code"}

    @pytest.mark.parametrize("named", [True, False], ids=["named", "not named"])
    @pytest.mark.parametrize("field", SHUT, ids=lambda it: it.name)
    async def test_what_is_for_answers_alone_stays_as_it_is(
        self, leads: Leads, field: FieldDescriptor, named: bool
    ) -> None:
        created = contacts_pb2.CreateContactRequest(contact=a_person())
        contact = await leads.contacts.CreateContact(created)
        mine = leads.customer(contact).portal
        before = await mine.GetMyProfile(pb.GetMyProfileRequest())
        request = pb.UpdateMyProfileRequest(
            profile=portal_pb2.MyProfile(**slipped(field), salutation="Chị"),
            update_mask=FieldMask(paths=[field.name] if named else ()),
        )

        with suppress(grpc.aio.AioRpcError):  # refused, or left out
            await mine.UpdateMyProfile(request)

        after = await mine.GetMyProfile(pb.GetMyProfileRequest())
        assert getattr(after, field.name) == getattr(before, field.name)
