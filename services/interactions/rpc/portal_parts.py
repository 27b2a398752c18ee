"""Parts of the portal's calls: pages, what customers type, and what they take along."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message
from pydantic import SecretStr

from chassis import db
from chassis.context import require_contact
from chassis.db import paging
from chassis.db.paging import Page
from chassis.rpc import lines
from services.interactions.domain import fields
from services.interactions.domain.fields import Problems
from services.interactions.domain.proposals import proposals as offers
from services.interactions.messages import portal as messages
from services.interactions.storage import requests as kept
from services.interactions.usecases import portal

_BATCH = 200

T = TypeVar("T")


class Listing(Protocol):
    """A request for a page of a list."""

    page_size: int
    page_token: str


class Book:
    """Pages of lists of a customer; a token is good for its list and its customer only."""

    def __init__(self, seal_key: SecretStr) -> None:
        self._seal_key = seal_key

    def opened(self, request: Listing) -> Page:
        """Returns the page asked for."""
        return paging.read(request.page_size, request.page_token, _filter(request), self._seal_key)

    def page(
        self,
        page: Page,
        listed: Sequence[T],
        request: Listing,
        place: Callable[[T], tuple[paging.Key, ...]],
    ) -> tuple[Sequence[T], str]:
        """Returns what is shown of one more than that, and the token of the next page."""
        shown = listed[: page.size]
        if len(listed) <= page.size:
            return shown, ""
        return shown, paging.token(place(shown[-1]), _filter(request), self._seal_key)


def answered(name: str) -> str:
    """Returns the name of who accepts; raises `InvalidArgument`."""
    return _typed(name, "name", offers.LONGEST_NAME, required=True)


def declined(reason: str) -> str:
    """Returns why somebody declines; raises `InvalidArgument`."""
    return _typed(reason, "reason", offers.LONGEST_WORDS)


def remarked(text: str) -> str:
    """Returns a remark; raises `InvalidArgument`."""
    return _typed(text, "text", offers.LONGEST_WORDS, required=True)


async def exported(sessions: db.Sessions) -> AsyncIterator[bytes]:
    """Yields lines of JSON of what is kept of the customer, a page of one list at a time."""
    parts: Sequence[tuple[str, _Rows, Callable[[Any], Message], _Place]] = (
        ("proposal", portal.proposals, messages.proposal, lambda it: (it.create_time, it.id)),
        ("appointment", _to_come, messages.appointment, lambda it: (it.start_time, it.id)),
        ("appointment", _past, messages.appointment, lambda it: (it.start_time, it.id)),
        ("interaction", portal.logged, messages.interaction, lambda it: (it.start_time, it.id)),
        ("message", portal.sent, messages.message, lambda it: (it.due_time, it.follow_up_id)),
    )
    for what, rows, told, place in parts:
        after: Any = None
        while True:
            async with sessions.begin() as session:
                found = await rows(session, _BATCH, after)
            if found:
                yield b"".join(lines.line(what, told(it)) for it in found)
                after = place(found[-1])
            if len(found) < _BATCH:
                break
    async for some in _requests(sessions):
        yield some


async def _requests(sessions: db.Sessions) -> AsyncIterator[bytes]:
    after: Any = None
    while True:
        async with sessions.begin() as session:
            found = await portal.requests(session, _BATCH, after)
        for it in found:
            async with sessions.begin() as session:
                replies = await kept.replies(session, it.id)
            yield lines.line("request", messages.request(it, replies))
        if len(found) < _BATCH:
            return
        after = (found[-1].create_time, found[-1].id)


async def _to_come(session: Any, size: int, after: Any) -> Sequence[Any]:
    return await portal.appointments(session, size, after, past=False)


async def _past(session: Any, size: int, after: Any) -> Sequence[Any]:
    return await portal.appointments(session, size, after, past=True)


def _typed(given: str, field: str, longest: int, *, required: bool = False) -> str:
    problems = Problems()
    kept_text = fields.text(given, field, longest, problems, required=required)
    problems.raise_if_any()
    return kept_text


def _filter(request: Listing) -> dict[str, object]:
    mine = str(require_contact())
    return {"of": mine, "list": type(request).__name__, "past": getattr(request, "past", False)}


_Rows = Callable[[Any, int, Any], Awaitable[Sequence[Any]]]
_Place = Callable[[Any], tuple[Any, ...]]
