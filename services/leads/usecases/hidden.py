"""What is hidden from the caller is neither changed nor asked about, nor brought by a file."""

from collections.abc import Collection, Iterator
from dataclasses import replace

from chassis import context
from chassis.context import Level
from chassis.rpc import rights
from services.leads.domain.files.shape import Shape
from services.leads.domain.importing import Import
from services.leads.domain.listing import Filter
from services.leads.domain.segment import Condition, Dates, Field, Group, Segment

_OF_CONDITIONS = {
    "phone": "phones",
    "email": "emails",
    "birthday": "birthday",
    "province": "address",
    "ward": "address",
}
_OF_COLUMNS = {
    **_OF_CONDITIONS,
    "street": "address",
    "postal_code": "address",
    "description": "description",
}


def refuse_change(paths: Collection[str]) -> None:
    """Raise `PermissionDenied` FIELD_HIDDEN when one of a contact's fields is hidden."""
    for path in sorted(paths):
        _refuse(path.split(".")[0])


def refuse_question(definition: Group) -> None:
    """Raise `PermissionDenied` FIELD_HIDDEN when a condition asks about a hidden field."""
    for name in _asked(definition):
        _refuse(_OF_CONDITIONS.get(name, name))


def told(segment: Segment) -> Segment:
    """Return a segment without the values that its conditions compare hidden fields with.

    Numbers and addresses that somebody typed are those of people, too.
    """
    return replace(segment, definition=_told(segment.definition))


def searched(wanted: Filter) -> Filter:
    """Return a filter whose words find by names alone when phones or e-mails are hidden."""
    return replace(wanted, names_only=_is_hidden("phones") or _is_hidden("emails"))


def refuse_columns(shape: Shape) -> None:
    """Raise `PermissionDenied` FIELD_HIDDEN when a file has a column of a hidden field.

    Rows meet people by phones and e-mail addresses and change them; a vCard has every field.
    """
    held = _OF_COLUMNS if shape.kind == "vcard" else shape.fields
    for field in sorted({_OF_COLUMNS[it] for it in held if it in _OF_COLUMNS}):
        _refuse(field)


def sampled(it: Import) -> Import:
    """Return an import without its first rows for who may not read everybody, unless it is theirs.

    Its rows are of everybody, as its ledger is.
    """
    caller = context.require_principal()
    if it.creator == caller.subject or caller.level("contacts", "read") is Level.ALL:
        return it
    return replace(it, shape=replace(it.shape, samples=()))


def _asked(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Group):
        for each in condition.conditions:
            yield from _asked(each)
    elif isinstance(condition, Field | Dates):
        yield condition.name


def _told(group: Group) -> Group:
    return replace(group, conditions=tuple(_without_values(it) for it in group.conditions))


def _without_values(condition: Condition) -> Condition:
    if isinstance(condition, Group):
        return _told(condition)
    if isinstance(condition, Field):
        field = _OF_CONDITIONS.get(condition.name, condition.name)
        return replace(condition, values=()) if _is_hidden(field) else condition
    return condition


def _refuse(field: str) -> None:
    rights.must_be_shown(f"contacts.{field}")


def _is_hidden(field: str) -> bool:
    return f"contacts.{field}" in context.require_principal().hidden
