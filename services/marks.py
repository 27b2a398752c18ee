"""What gives a person away in bytes and texts: ids of theirs, and addresses as a whole."""

import re
from collections.abc import Iterator

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from services.erasing import NOBODY, Person, pattern

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IDS = re.compile(_ID.encode())
_BYTES, _GROUP = 2, 3
_HASH = 32


class Marks:
    """Finds one person: ids by a set, however many, and addresses by where they begin and end."""

    def __init__(self, person: Person) -> None:
        # A hash of 32 digits is no UUID, though one could be read from it.
        own = {it for _, it in person.subjects}
        ids = {it for it in own if re.fullmatch(_ID, it)}
        words = [it for it in (*person.addresses, *person.spellings) if it]
        self._ids = {it.encode() for it in (*map(str, person.contact_ids), *ids)}
        # As 16 bytes chunks have contacts, and nothing else; a hash is long enough to be found so.
        self._raw = [it.bytes for it in person.contact_ids]
        self._raw += [it.encode() for it in own - ids if len(it) >= _HASH]
        perhaps = "|".join(map(re.escape, words)) or NOBODY
        self._perhaps = re.compile(perhaps.encode(), re.I)
        self._whole = re.compile(pattern(words), re.I)

    def tell(self, data: bytes) -> bool:
        """Whether bytes, a message of protobuf or any text, tell of the person at all."""
        return self.identify(data) or self.address(data)

    def identify(self, data: bytes) -> bool:
        """Whether they have an id that was the person's alone."""
        if any(it in data for it in self._raw):
            return True
        return any(it.group() in self._ids for it in _IDS.finditer(data))

    def address(self, data: bytes) -> bool:
        """Whether they have one of the addresses, and not only as a part of another one."""
        if not self._perhaps.search(data):
            return False
        return any(self._whole.search(it) for it in _texts(data))


def _texts(data: bytes) -> Iterator[str]:
    """Yields what may be a text: every value of a message's fields, or bytes that are no message.

    Which type a message has does not need to be known: what else is read as a text is none.
    """
    values = _values(data)
    if values is None:
        yield data.decode(errors="replace")
    for it in values or ():
        yield it.decode(errors="replace")
        if _values(it):
            yield from _texts(it)


def _values(data: bytes) -> list[bytes] | None:
    """Returns values of fields that have a length; None of bytes that are no message."""
    try:
        return list(_lengthy(UnknownFieldSet(Empty.FromString(data))))
    except DecodeError:
        return None


def _lengthy(fields: UnknownFieldSet) -> Iterator[bytes]:
    for index in range(len(fields)):
        it = fields[index]
        if it.wire_type == _BYTES:
            yield it.data
        elif it.wire_type == _GROUP:
            yield from _lengthy(it.data)
