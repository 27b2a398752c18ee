"""Whose follow-ups, series, contacts and proposals are, as conditions of a caller's reach."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.db import scopes
from chassis.db.scopes import Whose
from chassis.scope import Scope
from services.interactions.storage import proposal_tables, tables


def _has(ids: ColumnElement[Any]) -> Callable[[Any], ColumnElement[bool]]:
    return lambda user: ids.contains(array([user], type_=Uuid))


_CONTACTS = Whose(_has(tables.contacts.c.owner_ids), tables.contacts.c.team_id)
_PROPOSALS = Whose(
    lambda user: proposal_tables.proposals.c.owner_id == user,
    proposal_tables.proposals.c.team_id,
    proposal_tables.proposals.c.creator_id,
)


def contacts(scope: Scope, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a contact is within reach."""
    return scopes.within(scope, _CONTACTS, named)


def follow_ups(scope: Scope, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a follow-up is within reach."""
    return rows(scope, tables.follow_ups, named)


def rows(scope: Scope, of: FromClause, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a row of `follow_ups`, or of another such table, is in reach."""
    whose = Whose(_has(of.c.assignee_ids), of.c.team_id, of.c.creator_id)
    return scopes.within(scope, whose, named)


def proposals(scope: Scope) -> ColumnElement[bool]:
    """Returns the condition that a proposal is within reach."""
    return scopes.within(scope, _PROPOSALS)
