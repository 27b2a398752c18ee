"""Adds a contact, changes it, and lists all: what a program does all day.

Told by its environment: MEKONG_ADDRESSES (JSON, host:port by service), CLIENT_ID, CLIENT_SECRET.
"""

import json
import os
import sys
from uuid import uuid4

from crm.leads.v1 import contact_pb2
from crm.leads.v1 import contact_service_pb2 as pb2
from crm.leads.v1.contact_service_pb2_grpc import ContactServiceStub
from google.protobuf.field_mask_pb2 import FieldMask

from mekong_client import Aborted, Client, InvalidArgument, items


def main() -> None:
    """Say on stdout what was done."""
    with Client(
        json.loads(os.environ["MEKONG_ADDRESSES"]),
        client_id=os.environ["CLIENT_ID"],
        client_secret=os.environ["CLIENT_SECRET"],
        scope="contacts.read contacts.write",
    ) as client:
        contacts = client.stub(ContactServiceStub)
        mail = contact_pb2.Email(address="dao@example.vn")
        dao = contact_pb2.Contact(display_name="Thị Đào", emails=[mail])
        # A key that is kept with the order: should this program die and start again, the contact
        # is there once. Without one the client makes a key for each call.
        key = str(uuid4())
        made = contacts.CreateContact(pb2.CreateContactRequest(contact=dao, request_id=key))
        again = contacts.CreateContact(pb2.CreateContactRequest(contact=dao, request_id=key))
        say(f"added once: {made.id == again.id}")

        mask = FieldMask(paths=["company"])
        change = contact_pb2.Contact(id=made.id, etag=made.etag, company="Chợ Lớn")
        contacts.UpdateContact(pb2.UpdateContactRequest(contact=change, update_mask=mask))
        try:
            contacts.UpdateContact(pb2.UpdateContactRequest(contact=change, update_mask=mask))
        except Aborted as stale:
            say(f"changed meanwhile: {stale.reason}")

        try:
            contacts.CreateContact(pb2.CreateContactRequest(contact=contact_pb2.Contact()))
        except InvalidArgument as refused:
            say(f"refused: {', '.join(it.field for it in refused.violations)}")

        listed = items(contacts.ListContacts, pb2.ListContactsRequest(page_size=2))
        say(f"contacts: {sum(1 for _ in listed)}")


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
