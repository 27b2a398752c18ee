"""Lists page by page, or item by item."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

Response = TypeVar("Response")


def pages(
    call: Callable[..., Response], request: Any, *, timeout: float | None = None
) -> Iterator[Response]:
    """Yield each answer of a list method until the last page; `request` itself stays as it is.

    `timeout` in seconds is that of each page.
    """
    asked = type(request)()
    asked.CopyFrom(request)
    while True:
        answer: Any = call(asked, timeout=timeout)
        yield answer
        if not answer.next_page_token:
            return
        asked.page_token = answer.next_page_token


def items(
    call: Callable[..., Any], request: Any, *, field: str = "", timeout: float | None = None
) -> Iterator[Any]:
    """Yield what is listed: `for contact in items(stub.ListContacts, ListContactsRequest()):`.

    `field` names it where an answer has several lists. Raises `TypeError` when that is missing.
    """
    for page in pages(call, request, timeout=timeout):
        yield from getattr(page, field or _list_of(page))


def _list_of(answer: Any) -> str:
    lists = [it.name for it in answer.DESCRIPTOR.fields if it.is_repeated]
    if len(lists) != 1:
        named = ", ".join(lists) or "none"
        raise TypeError(f"{answer.DESCRIPTOR.name} has several lists, name one: {named}")
    return str(lists[0])
