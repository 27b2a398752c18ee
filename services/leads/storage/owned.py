"""Whose contacts are, as conditions of a caller's reach."""

from collections.abc import Sequence

from sqlalchemy import Boolean, ColumnElement, Integer, Text, literal_column, not_
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.context import Level
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


def apart(scope: Scope) -> Sequence[ColumnElement[bool]]:
    """Returns conditions of which one at most holds of a contact, and one of each within reach.

    Each is read in the order of lists from an index of its own, so that a page of who sees little
    costs no more than one of who sees everybody.
    """
    if scope.level not in (Level.OWN, Level.TEAM):
        return [contacts(scope)]
    parts: list[ColumnElement[bool]] = []
    own = scopes.within(Scope(Level.OWN, scope.subject, scope.user_id), _CONTACTS)
    # Spelt as in the indexes, which the planner compares with conditions word by word.
    first, team = _OWNERS[literal_column("1", Integer)], tables.contacts.c.team_id
    shared = literal_column("cardinality(contacts.owner_ids) > 1", Boolean)
    if scope.user_id is not None:
        parts.append(arrays.not_empty(_OWNERS) & (first == scope.user_id))
        parts.append(shared & own & (first != scope.user_id))
    if scope.level is Level.TEAM and scope.team_id is not None:
        theirs = (team == str(scope.team_id)) & (team != literal_column("''", Text))
        parts.append(theirs & not_(own))
    return parts or [contacts(scope)]
