"""Erasures on the wire: the request and answer of all services, events with people left out."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from crm.accounts.v1 import events_pb2 as _accounts
from crm.campaigns.v1 import events_pb2 as _campaigns
from crm.erasure.v1 import erasure_pb2
from crm.interactions.v1 import events_pb2 as _interactions
from crm.leads.v1 import events_pb2 as _leads
from crm.notifier.v1 import events_pb2 as _notifier
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct

from chassis.errors import FieldViolation, InvalidArgument
from services.erasing import Erased, Person
from services.marks import Marks

MOST_CONTACTS = 100

_FILES = (_accounts, _campaigns, _interactions, _leads, _notifier)
_EVENTS = {
    it.full_name: it for file in _FILES for it in file.DESCRIPTOR.message_types_by_name.values()
}
ONLY_IDS = frozenset(
    {
        "crm.leads.v1.ContactDeleted",
        "crm.leads.v1.ContactsImported",
        "crm.interactions.v1.FollowUpDeleted",
        "crm.interactions.v1.OccurrencesDropped",
        "crm.notifier.v1.MessagesProgressed",
        "crm.notifier.v1.MessageComplained",
    }
)
"""Events that say of people no more than ids, which are nobody's once these are erased."""


def request(erasure_id: UUID, person: Person) -> erasure_pb2.ErasePersonRequest:
    """Returns what services are asked."""
    return erasure_pb2.ErasePersonRequest(
        erasure_id=str(erasure_id),
        contact_ids=[str(it) for it in person.contact_ids],
        emails=person.emails,
        phones=person.phones,
        spellings=person.spellings,
        names=person.names,
        subjects=_subjects(person.subjects),
        shared=person.shared,
    )


def person(asked: erasure_pb2.ErasePersonRequest) -> Person:
    """Returns whom a service is to erase; raises `InvalidArgument` naming the field."""
    try:
        contact_ids = tuple(UUID(it) for it in asked.contact_ids)
    except ValueError:
        contact_ids = ()
    if not 0 < len(contact_ids) <= MOST_CONTACTS:
        why = FieldViolation("contact_ids", f"must be 1 to {MOST_CONTACTS} UUIDs")
        raise InvalidArgument("FIELDS_INVALID", "invalid: contact_ids", violations=[why])
    return Person(
        contact_ids,
        emails=_filled(asked.emails),
        phones=_filled(asked.phones),
        spellings=_filled(asked.spellings),
        names=_filled(asked.names),
        subjects=frozenset((it.type, it.id) for it in asked.subjects),
        shared=_filled(asked.shared),
    )


def response(erased: Erased) -> erasure_pb2.ErasePersonResponse:
    """Returns what a service answers."""
    return erasure_pb2.ErasePersonResponse(
        erased=[
            erasure_pb2.ErasedKind(kind=kind, count=count)
            for kind, count in sorted(erased.counts.items())
        ],
        subjects=_subjects(erased.subjects),
        waiting=erased.waiting,
    )


def answer(said: erasure_pb2.ErasePersonResponse) -> Erased:
    """Returns what a service said."""
    erased = Erased(waiting=said.waiting)
    for it in said.erased:
        erased.add(it.kind, it.count)
    erased.subjects = {(it.type, it.id) for it in said.subjects}
    return erased


def redacted(event: str, data: bytes, marks: Marks) -> bytes | None:
    """Returns an event without the entries of lists that tell of a person; None to drop it whole.

    It is dropped when it tells of them elsewhere, when nobody is left, or when nobody knows it.
    """
    descriptor = _EVENTS.get(event)
    if descriptor is None:
        return None
    try:
        message = GetMessageClass(descriptor).FromString(data)
    except DecodeError:
        return None
    _thin(message, marks)
    left = message.SerializeToString(deterministic=True)
    is_empty = all(not entries for entries in _lists(message))
    return None if is_empty or marks.tell(left) else left


def has_values(entry: bytes) -> bool:
    """Whether an audit entry on its way tells more than that something was done."""
    try:
        told = Struct.FromString(entry)
    except DecodeError:
        return True
    return any(told.fields[name].WhichOneof("kind") != "null_value" for name in ("before", "after"))


def _thin(message: Message, marks: Marks) -> None:
    for entries in _lists(message):
        kept = [it for it in entries if not marks.tell(it.SerializeToString())]
        if len(kept) < len(entries):
            del entries[:]
            entries.extend(kept)


def _lists(message: Message) -> Iterable[Any]:
    """The lists of messages of an event, empty ones among them."""
    for field in message.DESCRIPTOR.fields:
        if field.is_repeated and field.message_type is not None:
            yield getattr(message, field.name)


def _filled(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(it for it in words if it.strip())


def _subjects(found: Iterable[tuple[str, str]]) -> list[erasure_pb2.ErasedSubject]:
    return [erasure_pb2.ErasedSubject(type=kind, id=it) for kind, it in sorted(found)]
