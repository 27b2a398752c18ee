"""What templates print of a contact, and which of it a role hides."""

from collections.abc import Collection, Mapping

from crm.leads.v1 import contact_pb2

from services import rights
from services.addresses import is_address

_PRINTED_FROM = {"email": "emails", "phone": "phones", "province": "address", "ward": "address"}
"""Of variables that have not the name of a contact's field, the field."""

_CALLED = "display_name"
_FIELDS = contact_pb2.Contact.DESCRIPTOR.fields_by_name


def shown(values: Mapping[str, str], hidden: Collection[str]) -> dict[str, str]:
    """Returns values by variable without those of fields that are hidden.

    `hidden` has names such as `contacts.phones`. Who has no name is called by an address, which is
    left out with addresses. Raises `KeyError` for a variable that no contact has a field for.
    """
    found = {name: value for name, value in values.items() if names(name).isdisjoint(hidden)}
    kept_with = frozenset(rights.address_guards(_FIELDS[_CALLED]))
    if is_address(found.get(_CALLED, "")) and not kept_with.isdisjoint(hidden):
        del found[_CALLED]
    return found


def names(variable: str) -> frozenset[str]:
    """Returns the names under which a role can hide what a variable prints; raises as `shown`."""
    field = _PRINTED_FROM.get(variable, variable)
    return frozenset(rights.guards(_FIELDS[field]))
