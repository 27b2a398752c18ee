"""A caller's reach as a condition on follow-ups, series and contacts."""

from sqlalchemy import ColumnElement, Table, false, or_, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.context import Level
from services.interactions.domain.scope import Scope
from services.interactions.storage.tables import contacts, follow_ups


def within(scope: Scope, of: Table = follow_ups) -> ColumnElement[bool]:
    """Returns the condition that a follow-up, or a row of another such table, is within reach."""
    if scope.level is Level.ALL:
        return true()
    if scope.level is Level.NONE:
        return false()
    reached: list[ColumnElement[bool]] = [of.c.creator_id == scope.subject]
    if scope.user_id is not None:
        reached.append(of.c.assignee_ids.contains(array([scope.user_id], type_=Uuid)))
    if scope.level is Level.TEAM and scope.team_id is not None:
        reached.append(of.c.team_id == scope.team_id)
    return or_(*reached)


def covering(scope: Scope) -> ColumnElement[bool]:
    """Returns the condition that a contact is within reach."""
    if scope.level is Level.ALL:
        return true()
    reached: list[ColumnElement[bool]] = [false()]
    if scope.level is not Level.NONE and scope.user_id is not None:
        reached.append(contacts.c.owner_ids.contains(array([scope.user_id], type_=Uuid)))
    if scope.level is Level.TEAM and scope.team_id is not None:
        reached.append(contacts.c.team_id == scope.team_id)
    return or_(*reached)
