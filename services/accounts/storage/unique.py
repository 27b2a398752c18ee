"""Turns a violated unique key into the error its caller can act on."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from chassis.errors import AlreadyExists

_UNIQUE_VIOLATION = "23505"


@contextmanager
def taken(resource: str, field: str) -> Iterator[None]:
    """Raises `AlreadyExists` when the statement inside meets a value that is there already."""
    try:
        yield
    except IntegrityError as refused:
        if getattr(refused.orig, "sqlstate", "") != _UNIQUE_VIOLATION:
            raise
        raise AlreadyExists(
            "RESOURCE_EXISTS",
            f"a {resource} with this {field} exists",
            resource=resource,
            field=field,
        ) from None
