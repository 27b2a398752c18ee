"""What several calls read from their requests in the same way."""

from uuid import UUID

from chassis.errors import FieldViolation, InvalidArgument
from services.campaigns.domain.campaigns import as_uuid


def identifier(field: str, text: str) -> UUID:
    """Return the id in a request; raises `InvalidArgument` naming the field."""
    found = as_uuid(text)
    if found is None:
        raise wrong(field, "is not a UUID" if text else "is required")
    return found


def wrong(field: str, why: str) -> InvalidArgument:
    """Return the error of one wrong field."""
    return InvalidArgument(
        "FIELDS_INVALID", f"{field} {why}", violations=[FieldViolation(field, why)]
    )
