"""Takes out of answers what the caller's role hides: fields, wherever the contract guards them."""

from collections.abc import Callable, Collection, Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

Guards = Callable[[FieldDescriptor], Collection[str]]
"""The names under which a field of a contract can be hidden, none for most."""

Path = tuple[str, ...]


class Hiding:
    """Knows which fields of which answers are guarded; looks at each kind of answer once."""

    def __init__(self, guards: Guards) -> None:
        self._guards = guards
        self._guarded = cache(self._find)

    def answer(self, response: Message, hidden: Collection[str]) -> Message:
        """Returns the response without what is hidden; the one given stays as it is."""
        paths = [it for it, names in self._guarded(response.DESCRIPTOR) if names & set(hidden)]
        if not paths:
            return response
        shown = type(response)()
        shown.CopyFrom(response)
        for path in paths:
            _clear(shown, path)
        return shown

    def _find(self, of: Descriptor) -> tuple[tuple[Path, frozenset[str]], ...]:
        return tuple(self._paths(of, (), frozenset()))

    def _paths(
        self, of: Descriptor, above: Path, seen: frozenset[str]
    ) -> Iterator[tuple[Path, frozenset[str]]]:
        for field in of.fields:
            here = (*above, field.name)
            names = frozenset(self._guards(field))
            if names:
                yield here, names
            below = field.message_type
            # What contains itself (a condition of conditions) is a question and no answer.
            if below is not None and below.full_name not in seen and not _is_map(field):
                yield from self._paths(below, here, seen | {below.full_name})


def _clear(message: Any, path: Path) -> None:
    name, *rest = path
    if not rest:
        message.ClearField(name)
        return
    field = message.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        for each in getattr(message, name):
            _clear(each, tuple(rest))
    elif message.HasField(name):
        _clear(getattr(message, name), tuple(rest))


def _is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type and field.message_type.GetOptions().map_entry)
