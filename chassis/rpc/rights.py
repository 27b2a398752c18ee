"""The level at which the caller may act."""

from chassis import context, errors
from chassis.context import Level


def require(resource: str, action: str) -> Level:
    """Return how far the caller's right to `action` on `resource` reaches, never NONE.

    Raises `Unauthenticated` when nobody is known, `PermissionDenied` when there is no right.
    """
    level = context.require_principal().level(resource, action)
    if level is Level.NONE:
        raise errors.PermissionDenied(
            "RIGHT_MISSING", f"no right to {action} {resource}", resource=resource, action=action
        )
    return level
