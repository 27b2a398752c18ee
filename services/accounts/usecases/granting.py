"""Nobody hands out more than they have."""

from chassis import context, errors
from services.accounts.domain import rights


def must_cover(granted: rights.Rights) -> None:
    """Raises `PermissionDenied` when `granted` reach further than the caller's own rights."""
    over = rights.beyond(granted, context.require_principal().level)
    if over is not None:
        resource, action = over
        raise errors.PermissionDenied(
            "RIGHT_MISSING",
            f"nobody can give more than their own right to {action} {resource}",
            resource=resource,
            action=action,
        )
