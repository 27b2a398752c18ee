"""Pages of lists as requests ask for them."""

from typing import Protocol

from google.protobuf.message import Message

from chassis.db import paging
from chassis.db.paging import Page, Seal


class Listing(Protocol):
    """A request for a page of a list."""

    page_size: int
    page_token: str


def read(request: Listing, seal: Seal) -> Page:
    """Return the page asked for; its token is good for this request's filter only."""
    return paging.read(request.page_size, request.page_token, _filter(request), seal)


def next_token(after: tuple[object, ...] | None, request: Listing, seal: Seal) -> str:
    """Return the token of the page after a key, empty when there is none."""
    return paging.token(after, _filter(request), seal) if after else ""  # type: ignore[arg-type]


def _filter(request: Listing) -> dict[str, object]:
    if not isinstance(request, Message):
        raise TypeError(type(request).__name__)
    bare = type(request)()
    bare.CopyFrom(request)
    bare.ClearField("page_size")
    bare.ClearField("page_token")
    return {bare.DESCRIPTOR.full_name: bare.SerializeToString(deterministic=True).hex()}
