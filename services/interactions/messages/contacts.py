"""What leads tells of contacts."""

from uuid import UUID

from crm.leads.v1 import contact_pb2, events_pb2

from chassis.rpc import times
from services.interactions.domain.contacts import Contact

_OPEN = (
    contact_pb2.LEAD_STATUS_NEW,
    contact_pb2.LEAD_STATUS_CONTACTED,
    contact_pb2.LEAD_STATUS_QUALIFIED,
)


def contact(told: contact_pb2.Contact | events_pb2.ImportedContact) -> Contact:
    """Returns the little that is kept of a contact; raises `ValueError` for an id that is none."""
    return Contact(
        id=UUID(told.id),
        revision=told.revision,
        owner_ids=tuple(UUID(owner) for owner in told.owner_ids),
        team_id=UUID(told.team_id) if told.team_id else None,
        open_lead=told.kind == contact_pb2.CONTACT_KIND_LEAD and told.status in _OPEN,
        lead_time=times.read(told.create_time) if _was_lead(told) else None,
    )


def _was_lead(told: contact_pb2.Contact | events_pb2.ImportedContact) -> bool:
    """Returns True unless somebody was a customer from the start, as reports of leads have it."""
    return told.conversion != contact_pb2.CONVERSION_ENTERED


def tombstone(told: events_pb2.ContactDeleted) -> Contact:
    """Returns what stays of a deleted contact."""
    return Contact(id=UUID(told.contact_id), revision=told.revision, deleted=True)
