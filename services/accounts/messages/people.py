"""Users, teams, roles and rights as the contract writes them, and back."""

from collections.abc import Mapping, Sequence

from crm.accounts.v1 import events_pb2, user_pb2

from chassis.context import Level
from chassis.rpc import times
from services.accounts.domain.people import Role, Team, User
from services.accounts.domain.rights import Rights, expanded

Triple = tuple[str, str, Level | None]

_LEVELS: Mapping[Level, "user_pb2.Level.ValueType"] = {
    Level.NONE: user_pb2.LEVEL_NONE,
    Level.OWN: user_pb2.LEVEL_OWN,
    Level.TEAM: user_pb2.LEVEL_TEAM,
    Level.ALL: user_pb2.LEVEL_ALL,
}
_REACHES = {number: reach for reach, number in _LEVELS.items()}


def user(kept: User) -> user_pb2.User:
    """Returns a user as others may see it."""
    return user_pb2.User(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        email=kept.email,
        display_name=kept.display_name,
        role_id=str(kept.role_id),
        team_id=str(kept.team_id or ""),
        locale=kept.locale,
        time_zone=kept.time_zone,
        active=kept.active,
        create_time=times.out(kept.create_time),
        last_sign_in_time=times.out(kept.last_sign_in_time),
        invited=kept.invited,
    )


def team(kept: Team) -> user_pb2.Team:
    """Returns a team."""
    return user_pb2.Team(
        id=str(kept.id), revision=kept.revision, etag=str(kept.revision), name=kept.name
    )


def role(kept: Role) -> user_pb2.Role:
    """Returns a role with its rights as they were given."""
    return user_pb2.Role(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        name=kept.name,
        rights=rights(kept.rights),
        builtin=kept.builtin,
        hidden_fields=kept.hidden_fields,
    )


def rights(granted: Rights) -> list[user_pb2.Right]:
    """Returns rights as a list, ordered by resource and action."""
    return [
        user_pb2.Right(resource=resource, action=action, level=_LEVELS[Level(reach)])
        for resource, actions in sorted(granted.items())
        for action, reach in sorted(actions.items())
    ]


def plain_rights(kept: Role) -> list[user_pb2.Right]:
    """Returns what a role comes to, without wildcards."""
    return rights(expanded(kept.rights))


def triples(given: Sequence[user_pb2.Right]) -> list[Triple]:
    """Returns rights as (resource, action, level), the level None when it was not said."""
    return [(right.resource, right.action, _REACHES.get(right.level)) for right in given]


def user_fields(given: user_pb2.User, paths: Sequence[str]) -> dict[str, str]:
    """Returns the texts of the named fields."""
    return {path: getattr(given, path) for path in paths}


def user_changed(kept: User) -> events_pb2.UserChanged:
    """Returns the event that a user was added or changed."""
    return events_pb2.UserChanged(user=user(kept))


def team_changed(kept: Team) -> events_pb2.TeamChanged:
    """Returns the event that a team was added or changed."""
    return events_pb2.TeamChanged(team=team(kept))


def role_changed(kept: Role) -> events_pb2.RoleChanged:
    """Returns the event that a role was added or changed."""
    return events_pb2.RoleChanged(role=role(kept))
