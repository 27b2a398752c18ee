"""The rights that somebody's token carries when a service asks to act for them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from chassis import errors
from chassis.context import Level
from chassis.rpc.claims import unpacked
from services.accounts.domain.rights import Rights


@dataclass(frozen=True)
class Carried:
    """What a token let its holder do, and the fields it left out; less than its holder may."""

    rights: Rights
    hidden: Sequence[str]


def read(text: str) -> Carried:
    """Returns what `chassis.rpc.tokens` wrote; raises `InvalidArgument` naming `carried`."""
    try:
        said = json.loads(text)
        rights, hidden = unpacked(said["rights"]), said["hidden"]
        for may in rights.values():
            for level in may.values():
                Level(level)
        if not isinstance(hidden, list) or not all(isinstance(it, str) for it in hidden):
            raise TypeError("hidden")
    except (ValueError, TypeError, KeyError, errors.Unauthenticated):
        wrong = errors.FieldViolation("carried", 'must be {"rights": {...}, "hidden": [...]}')
        raise errors.InvalidArgument(
            "FIELDS_INVALID", "the carried rights cannot be read", violations=[wrong]
        ) from None
    return Carried(rights, hidden)
