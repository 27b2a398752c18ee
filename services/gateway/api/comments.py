"""The comments of the protos: what is required, what is output only, and what a person reads."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from crm.errors.v1 import reason_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor

FILE = Path(reason_pb2.__file__).parents[3] / "descriptors.binpb"

# Numbers of the members in descriptor.proto, which source locations are paths of.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _VALUE, _METHOD = 2, 3, 2, 2


def of(full_name: str) -> str:
    """Return the comment of a message, field, enum, value, service or method, or ``""``."""
    return _all().get(full_name, "")


def required(field: FieldDescriptor) -> bool:
    """Whether the field must be given in every request."""
    return of(field.full_name).startswith("Required.")


def output_only(field: FieldDescriptor) -> bool:
    """Whether the field is for answers alone."""
    return of(field.full_name).startswith("Output only.")


@cache
def _all() -> Mapping[str, str]:
    files = descriptor_pb2.FileDescriptorSet.FromString(FILE.read_bytes()).file
    return {name: text for file in files for name, text in _of_file(file)}


def _of_file(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        text = " ".join(location.leading_comments.split())
        name = _name(file, list(location.path)) if text else None
        if name is not None:
            yield name, text


def _name(file: descriptor_pb2.FileDescriptorProto, path: list[int]) -> str | None:
    if len(path) < 2 or path[0] not in (_MESSAGE, _ENUM, _SERVICE):
        return None
    members: dict[int, Any] = {
        _MESSAGE: file.message_type,
        _ENUM: file.enum_type,
        _SERVICE: file.service,
    }
    found = members[path[0]][path[1]]
    names = [file.package, found.name]
    if len(path) == 4:
        inner = {_MESSAGE: "field", _ENUM: "value", _SERVICE: "method"}[path[0]]
        if path[2] not in (_FIELD, _VALUE, _METHOD):
            return None
        names.append(getattr(found, inner)[path[3]].name)
    return ".".join(names) if len(path) in (2, 4) else None
