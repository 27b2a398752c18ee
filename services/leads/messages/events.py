"""The facts that leads announces."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from crm.leads.v1 import events_pb2
from google.protobuf.message import Message

from services.leads.domain.consent import Entry, Grant
from services.leads.domain.contact import Channel, Contact
from services.leads.domain.segment import Segment
from services.leads.domain.status import StageChange
from services.leads.domain.transaction import Transaction
from services.leads.messages import consents, contacts, segments, transactions, values

LARGEST_BATCH = 500
# Half of what the broker takes in one message.
_LARGEST_BYTES = 512 * 1024


def created(it: Contact) -> events_pb2.ContactCreated:
    """A contact came to be."""
    return events_pb2.ContactCreated(contact=contacts.told(it))


def updated(it: Contact) -> events_pb2.ContactUpdated:
    """A contact changed."""
    return events_pb2.ContactUpdated(contact=contacts.told(it))


def deleted(contact_id: UUID, revision: int) -> events_pb2.ContactDeleted:
    """A contact was deleted."""
    return events_pb2.ContactDeleted(contact_id=str(contact_id), revision=revision)


def login_wanted(it: Contact, by: Channel, address: str) -> events_pb2.ContactLoginWanted:
    """A contact shall sign in to the portal; `address` is where they are invited."""
    return events_pb2.ContactLoginWanted(
        contact_id=str(it.id),
        display_name=it.profile.display_name,
        locale=it.profile.locale,
        channel=int(by),  # type: ignore[arg-type]
        address=address,
    )


def stage_changed(it: Contact, change: StageChange) -> events_pb2.ContactStageChanged:
    """A contact moved between statuses or life stages."""
    return events_pb2.ContactStageChanged(contact=contacts.told(it), change=contacts.change(change))


def converted(it: Contact, by: str) -> events_pb2.ContactConverted:
    """A lead became a customer; `by` is "hand" or "sale"."""
    return events_pb2.ContactConverted(contact=contacts.told(it), by=by)


def imported(
    import_id: UUID, new: Sequence[Contact], changed: Sequence[Contact]
) -> Iterator[events_pb2.ContactsImported]:
    """Contacts came or changed by an import, up to 500 an event."""
    told = [*(_imported(it, created=True) for it in new), *(_imported(it) for it in changed)]
    for start in range(0, len(told), LARGEST_BATCH):
        some = told[start : start + LARGEST_BATCH]
        yield events_pb2.ContactsImported(import_id=str(import_id), contacts=some)


def _imported(it: Contact, *, created: bool = False) -> events_pb2.ImportedContact:
    return events_pb2.ImportedContact(
        id=str(it.id),
        revision=it.revision,
        created=created,
        owner_ids=[str(each) for each in it.profile.owner_ids],
        team_id=it.profile.team_id,
        kind=int(it.kind),  # type: ignore[arg-type]
        status=int(it.status),  # type: ignore[arg-type]
        create_time=values.stamp(it.create_time),
        conversion=int(it.conversion),  # type: ignore[arg-type]
    )


def ingested(stored: Sequence[Transaction]) -> Iterator[events_pb2.TransactionsIngested]:
    """Transactions were stored, in as many events as their size needs."""
    batch = events_pb2.TransactionsIngested()
    size = 0
    for it in stored:
        told = transactions.transaction(it)
        full = len(batch.transactions) >= LARGEST_BATCH or size + told.ByteSize() > _LARGEST_BYTES
        if full:
            yield batch
            batch, size = events_pb2.TransactionsIngested(), 0
        batch.transactions.append(told)
        size += told.ByteSize()
    if batch.transactions:
        yield batch


def given(entry: Entry, address_keys: Sequence[str]) -> events_pb2.ConsentGiven:
    """A person agreed."""
    return events_pb2.ConsentGiven(entry=consents.entry(entry), address_keys=address_keys)


def consents_imported(
    import_id: UUID, grants: Sequence[Grant]
) -> Iterator[events_pb2.ConsentsImported]:
    """People agreed by an import to the same advertiser, up to 500 an event."""
    for start in range(0, len(grants), LARGEST_BATCH):
        some = grants[start : start + LARGEST_BATCH]
        yield events_pb2.ConsentsImported(
            import_id=str(import_id),
            advertiser_id=str(some[0].advertiser_id),
            actor=some[0].actor,
            record_time=values.stamp(some[0].record_time),
            consents=[
                events_pb2.ImportedConsent(
                    contact_id=str(it.contact_id),
                    purposes=it.purposes,  # type: ignore[arg-type]
                    channels=it.channels,  # type: ignore[arg-type]
                    time=values.stamp(it.time),
                    evidence=it.evidence,
                )
                for it in some
            ],
        )


def withdrawn(entry: Entry, address_keys: Sequence[str]) -> events_pb2.ConsentWithdrawn:
    """A person withdrew."""
    return events_pb2.ConsentWithdrawn(entry=consents.entry(entry), address_keys=address_keys)


def segment_changed(it: Segment, *, is_deleted: bool = False) -> Message:
    """A segment was stored, changed or deleted."""
    return events_pb2.SegmentChanged(segment=segments.segment(it), deleted=is_deleted)
