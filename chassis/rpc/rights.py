"""What the contract asks of a method's caller, and how far a caller's rights reach."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from google.protobuf.descriptor import FieldDescriptor

from chassis import context, errors
from chassis.context import Level, Principal


class Caller(StrEnum):
    """Who may call a method."""

    ENTITLED = "entitled"
    """Whoever has the rights that it needs."""

    ANYBODY = "anybody"
    """Also who has no token."""

    SIGNED_IN = "signed in"
    """Whoever has a token, for what is their own."""

    HOUSE = "house"
    """A service that acts for itself."""

    CONTACT = "contact"
    """A customer who signed in, for what is their own; nobody else, and a customer nothing else."""

    HOUSE_FOR_ANYBODY = "house for anybody"
    """A service that acts for itself, or for somebody who has the rights that it needs."""


@dataclass(frozen=True)
class Need:
    """A right, and the level below which it is not enough."""

    resource: str
    action: str
    level: Level = Level.OWN

    def __str__(self) -> str:
        least = "" if self.level is Level.OWN else f":{self.level}"
        return f"{self.resource}.{self.action}{least}"


@dataclass(frozen=True)
class Rule:
    """Who may call a method; `may_need` are rights that only some calls need."""

    caller: Caller = Caller.ENTITLED
    needs: tuple[Need, ...] = ()
    may_need: tuple[Need, ...] = ()

    def check(self, principal: Principal) -> None:
        """Raises `PermissionDenied` unless `principal` may call."""
        if (principal.kind == "contact") is not (self.caller is Caller.CONTACT):
            whom = "customers" if self.caller is Caller.CONTACT else "staff and programs"
            raise errors.PermissionDenied("RIGHT_MISSING", f"only {whom} may call this method")
        acts_for_itself = principal.kind == "service" and not principal.actor
        if not acts_for_itself and (
            self.caller is Caller.HOUSE
            or (self.caller is Caller.HOUSE_FOR_ANYBODY and not principal.actor)
        ):
            raise errors.PermissionDenied(
                "RIGHT_MISSING", "only services of the house may call this method"
            )
        for need in self.needs:
            if principal.level(need.resource, need.action) < need.level:
                raise denied(need.resource, need.action, need.level)


class Contract(Protocol):
    """What contracts say of their methods and fields."""

    def rule(self, method: str, /) -> Rule:
        """Returns the rule of a method such as `/crm.leads.v1.ContactService/GetContact`.

        Raises `LookupError` for one of which its contract says nothing.
        """
        ...

    def guards(self, field: FieldDescriptor, /) -> Collection[str]:
        """Returns the names under which a role can hide a field, none for most."""
        ...

    def address_guards(self, field: FieldDescriptor, /) -> Collection[str]:
        """Returns the names under which a role can hide a text where `is_address` says so."""
        ...

    def is_address(self, text: str, /) -> bool:
        """Returns True for what reaches somebody."""
        ...


def need(text: str) -> Need:
    """Returns what `contacts.read` or `contacts.write:all` means; raises `ValueError`."""
    right, _, level = text.partition(":")
    resource, dot, action = right.partition(".")
    if not (resource and dot and action) or level == Level.NONE:
        raise ValueError(f"not a right: {text!r}")
    return Need(resource, action, Level(level) if level else Level.OWN)


def require(resource: str, action: str) -> Level:
    """Returns how far the caller's right to `action` on `resource` reaches, never NONE.

    Raises `Unauthenticated` when nobody is known, `PermissionDenied` when there is no right.
    """
    level = context.require_principal().level(resource, action)
    if level is Level.NONE:
        raise denied(resource, action)
    return level


def must_be_shown(field: str) -> None:
    """Raises `PermissionDenied` FIELD_HIDDEN when the caller's role hides `field`."""
    if field in context.require_principal().hidden:
        raise errors.PermissionDenied(
            "FIELD_HIDDEN", f"{field} is hidden from the caller", field=field
        )


def denied(resource: str, action: str, least: Level = Level.OWN) -> errors.PermissionDenied:
    """Returns the error that says which right is missing, or does not reach `least`."""
    what = resource if least is Level.OWN else f"{resource} of {_WHOSE[least]}"
    return errors.PermissionDenied(
        "RIGHT_MISSING", f"no right to {action} {what}", resource=resource, action=action
    )


_WHOSE = {Level.TEAM: "the team", Level.ALL: "everybody"}
