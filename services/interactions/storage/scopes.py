"""A caller's reach as a condition on follow-ups and contacts."""

from sqlalchemy import ColumnElement, false, or_, true
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.types import Uuid

from chassis.context import Level
from services.interactions.domain.scope import Scope
from services.interactions.storage.tables import contacts, follow_ups


def within(scope: Scope) -> ColumnElement[bool]:
    """Returns the condition that a follow-up is within reach."""
    if scope.level is Level.ALL:
        return true()
    if scope.level is Level.NONE:
        return false()
    reached: list[ColumnElement[bool]] = [follow_ups.c.creator_id == scope.subject]
    if scope.user_id is not None:
        reached.append(follow_ups.c.assignee_ids.contains(array([scope.user_id], type_=Uuid)))
    if scope.level is Level.TEAM and scope.team_id is not None:
        reached.append(follow_ups.c.team_id == scope.team_id)
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
