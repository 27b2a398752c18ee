"""A caller's reach as a condition on rows.

A condition that is `named` has names for its parameters, for statements that are made once for all
callers of one `shape`; `given` has their values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Text, bindparam, false, or_, true
from sqlalchemy.types import Uuid

from chassis.context import Level
from chassis.scope import Scope

_SOMEBODY = UUID(int=0)


@dataclass(frozen=True)
class Whose:
    """How a table says whose its rows are.

    `owned` makes the condition that the user of a bound id owns a row.
    """

    owned: Callable[[BindParameter[UUID]], ColumnElement[bool]] | None = None
    team: ColumnElement[Any] | None = None
    creator: ColumnElement[str] | None = None


def within(scope: Scope, whose: Whose, named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a row is within reach."""
    if scope.level is Level.ALL:
        return true()
    if scope.level is Level.NONE:
        return false()
    reached: list[ColumnElement[bool]] = [false()]
    if whose.creator is not None:
        reached.append(whose.creator == _value(named, "subject", scope.subject, Text))
    if whose.owned is not None and scope.user_id is not None:
        reached.append(whose.owned(user(scope, named)))
    if whose.team is not None and scope.level is Level.TEAM and scope.team_id is not None:
        reached.append(of_team(scope, whose.team, named))
    return or_(*reached)


def user(scope: Scope, named: str = "") -> BindParameter[UUID]:
    """Returns the id of who has a reach, bound."""
    return _value(named, "user", scope.user_id, Uuid)


def of_team(scope: Scope, team: ColumnElement[Any], named: str = "") -> ColumnElement[bool]:
    """Returns the condition that a column, of ids or of their text, has the team of a reach."""
    if isinstance(team.type, Text):
        return team == _value(named, "team_text", str(scope.team_id), Text)
    return team == _value(named, "team", scope.team_id, Uuid)


def anything(scope: Scope) -> ColumnElement[bool]:
    """Returns the condition that the reach is not nowhere."""
    return false() if scope.level is Level.NONE else true()


def shape(scope: Scope) -> Scope:
    """Returns the reach of nobody in particular, with the same conditions."""
    return replace(
        scope,
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
        f"{named}_team_text": str(scope.team_id),
    }


def _value(named: str, name: str, value: object, type_: Any) -> BindParameter[Any]:
    if not named:
        return bindparam(None, value, type_, unique=True)
    return bindparam(f"{named}_{name}", value, type_)
