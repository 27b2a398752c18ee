"""A caller's reach as a condition on contacts."""

from sqlalchemy import ColumnElement, false, or_, true

from chassis.context import Level
from services.leads.domain.scope import Scope
from services.leads.storage import arrays
from services.leads.storage.tables import contacts


def within(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a contact is within reach."""
    if scope.is_all:
        return true()
    reached: list[ColumnElement[bool]] = []
    if scope.level >= Level.OWN and scope.user_id is not None:
        reached.append(arrays.has_any_id(contacts.c.owner_ids, [scope.user_id]))
    if scope.level is Level.TEAM and scope.team_id:
        reached.append(contacts.c.team_id == scope.team_id)
    return or_(false(), *reached)
