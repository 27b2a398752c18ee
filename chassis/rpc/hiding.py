"""Takes out of answers what the caller's role hides: fields, wherever the contract guards them."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from chassis.rpc.rights import Contract


@dataclass(frozen=True)
class Guarded:
    """A field of an answer, however deep, and the names under which it can be hidden.

    One of `addresses` is hidden only where its text is one.
    """

    path: tuple[str, ...]
    names: frozenset[str]
    addresses: bool = False


class Hiding:
    """Knows which fields of which answers are guarded; looks at each kind of answer once."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._guarded = cache(self._find)

    def answer(self, response: Message, hidden: Collection[str]) -> Message:
        """Returns the response without what is hidden; the one given stays as it is."""
        found = [it for it in self._guarded(response.DESCRIPTOR) if it.names & set(hidden)]
        if not found:
            return response
        shown = type(response)()
        shown.CopyFrom(response)
        for it in found:
            self._clear(shown, it.path, addresses=it.addresses)
        return shown

    def _find(self, of: Descriptor) -> tuple[Guarded, ...]:
        return tuple(self._below(of, (), frozenset()))

    def _below(
        self, of: Descriptor, above: tuple[str, ...], seen: frozenset[str]
    ) -> Iterator[Guarded]:
        for field in of.fields:
            here = (*above, field.name)
            if names := frozenset(self._contract.guards(field)):
                yield Guarded(here, names)
            if names := frozenset(self._contract.address_guards(field)):
                yield Guarded(here, names, addresses=True)
            below = field.message_type
            # What contains itself (a condition of conditions) is a question and no answer.
            if below is not None and below.full_name not in seen and not _is_map(field):
                yield from self._below(below, here, seen | {below.full_name})

    def _clear(self, message: Any, path: tuple[str, ...], *, addresses: bool) -> None:
        name, *rest = path
        field: FieldDescriptor = message.DESCRIPTOR.fields_by_name[name]
        if not rest:
            if not addresses or self._contract.is_address(getattr(message, name)):
                message.ClearField(name)
        elif field.is_repeated:
            for each in getattr(message, name):
                self._clear(each, tuple(rest), addresses=addresses)
        elif message.HasField(name):
            self._clear(getattr(message, name), tuple(rest), addresses=addresses)


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)
