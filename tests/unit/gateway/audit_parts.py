"""An audit log as its pages ask for it."""

from typing import Any

import pytest
from crm.accounts.v1 import audit_pb2, audit_service_pb2
from crm.leads.v1 import contact_service_pb2
from flask.testing import FlaskClient

from tests.unit.gateway.web_parts import ID

HASH = "ab" * 32


def entry(**given: Any) -> audit_pb2.AuditEntry:
    made = audit_pb2.AuditEntry(
        **{
            "sequence": 1234,
            "id": "e1",
            "service": "leads",
            "actor_id": "u1",
            "actor_kind": "user",
            "action": "contact.update",
            "subject_type": "contact",
            "subject_id": ID,
            "hash": HASH,
            **given,
        }
    )
    made.time.FromSeconds(1_700_000_000)
    return made


def changed(before: dict[str, Any] | None, after: dict[str, Any] | None) -> audit_pb2.AuditEntry:
    made = entry()
    for side, values in (("before", before), ("after", after)):
        if values is not None:
            getattr(made, side).update(values)
    return made


def listed(*entries: audit_pb2.AuditEntry, **more: Any) -> Any:
    return audit_service_pb2.ListAuditEntriesResponse(entries=entries, **more)


@pytest.fixture
def log(signed_in: FlaskClient, peers: Any) -> FlaskClient:
    """A browser of somebody who may read the audit log, which has one entry."""
    contacts = contact_service_pb2.BatchGetContactsResponse()
    contacts.contacts.add(id=ID, display_name="Lan <b>Anh")
    peers.answers.update(
        ListAuditEntries=listed(changed({"city": "Huế"}, {"city": "Đà Nẵng <i>"})),
        BatchGetContacts=contacts,
    )
    return signed_in
