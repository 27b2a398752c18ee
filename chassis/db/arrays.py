"""Arrays as one text each, which the driver sends ten times faster than a list of values.

To be cast where they are used: `unnest(CAST(:ids AS uuid[]))`.
"""

from collections.abc import Iterable
from uuid import UUID

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\""})


def uuids(values: Iterable[UUID | str]) -> str:
    """The literal of a `uuid[]`."""
    return "{" + ",".join(map(str, values)) + "}"


def integers(values: Iterable[int]) -> str:
    """The literal of an `int[]` or `bigint[]`."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str | None]) -> str:
    """The literal of a `text[]`, whatever the texts hold; None is NULL."""
    quoted = (
        "NULL" if value is None else '"' + value.translate(_ESCAPES) + '"' for value in values
    )
    return "{" + ",".join(quoted) + "}"


def blobs(values: Iterable[bytes]) -> str:
    """The literal of a `bytea[]`."""
    return "{" + ",".join('"\\\\x' + value.hex() + '"' for value in values) + "}"
