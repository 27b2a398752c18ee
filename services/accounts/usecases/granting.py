"""Nobody hands out more than they have."""

from collections.abc import Collection

from chassis import context, errors
from services.accounts.domain import rights


def must_cover(granted: rights.Rights, hidden: Collection[str] = ()) -> None:
    """Raises `PermissionDenied` when `granted` reach further than the caller's own rights.

    Or when they show a field that is hidden from the caller: not in `hidden`.
    """
    shown = sorted(context.require_principal().hidden - set(hidden))
    if shown:
        raise errors.PermissionDenied(
            "FIELD_HIDDEN", f"nobody can show others the hidden {shown[0]}", field=shown[0]
        )
    over = rights.beyond(granted, context.require_principal().level)
    if over is not None:
        resource, action = over
        raise errors.PermissionDenied(
            "RIGHT_MISSING",
            f"nobody can give more than their own right to {action} {resource}",
            resource=resource,
            action=action,
        )
