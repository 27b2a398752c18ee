"""Lists by name, a page at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from pydantic import SecretStr

from chassis.db import paging


def after(page: paging.Page) -> tuple[str, UUID] | None:
    """Returns the name key and id after which the page starts."""
    return cast(tuple[str, UUID] | None, page.after)


def next_token(
    listed: Sequence[tuple[str, Any]], size: int, wanted: Mapping[str, object], seal_key: SecretStr
) -> str:
    """Returns the token of the next page, empty on the last.

    `listed` are (name key, resource) pairs, one more than the page's `size` if there are so many.
    """
    if len(listed) <= size:
        return ""
    name_key, last = listed[size - 1]
    return paging.token([name_key, last.id], wanted, seal_key)
