"""Rights: a level per action and resource, wildcards, and the roles that come with the system."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from chassis.context import Level

RESOURCES = (
    "contacts",
    "follow_ups",
    "notes",
    "proposals",
    "requests",
    "segments",
    "imports",
    "templates",
    "campaigns",
    "messages",
    "doubts",
    "support",
    "suppressions",
    "senders",
    # What mail servers hand over: bounces and complaints. For programs only.
    "inbound_mails",
    "sources",
    # Who of the customers may sign in to the portal.
    "logins",
    "users",
    "api_clients",
    "audit",
)
OWNED = frozenset({"contacts", "follow_ups", "notes", "proposals", "requests", "campaigns"})
"""What people own, or their teams do. The rest is everybody's: a right to it is ALL or NONE."""

ACTIONS = ("read", "write", "delete", "export", "start", "erase")
ANY = "*"
IRREVERSIBLE = frozenset({"erase"})
"""What nobody undoes: no wildcard gives it but that of who may do everything to everything."""

HIDEABLE = (
    "contacts.phones",
    "contacts.emails",
    "contacts.birthday",
    "contacts.address",
    "contacts.description",
)
"""What a role can hide of what it lets people read; contracts say which fields these are."""

Rights = Mapping[str, Mapping[str, str]]


def level(rights: Rights, resource: str, action: str) -> Level:
    """Returns the level of the most precise right; what is not named is NONE.

    A wildcard that gives OWN or TEAM gives nothing of what nobody owns. One for actions gives
    nothing that is irreversible, unless it gives everything.
    """
    for place, doing in ((resource, action), (resource, ANY), (ANY, action), (ANY, ANY)):
        found = rights.get(place, {}).get(doing)
        if found is not None:
            counts = doing != ANY or action not in IRREVERSIBLE or _everything(place, found)
            return Level(found) if counts and fits(resource, Level(found)) else Level.NONE
    return Level.NONE


def fits(resource: str, reach: Level) -> bool:
    """Whether a right to a kind of resource can have this level."""
    return resource in (*OWNED, ANY) or reach in (Level.NONE, Level.ALL)


def expanded(rights: Rights) -> dict[str, dict[str, str]]:
    """Returns the rights without wildcards and without NONE, as tokens carry them."""
    plain: dict[str, dict[str, str]] = {}
    for resource, action in _all():
        reach = level(rights, resource, action)
        if reach is not Level.NONE:
            plain.setdefault(resource, {})[action] = reach.value
    return plain


def seen_through(own: Rights, other: Rights) -> dict[str, dict[str, str]]:
    """Returns what may be read with both, without wildcards; nothing else may be done."""
    found: dict[str, dict[str, str]] = {}
    for resource in RESOURCES:
        reach = min(level(own, resource, "read"), level(other, resource, "read"))
        if reach is not Level.NONE:
            found[resource] = {"read": reach.value}
    return found


def common(own: Rights, other: Rights) -> dict[str, dict[str, str]]:
    """Returns what may be done with both, without wildcards."""
    found: dict[str, dict[str, str]] = {}
    for resource, action in _all():
        reach = min(level(own, resource, action), level(other, resource, action))
        if reach is not Level.NONE:
            found.setdefault(resource, {})[action] = reach.value
    return found


def beyond(rights: Rights, own: Callable[[str, str], Level]) -> tuple[str, str] | None:
    """Returns the first (resource, action) in which `rights` reach further than `own`."""
    for resource, action in _all():
        if level(rights, resource, action) > own(resource, action):
            return resource, action
    return None


def _everything(place: str, reach: str) -> bool:
    return place == ANY and Level(reach) is Level.ALL


def _all() -> Iterator[tuple[str, str]]:
    return ((resource, action) for resource in RESOURCES for action in ACTIONS)


def _every(reach: Level) -> dict[str, str]:
    return {ANY: reach.value}


def _some(reach: Level, *actions: str) -> dict[str, str]:
    return {action: reach.value for action in actions}


ADMIN = "admin"

BUILTIN: Mapping[str, Rights] = MappingProxyType(
    {
        ADMIN: {ANY: _every(Level.ALL)},
        "manager": {
            **{resource: _every(Level.TEAM) for resource in OWNED},
            "segments": _every(Level.ALL),
            "imports": _every(Level.ALL),
            "templates": _every(Level.ALL),
            "messages": _every(Level.ALL),
            "doubts": _every(Level.ALL),
            "support": _every(Level.ALL),
            "suppressions": _every(Level.ALL),
            "sources": _every(Level.ALL),
            "logins": _every(Level.ALL),
            "senders": _some(Level.ALL, "read"),
            "users": _some(Level.ALL, "read"),
        },
        "sales": {
            "contacts": _some(Level.OWN, "read", "write"),
            "follow_ups": _some(Level.OWN, "read", "write", "delete"),
            "notes": _some(Level.OWN, "read", "write", "delete"),
            "proposals": _some(Level.OWN, "read", "write", "delete"),
            "requests": _some(Level.OWN, "read", "write"),
            "segments": _some(Level.ALL, "read"),
            "sources": _some(Level.ALL, "read"),
            "logins": _some(Level.ALL, "read", "write"),
            "users": _some(Level.ALL, "read"),
        },
        "marketing": {
            "contacts": _some(Level.ALL, "read"),
            "segments": _some(Level.ALL, "read", "write", "delete"),
            "templates": _some(Level.ALL, "read", "write", "delete"),
            "campaigns": _some(Level.ALL, "read", "write", "delete", "export", "start"),
            "messages": _some(Level.ALL, "read", "write"),
            "suppressions": _some(Level.ALL, "read", "write"),
            "senders": _some(Level.ALL, "read"),
            "sources": _some(Level.ALL, "read", "write"),
            "users": _some(Level.ALL, "read"),
        },
        # Watches the sending: settles doubts, pauses runs, and sees no more of people than that.
        "operator": {
            "campaigns": _some(Level.ALL, "read", "start"),
            "messages": _some(Level.ALL, "read"),
            "doubts": _some(Level.ALL, "read", "write"),
            "suppressions": _some(Level.ALL, "read"),
            "senders": _some(Level.ALL, "read"),
            "users": _some(Level.ALL, "read"),
        },
        # Answers people who ask what was sent to them.
        "support": {
            "contacts": _some(Level.ALL, "read"),
            "campaigns": _some(Level.ALL, "read"),
            "messages": _some(Level.ALL, "read"),
            "support": _some(Level.ALL, "read"),
            "requests": _some(Level.ALL, "read", "write"),
            "suppressions": _some(Level.ALL, "read", "write"),
            "senders": _some(Level.ALL, "read"),
            "logins": _some(Level.ALL, "read"),
            "users": _some(Level.ALL, "read"),
        },
        "viewer": {
            ANY: _some(Level.ALL, "read"),
            "support": _every(Level.NONE),
            "api_clients": _every(Level.NONE),
            "audit": _every(Level.NONE),
        },
    }
)
