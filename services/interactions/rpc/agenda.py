"""What is to be done, and where contacts stand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import agenda_service_pb2 as pb2
from crm.interactions.v1 import agenda_service_pb2_grpc
from pydantic import SecretStr

from chassis import db
from chassis.context import Level
from chassis.db import paging
from services.interactions.domain import agenda as rules
from services.interactions.domain import fields
from services.interactions.domain.agenda import Queue
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE
from services.interactions.domain.standings import Order
from services.interactions.messages import agenda as messages
from services.interactions.rpc import gate
from services.interactions.storage import open_leads, standings
from services.interactions.usecases import agenda as usecases
from services.interactions.usecases.agenda import Asked, Page, Reach

Context = grpc.aio.ServicerContext[Any, Any]
MOST = 1_000
QUEUES = {
    "overdue": Queue.OVERDUE,
    "today": Queue.TODAY,
    "no_next_step": Queue.NO_NEXT_STEP,
}


@dataclass(frozen=True)
class Listed:
    """Which open leads are asked for; `vars` of it are what a page token belongs to."""

    order: Order
    user_id: UUID | None
    team_id: UUID | None


class AgendaServicer(agenda_service_pb2_grpc.AgendaServiceServicer):
    """Serves `AgendaService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def ListQueue(
        self, request: pb2.ListQueueRequest, context: Context
    ) -> pb2.ListQueueResponse:
        """Lists what waits, within reach."""
        problems = Problems()
        queue = _queue(request, problems)
        asked = _asked(request, problems)
        page = paging.read(
            request.page_size, request.page_token, _sealed(queue, asked), self._seal_key
        )
        gate.may(_RESOURCES[queue], "read")
        async with self._sessions.begin() as session:
            found, known = await usecases.pages(
                session, [queue], asked, _reach(), page.size, page.after
            )
        return self._page(queue, asked, found[queue], known)

    async def GetDay(self, request: pb2.GetDayRequest, context: Context) -> pb2.GetDayResponse:
        """Returns the first pages of the queues, each within reach."""
        problems, reach = Problems(), _reach()
        asked = _asked(request, problems)
        size = paging.read(request.page_size, "", {}, self._seal_key).size
        if reach.contacts.level is Level.NONE:
            gate.may("follow_ups", "read")
        wanted = [it for it in Queue if gate.reach(_RESOURCES[it], "read").level is not Level.NONE]
        async with self._sessions.begin() as session:
            found, known = await usecases.pages(session, wanted, asked, reach, size)
        return pb2.GetDayResponse(
            **{
                name: self._page(queue, asked, found[queue], known)
                for name, queue in QUEUES.items()
                if queue in found
            }
        )

    async def ListStandings(
        self, request: pb2.ListStandingsRequest, context: Context
    ) -> pb2.ListStandingsResponse:
        """Lists where open leads stand, in an order."""
        problems, reach = Problems(), _reach()
        listed = Listed(_order(request, problems), *_whose(request, problems))
        problems.raise_if_any()
        page = paging.read(request.page_size, request.page_token, vars(listed), self._seal_key)
        after: Any = page.after
        whose = rules.whose(listed.user_id, listed.team_id, reach.contacts)
        ask = open_leads.ask_page(
            listed.order,
            whose,
            rules.left(whose, reach.contacts),
            reach.follow_ups,
            page.size + 1,
            after,
        )
        async with self._sessions.begin() as session:
            found = await db.ask(session, ask)
        shown, token = found[: page.size], ""
        if len(found) > page.size:
            place = open_leads.place(listed.order, shown[-1])
            token = paging.token(place, vars(listed), self._seal_key)
        told = [messages.standing(it) for it in shown]
        return pb2.ListStandingsResponse(standings=told, next_page_token=token)

    async def BatchGetStandings(
        self, request: pb2.BatchGetStandingsRequest, context: Context
    ) -> pb2.BatchGetStandingsResponse:
        """Returns where the contacts within reach stand."""
        problems, reach = Problems(), _reach()
        given = request.contact_ids
        if len(given) > MOST:
            problems.add("contact_ids", f"more than {MOST}")
        problems.raise_if_any()
        ids = [fields.uuid(it, f"contact_ids[{at}]", problems) for at, it in enumerate(given)]
        problems.raise_if_any()
        wanted = list(dict.fromkeys(it for it in ids if it))
        async with self._sessions.begin() as session:
            known = await standings.of(session, wanted, reach.contacts, reach.follow_ups)
        told = [messages.standing(known[it]) for it in wanted if it in known]
        return pb2.BatchGetStandingsResponse(standings=told)

    def _page(
        self, queue: Queue, asked: Asked, page: Page, known: messages.Standings
    ) -> pb2.ListQueueResponse:
        token = ""
        if page.has_more:
            token = paging.token(page.place, _sealed(queue, asked), self._seal_key)
        items = [messages.item(it, known) for it in page.lines]
        return pb2.ListQueueResponse(items=items, next_page_token=token)


_RESOURCES = {
    Queue.OVERDUE: "follow_ups",
    Queue.TODAY: "follow_ups",
    Queue.NO_NEXT_STEP: "contacts",
}


def _sealed(queue: Queue, asked: Asked) -> Mapping[str, object]:
    """Returns what a token of a queue belongs to."""
    return {"queue": queue, **vars(asked)}


def _reach() -> Reach:
    return Reach(gate.reach("follow_ups", "read"), gate.reach("contacts", "read"))


def _queue(request: pb2.ListQueueRequest, problems: Problems) -> Queue:
    queue = messages.queue(request.queue)
    if queue is None:
        problems.add("queue", "is required")
    return queue or Queue.OVERDUE  # one that was noted is refused before it is used


def _order(request: pb2.ListStandingsRequest, problems: Problems) -> Order:
    order = messages.order(request.order)
    if order is None:
        problems.add("order", "not an order")
    return order or Order.NEXT_EARLIEST


def _asked(request: pb2.ListQueueRequest | pb2.GetDayRequest, problems: Problems) -> Asked:
    user_id, team_id = _whose(request, problems)
    zone = fields.time_zone(request.time_zone, "time_zone", DEFAULT_TIME_ZONE, problems)
    problems.raise_if_any()
    return Asked(user_id, team_id, zone)


def _whose(
    request: pb2.ListQueueRequest | pb2.GetDayRequest | pb2.ListStandingsRequest,
    problems: Problems,
) -> tuple[UUID | None, UUID | None]:
    if request.user_id and request.team_id:
        problems.add("team_id", "not together with user_id")
    user_id = _id(request.user_id, "user_id", problems)
    return user_id, _id(request.team_id, "team_id", problems)


def _id(text: str, field: str, problems: Problems) -> UUID | None:
    return fields.uuid(text, field, problems) if text else None
