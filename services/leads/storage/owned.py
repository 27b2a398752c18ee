"""Whose contacts are, as conditions of a caller's reach."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import (
    BindParameter,
    Boolean,
    ColumnElement,
    Integer,
    func,
    literal_column,
    not_,
    select,
)
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.context import Level
from chassis.db import scopes
from chassis.db.scopes import Whose
from chassis.scope import Scope
from services.leads.storage import arrays, tables

_OWNERS = tables.contacts.c.owner_ids
_SHARED = tables.contacts.alias("shared")
_CONTACTS = Whose(
    lambda user: (
        arrays.not_empty(_OWNERS) & _OWNERS.op("&&", is_comparison=True)(array([user], type_=Uuid))
    ),
    tables.contacts.c.team_id,
)


def contacts(scope: Scope, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a contact is within reach."""
    return scopes.within(scope, _CONTACTS, named)


def apart(scope: Scope, named: str) -> Sequence[ColumnElement[bool]]:
    """Returns conditions of which one at most holds of a contact, and one of each within reach.

    Each is read in the order of lists from an index of its own, so that a page of who sees little
    costs no more than one of who sees everybody.
    """
    if scope.level not in (Level.OWN, Level.TEAM):
        return [contacts(scope, named)]
    parts: list[ColumnElement[bool]] = []
    own = contacts(Scope(Level.OWN, scope.subject, scope.user_id), named)
    if scope.user_id is not None:
        first, second = (_OWNERS[literal_column(str(place), Integer)] for place in (1, 2))
        mine = scopes.user(scope, named)
        parts.append(_literally("owner_ids <> '{}'") & (first == mine))
        parts.append(_literally("cardinality(contacts.owner_ids) > 1") & (second == mine))
        parts[-1] &= first != mine
        parts.append(_among_more(mine) & (first != mine) & (second != mine))
    if scope.level is Level.TEAM and scope.team_id is not None:
        theirs = scopes.of_team(scope, tables.contacts.c.team_id, named)
        parts.append(_literally("team_id <> ''") & theirs & not_(own))
    return parts or [contacts(scope, named)]


def _among_more(user: BindParameter[UUID]) -> ColumnElement[bool]:
    """The condition that the user is one of three owners or more.

    Looked up before anything else: the planner would rather read all contacts in their order.
    """
    c = _SHARED.c
    found = select(c.id).where(
        literal_column("cardinality(shared.owner_ids) > 2", Boolean),
        c.owner_ids.op("&&", is_comparison=True)(array([user], type_=Uuid)),
    )
    return tables.contacts.c.id == func.any(func.array(found.scalar_subquery()))


def _literally(condition: str) -> ColumnElement[bool]:
    """The condition of an index, which the planner compares word by word."""
    return literal_column(condition, Boolean)
