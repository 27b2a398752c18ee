"""What is to be done, and where contacts stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import agenda_pb2, agenda_service_pb2_grpc
from crm.interactions.v1 import agenda_service_pb2 as pb2
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import paging
from services.interactions.domain import agenda as rules
from services.interactions.domain import fields
from services.interactions.domain.agenda import Queue
from services.interactions.domain.fields import Problems
from services.interactions.domain.follow_ups import DEFAULT_TIME_ZONE
from services.interactions.messages import agenda as messages
from services.interactions.rpc import gate
from services.interactions.storage import follow_ups, queues, standings

Context = grpc.aio.ServicerContext[Any, Any]
MOST = 1_000


@dataclass(frozen=True)
class Asked:
    """Which queue is asked for; `vars` of it are what a page token belongs to."""

    queue: Queue | None
    user_id: UUID | None
    team_id: UUID | None
    time_zone: str


class AgendaServicer(agenda_service_pb2_grpc.AgendaServiceServicer):
    """Serves `AgendaService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def ListQueue(
        self, request: pb2.ListQueueRequest, context: Context
    ) -> pb2.ListQueueResponse:
        """Lists what waits, within reach."""
        asked = _asked(request)
        page = paging.read(request.page_size, request.page_token, vars(asked), self._seal_key)
        async with self._sessions.begin() as session:
            if asked.queue is Queue.NO_NEXT_STEP:
                items, place = await _idle(session, asked, page)
            else:
                items, place = await _planned(session, asked, page)
        token = paging.token(place, vars(asked), self._seal_key) if place else ""
        return pb2.ListQueueResponse(items=items, next_page_token=token)

    async def BatchGetStandings(
        self, request: pb2.BatchGetStandingsRequest, context: Context
    ) -> pb2.BatchGetStandingsResponse:
        """Returns where the contacts within reach stand."""
        gate.may("contacts", "read")
        problems = Problems()
        given = request.contact_ids
        if len(given) > MOST:
            problems.add("contact_ids", f"more than {MOST}")
        problems.raise_if_any()
        ids = [fields.uuid(it, f"contact_ids[{at}]", problems) for at, it in enumerate(given)]
        problems.raise_if_any()
        wanted = list(dict.fromkeys(it for it in ids if it))
        async with self._sessions.begin() as session:
            known = await _standings(session, wanted)
        told = [messages.standing(known[it]) for it in wanted if it in known]
        return pb2.BatchGetStandingsResponse(standings=told)


Items = list[agenda_pb2.QueueItem]
Place = list[paging.Key]


async def _planned(session: AsyncSession, asked: Asked, page: paging.Page) -> tuple[Items, Place]:
    reach, after = gate.may("follow_ups", "read"), _place(page)
    whose = rules.whose(asked.user_id, asked.team_id, reach)
    now = await follow_ups.database_time(session)
    size = page.size + 1
    if asked.queue is Queue.OVERDUE:
        listed = await queues.overdue(session, whose, reach, now, size, after)
    else:
        day = rules.day(now, asked.time_zone)
        listed = await queues.today(session, whose, reach, now, day, size, after)
    shown = listed[: page.size]
    known = await _standings(session, [it.contact_id for it in shown if it.contact_id])
    place: Place = [shown[-1].start_time, shown[-1].id] if len(listed) > page.size else []
    return [messages.planned(it, known) for it in shown], place


async def _idle(session: AsyncSession, asked: Asked, page: paging.Page) -> tuple[Items, Place]:
    reach = gate.may("contacts", "read")
    whose = rules.whose(asked.user_id, asked.team_id, reach)
    before: Any = page.after[0] if page.after else None
    listed = await queues.idle(session, whose, reach, page.size + 1, before)
    shown = listed[: page.size]
    known = await _standings(session, shown)
    place: Place = [shown[-1]] if len(listed) > page.size else []
    return [messages.idle(it, known) for it in shown], place


async def _standings(session: AsyncSession, ids: Sequence[UUID]) -> messages.Standings:
    if not ids:
        return {}
    reach, planned = gate.reach("contacts", "read"), gate.reach("follow_ups", "read")
    return await standings.of(session, ids, reach, planned)


def _place(page: paging.Page) -> tuple[datetime, UUID] | None:
    keys: Any = page.after
    return (keys[0], keys[1]) if keys else None


def _asked(request: pb2.ListQueueRequest) -> Asked:
    problems = Problems()
    queue = messages.queue(request.queue)
    if queue is None:
        problems.add("queue", "is required")
    if request.user_id and request.team_id:
        problems.add("team_id", "not together with user_id")
    asked = Asked(
        queue=queue,
        user_id=_id(request.user_id, "user_id", problems),
        team_id=_id(request.team_id, "team_id", problems),
        time_zone=fields.time_zone(request.time_zone, "time_zone", DEFAULT_TIME_ZONE, problems),
    )
    problems.raise_if_any()
    return asked


def _id(text: str, field: str, problems: Problems) -> UUID | None:
    return fields.uuid(text, field, problems) if text else None
