"""Things looked up that must be there, and be as the caller knew them."""

from typing import TypeVar
from uuid import UUID

from chassis import errors

T = TypeVar("T")


def existing(found: T | None, resource: str, wanted: object) -> T:
    """Returns what was found; raises `NotFound` for None."""
    if found is None:
        raise missing(resource, wanted)
    return found


def parsed(text: str, resource: str) -> UUID:
    """Returns the id; one that is no UUID names nothing: `NotFound`."""
    try:
        return UUID(text)
    except ValueError:
        raise missing(resource, text[:64]) from None


def missing(resource: str, wanted: object) -> errors.NotFound:
    """Returns the error for a resource that is not there, or not for this caller."""
    return errors.NotFound(
        "RESOURCE_MISSING", f"no such {resource}", resource=resource, id=str(wanted)
    )


def unchanged(etag: str, revision: int, resource: str, wanted: UUID) -> None:
    """Raises `Aborted` when an etag was given and is not that of the stored revision."""
    if etag and etag != str(revision):
        raise stale(revision, resource, wanted)


def stale(revision: int, resource: str, wanted: UUID) -> errors.Aborted:
    """Returns the error for something that changed since it was read."""
    return errors.Aborted(
        "ETAG_STALE",
        f"the {resource} changed since it was read",
        resource=resource,
        id=str(wanted),
        etag=str(revision),
    )


def forbidden(resource: str, action: str) -> errors.PermissionDenied:
    """Returns the error for something the caller may see and not do."""
    return errors.PermissionDenied(
        "RIGHT_MISSING", f"no right to {action} this one", resource=resource, action=action
    )
