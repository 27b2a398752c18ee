"""Pydantic models of the protos' messages: what a body may be, and what an answer is."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, ForwardRef, Literal, Self

import pydantic
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.gateway.api import comments

TIMESTAMP = "google.protobuf.Timestamp"
STRUCT = "google.protobuf.Struct"

_BY_HEADER = frozenset({"request_id", "update_mask"})
"""Given by Idempotency-Key, and by which fields a PATCH names."""

_SCALARS: dict[int, Any] = {
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_BYTES: pydantic.Base64Bytes,
    FieldDescriptor.TYPE_DOUBLE: float,
    FieldDescriptor.TYPE_FLOAT: float,
    FieldDescriptor.TYPE_INT32: Annotated[int, Field(ge=-(2**31), lt=2**31)],
    FieldDescriptor.TYPE_INT64: Annotated[int, Field(ge=-(2**63), lt=2**63)],
    FieldDescriptor.TYPE_UINT32: Annotated[int, Field(ge=0, lt=2**32)],
    FieldDescriptor.TYPE_UINT64: Annotated[int, Field(ge=0, lt=2**64)],
}


class Use(StrEnum):
    """What a model of a message is for."""

    INPUT = "Input"
    PATCH = "Patch"
    QUERY = "Query"
    OUTPUT = ""


class Model(BaseModel):
    """A message of the protos; unknown members are refused, and all errors come at once."""

    model_config = ConfigDict(extra="forbid")

    oneofs: ClassVar[tuple[tuple[str, ...], ...]] = ()

    @pydantic.model_validator(mode="after")
    def _one_of_each(self) -> Self:
        for members in self.oneofs:
            given = [name for name in members if getattr(self, name) is not None]
            if len(given) > 1:
                raise ValueError(f"give exactly one, not {', '.join(given)}")
        return self


_made: dict[str, type[Model]] = {}
_in_progress: list[str] = []


def of(descriptor: Descriptor, use: Use) -> type[Model]:
    """Return the model of a message, named as the message with the use behind."""
    name = f"{_unique_name(descriptor)}{use}"
    if name not in _made:
        _in_progress.append(name)
        _made[name] = build(name, descriptor, use)
        _in_progress.remove(name)
        if not _in_progress:
            _resolve()
    return _made[name]


def _resolve() -> None:
    """Fill in the messages that contain themselves, now that all are made."""
    for model in _made.values():
        if not model.__pydantic_complete__:
            model.model_rebuild(_types_namespace=dict(_made))


def build(name: str, descriptor: Descriptor, use: Use, without: Iterable[str] = ()) -> type[Model]:
    """Return a model called `name` of a message without some of its fields."""
    hidden = {*without, *(_BY_HEADER if use is not Use.OUTPUT else ())}
    is_change = use is Use.INPUT and "update_mask" in descriptor.fields_by_name
    fields = {
        field.name: _field(field, use, is_change=is_change)
        for field in descriptor.fields
        if field.name not in hidden and not (use is not Use.OUTPUT and comments.output_only(field))
    }
    made: type[Model] = pydantic.create_model(  # type: ignore[call-overload]
        name, __base__=Model, __doc__=comments.of(descriptor.full_name) or None, **fields
    )
    made.oneofs = tuple(
        tuple(field.name for field in oneof.fields if field.name in fields)
        for oneof in descriptor.oneofs
    )
    return made


def short_names(enum: EnumDescriptor | None) -> dict[str, int]:
    """Return the numbers by name without the prefix: LEAD of CONTACT_KIND_LEAD."""
    if enum is None:
        return {}
    prefix = enum.values_by_number[0].name.removesuffix("UNSPECIFIED")
    return {value.name.removeprefix(prefix): value.number for value in enum.values}


def without_default(schema: dict[str, Any]) -> None:
    """Take the default out of the schema of what is just left out."""
    schema.pop("default", None)


def is_map(field: FieldDescriptor) -> bool:
    """Whether the field is a map."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def _field(field: FieldDescriptor, use: Use, *, is_change: bool) -> tuple[Any, Any]:
    told = comments.of(field.full_name)
    # What a request with a mask changes needs nothing that it leaves as it is.
    changed = _ours(field) if is_change else None
    kind = of(changed, Use.PATCH) if changed else _kind(field, use)
    if use is Use.OUTPUT:
        return kind, Field(description=told)
    if comments.required(field) and use is not Use.PATCH:
        return kind, Field(description=told)
    if use is Use.QUERY:
        return kind, Field(default=None, description=told, json_schema_extra=without_default)
    return kind | None, Field(default=None, description=told)


def _ours(field: FieldDescriptor) -> Descriptor | None:
    """Return the message of our protos that a field is, None for any other field."""
    message = field.message_type
    if message is None or field.is_repeated or not message.full_name.startswith("crm."):
        return None
    return message


def _kind(field: FieldDescriptor, use: Use) -> Any:
    if is_map(field):
        return dict[str, str]
    if field.message_type is not None:
        one: Any = _message(field.message_type, use)
    elif field.enum_type is not None:
        one = _enum(field, use)
    else:
        one = _SCALARS[field.type]
    if field.is_repeated:
        return list[one]
    absent = field.message_type is not None or field.enum_type is not None
    return one | None if use is Use.OUTPUT and absent else one


def _message(descriptor: Descriptor, use: Use) -> Any:
    if descriptor.full_name == TIMESTAMP:
        return AwareDatetime
    if descriptor.full_name == STRUCT:
        return dict[str, Any]
    # What lies within a changed field is given whole, so a patch goes one level deep.
    within = Use.OUTPUT if use is Use.OUTPUT else Use.INPUT
    name = f"{_unique_name(descriptor)}{within}"
    return ForwardRef(name) if name in _in_progress else of(descriptor, within)


def _enum(field: FieldDescriptor, use: Use) -> Any:
    names = list(short_names(field.enum_type))
    if use is Use.OUTPUT or not field.is_repeated:
        names.remove("UNSPECIFIED")
    return Literal[tuple(names)]


_NAMES: dict[str, str] = {}


def _unique_name(descriptor: Descriptor) -> str:
    owner = _NAMES.setdefault(descriptor.name, descriptor.full_name)
    if owner == descriptor.full_name:
        return descriptor.name
    return descriptor.full_name.split(".")[1].title() + descriptor.name
