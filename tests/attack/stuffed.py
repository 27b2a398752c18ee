"""Messages whose every text is one that somebody wrote to do harm."""

import re
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from tests.attack.addresses import ID

# Beside one another: an element, the end of an attribute, an address that runs, the end of a text
# in a script, a place of a template, the end of a comment.
PAYLOAD = (
    "<svg onload=alert(1)>\"'><img src=x onerror=alert(1)>javascript:alert(1)"
    "</script><script>alert(1)</script></title></textarea>{{7*7}}-->"
)
# What is no free text, since the service that says it has made it or checked it.
KNOWN: dict[str, str] = {
    "currency": "VND",
    "amount": "1",
    "quantity": "1",
    "price": "1",
    "locale": "en",
    "time_zone": "Asia/Ho_Chi_Minh",
    "rrule": "FREQ=DAILY",
    "start": "2026-03-01T09:00",
    "exceptions": "2026-03-01T09:00:00",
    "time": "2026-03-01T09:00:00+00:00",
    "time_of_day": "09:00",
    "hidden_fields": "contacts.phones",
    "color": "#0054a6",
    "etag": "1",
    "reference_code": "KH000001",
    "uri": "otpauth://totp/x?secret=x",
    "file_name": "a.pdf",
    "media_type": "application/pdf",
}
_DAY = re.compile(r"(^|_)(date|day|from|until)$")
_FIGURE = re.compile(r"(^|_)(total|amount|price|quantity|cost|net|gross|vat|percent|rate|revenue)$")
_ID = re.compile(r"(^|_)ids?$")
DEEPEST = 5


def stuffed(message: Any, trusted: frozenset[str] = frozenset(), depth: int = 0) -> Any:
    """Fill every field of `message`; those named in `trusted` (`html`) get a harmless word."""
    taken: set[str] = set()
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None and len(oneof.fields) > 1:
            if oneof.name in taken:
                continue
            taken.add(oneof.name)
        _fill(message, field, trusted, depth)
    return message


def _fill(message: Any, field: FieldDescriptor, trusted: frozenset[str], depth: int) -> None:
    inner: Descriptor | None = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        _fill_map(getattr(message, field.name), inner)
        return
    if inner is not None:
        if depth >= DEEPEST:
            return
        place = getattr(message, field.name)
        made: Message = place.add() if field.is_repeated else place
        made.SetInParent()
        _known(made, inner) or stuffed(made, trusted, depth + 1)
        return
    value = _value(field, trusted)
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)


def _known(made: Any, inner: Descriptor) -> bool:
    if inner.full_name == "google.protobuf.Timestamp":
        made.FromSeconds(1_800_000_000)
    elif inner.full_name == "google.protobuf.Duration":
        made.FromSeconds(600)
    elif inner.full_name == "google.protobuf.Struct":
        made.update({PAYLOAD: PAYLOAD})
    elif inner.full_name == "google.type.Date" or inner.name == "Date":
        made.year, made.month, made.day = 2026, 3, 1
    else:
        return False
    return True


def _fill_map(place: Any, entry: Descriptor) -> None:
    value = entry.fields_by_name["value"]
    if value.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        place[PAYLOAD] = PAYLOAD
    elif value.message_type is None:
        place[PAYLOAD] = 1


def _value(field: FieldDescriptor, trusted: frozenset[str]) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return b"%PDF-1.7"
        return _text(field.name, trusted)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return max(it.number for it in field.enum_type.values)
    return field.cpp_type == FieldDescriptor.CPPTYPE_BOOL or 1


def _text(name: str, trusted: frozenset[str]) -> str:
    if name in KNOWN or name in trusted:
        return KNOWN.get(name, "trusted")
    for pattern, text in ((_ID, ID), (_DAY, "2026-03-01"), (_FIGURE, "1")):
        if pattern.search(name):
            return text
    return PAYLOAD
