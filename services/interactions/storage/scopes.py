"""A caller's reach as a condition on follow-ups, series and contacts.

A condition that is `named` has names for its parameters, for statements that are made once for all
callers of one `shape`; `given` has their values.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, FromClause, Text, bindparam, false, or_, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.context import Level
from services.interactions.domain.scope import Scope
from services.interactions.storage.tables import contacts, follow_ups

_SOMEBODY = UUID(int=0)


def within(scope: Scope, of: FromClause = follow_ups, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a follow-up, or a row of another such table, is within reach."""
    if scope.level is Level.ALL:
        return true()
    if scope.level is Level.NONE:
        return false()
    subject = _value(named, "subject", scope.subject, Text)
    reached: list[ColumnElement[bool]] = [of.c.creator_id == subject]
    if scope.user_id is not None:
        reached.append(of.c.assignee_ids.contains(_user(scope, named)))
    if scope.level is Level.TEAM and scope.team_id is not None:
        reached.append(of.c.team_id == _value(named, "team", scope.team_id, Uuid))
    return or_(*reached)


def anything(scope: Scope) -> ColumnElement[bool]:
    """Returns the condition that the reach is not nowhere."""
    return false() if scope.level is Level.NONE else true()


def covering(scope: Scope, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a contact is within reach."""
    if scope.level is Level.ALL:
        return true()
    reached: list[ColumnElement[bool]] = [false()]
    if scope.level is not Level.NONE and scope.user_id is not None:
        reached.append(contacts.c.owner_ids.contains(_user(scope, named)))
    if scope.level is Level.TEAM and scope.team_id is not None:
        reached.append(contacts.c.team_id == _value(named, "team", scope.team_id, Uuid))
    return or_(*reached)


def shape(scope: Scope) -> Scope:
    """Returns the reach of nobody in particular, with the same conditions."""
    return Scope(
        level=scope.level,
        subject="",
        user_id=scope.user_id and _SOMEBODY,
        team_id=scope.team_id and _SOMEBODY,
    )


def given(scope: Scope, named: str) -> Mapping[str, object]:
    """Returns the values of conditions that are `named`."""
    return {
        f"{named}_subject": scope.subject,
        f"{named}_user": scope.user_id,
        f"{named}_team": scope.team_id,
    }


def _user(scope: Scope, named: str) -> Any:
    return array([_value(named, "user", scope.user_id, Uuid)], type_=Uuid)


def _value(named: str, name: str, value: object, type_: Any) -> BindParameter[Any]:
    if not named:
        return bindparam(None, value, type_, unique=True)
    return bindparam(f"{named}_{name}", value, type_)
