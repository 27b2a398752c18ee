"""Scopes of RFC 6749: the part of its rights that a program asks a token for."""

from collections.abc import Iterator

from chassis.context import Level
from chassis.errors import FieldViolation, InvalidArgument
from services.accounts.domain import rights
from services.accounts.domain.rights import ACTIONS, RESOURCES, Rights

_LONGEST = 8_000


def narrowed(granted: Rights, scope: str) -> Rights:
    """Returns the rights that `scope` names, all without wildcards when it names none.

    `contacts.read` is read as far as `granted` reach, `contacts.read:own` no further than that.
    Raises `InvalidArgument` SCOPE_INVALID for what is no right, or more than `granted`.
    """
    if not scope.strip():
        return rights.expanded(granted)
    found: dict[str, dict[str, str]] = {}
    for word in scope[:_LONGEST].split():
        resource, action, asked = _read(word)
        has = rights.level(granted, resource, action)
        if has is Level.NONE or (asked is not None and asked > has):
            raise invalid(f"{word} is more than the client has")
        found.setdefault(resource, {})[action] = (asked or has).value
    return found


def text(granted: Rights) -> str:
    """Returns rights without wildcards as a scope, each with its level, in a fixed order."""
    return " ".join(_words(granted))


def invalid(why: str) -> InvalidArgument:
    """Returns the error for a scope that cannot be given."""
    return InvalidArgument(
        "SCOPE_INVALID",
        "a token with these rights cannot be given",
        violations=[FieldViolation("scope", why)],
    )


def _words(granted: Rights) -> Iterator[str]:
    for resource, actions in sorted(granted.items()):
        for action, reach in sorted(actions.items()):
            yield f"{resource}.{action}:{reach}"


def _read(word: str) -> tuple[str, str, Level | None]:
    right, _, level = word.partition(":")
    resource, _, action = right.partition(".")
    known = resource in RESOURCES and action in ACTIONS and word.isprintable()
    reaches = {it.value: it for it in Level if it is not Level.NONE}
    if not known or (level and level not in reaches) or word.endswith(":"):
        raise invalid(f"{word[:64]!r} is no right")
    asked = reaches.get(level)
    if asked is not None and not rights.fits(resource, asked):
        raise invalid(f"{word}: {resource} are everybody's, so its level is all")
    return resource, action, asked
