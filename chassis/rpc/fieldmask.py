"""Reads update masks."""

from collections.abc import Collection
from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from chassis import errors


def paths(mask: FieldMask, message: Message | type[Message], allowed: Collection[str]) -> list[str]:
    """Return the fields of `message` to change, sorted: those named by `mask`.

    An empty mask means every field of `allowed` that is populated in `message` (all of `allowed`
    if only its type is given), `*` means all of `allowed`. A path below an allowed field
    (`address.city`) is allowed too.
    Raises `InvalidArgument` naming every path that is unknown or not allowed.
    """
    if not mask.paths:
        if isinstance(message, type):
            return sorted(allowed)
        return sorted({field.name for field, _ in message.ListFields()} & set(allowed))
    if list(mask.paths) == ["*"]:
        return sorted(allowed)
    wrong = [path for path in mask.paths if not _is_allowed(path, message, allowed)]
    if wrong:
        raise errors.InvalidArgument(
            "UPDATE_MASK_INVALID",
            "the update mask names fields that cannot be changed",
            violations=[
                errors.FieldViolation("update_mask", f"{path!r} cannot be changed")
                for path in wrong
            ],
        )
    return sorted(set(mask.paths))


def _is_allowed(path: str, message: Message | type[Message], allowed: Collection[str]) -> bool:
    parts = path.split(".")
    prefixes = {".".join(parts[: end + 1]) for end in range(len(parts))}
    if not prefixes & set(allowed):
        return False
    single: Any = FieldMask(paths=[path])
    return bool(single.IsValidForDescriptor(message.DESCRIPTOR))
