"""Whose contacts are, as conditions of a caller's reach."""

from sqlalchemy import ColumnElement
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.db import scopes
from chassis.db.scopes import Whose
from chassis.scope import Scope
from services.leads.storage import arrays, tables

_OWNERS = tables.contacts.c.owner_ids
_CONTACTS = Whose(
    lambda user: (
        arrays.not_empty(_OWNERS) & _OWNERS.op("&&", is_comparison=True)(array([user], type_=Uuid))
    ),
    tables.contacts.c.team_id,
)


def contacts(scope: Scope) -> ColumnElement[bool]:
    """Returns the condition that a contact is within reach."""
    return scopes.within(scope, _CONTACTS)
