"""Values of audit entries that a role hides: who may not read a field reads no change of it."""

from collections.abc import Collection
from dataclasses import replace

from services.accounts.domain.chain import Happening, Values
from services.addresses import is_address

OF_CONTACTS = frozenset({"contact", "proposal", "suppression", "agreement"})
"""Kinds of subjects whose entries tell what contacts have: themselves, their logins, proposals,
what they are not sent and what was agreed with them."""

# An address is a number or an e-mail address by channel; it goes by either name, as in answers, and
# so does evidence, which may quote it.
NAMES = {
    "contacts.phones": frozenset({"phones", "address", "evidence"}),
    "contacts.emails": frozenset({"emails", "address", "evidence"}),
    "contacts.birthday": frozenset({"birth_year", "birth_month", "birth_day"}),
    "contacts.address": frozenset({"street", "ward", "province", "postal_code", "country_code"}),
    "contacts.description": frozenset({"description"}),
}
"""Of each field that a role can hide, the names of its values in entries."""

_CALLED = "display_name"


def shown(told: Happening, hidden: Collection[str]) -> Happening:
    """Returns what a reader from whom these fields are hidden gets to see of an entry."""
    if not hidden or told.subject_type not in OF_CONTACTS:
        return told
    names = frozenset[str]().union(*(NAMES.get(it, ()) for it in hidden))
    return replace(told, before=_without(told.before, names), after=_without(told.after, names))


def _without(values: Values | None, names: frozenset[str]) -> Values | None:
    """Return the other values; somebody without a name is called by an address, which goes, too."""
    if values is None:
        return None
    kept = {name: value for name, value in values.items() if name not in names}
    if "address" in names and is_address(str(kept.get(_CALLED, ""))):
        del kept[_CALLED]
    return kept
