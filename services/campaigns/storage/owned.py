"""Whose campaigns are, as a condition of a caller's reach."""

from sqlalchemy import ColumnElement

from chassis.db import scopes
from chassis.db.scopes import Whose
from chassis.scope import Scope
from services.campaigns.storage import tables

_CAMPAIGNS = Whose(team=tables.campaigns.c.team_id, creator=tables.campaigns.c.creator_id)


def campaigns(scope: Scope) -> ColumnElement[bool]:
    """Return the condition that a campaign is within reach."""
    return scopes.within(scope, _CAMPAIGNS)
