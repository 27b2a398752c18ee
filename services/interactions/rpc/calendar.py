"""Follow-ups by when they are."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import grpc
from crm.interactions.v1 import calendar_service_pb2 as pb2
from crm.interactions.v1 import calendar_service_pb2_grpc
from pydantic import SecretStr

from chassis import db
from chassis.db import idempotency, paging
from chassis.rpc import times
from chassis.scope import Scope
from services.interactions.domain import calendar as rules
from services.interactions.domain import fields, ics
from services.interactions.domain import working as work
from services.interactions.domain.calendar import Entry
from services.interactions.domain.fields import Problems
from services.interactions.messages import calendar as messages
from services.interactions.messages import follow_ups
from services.interactions.messages import working as working_messages
from services.interactions.rpc import gate
from services.interactions.storage import calendar as kept
from services.interactions.storage import working
from services.interactions.storage.calendar import Filter
from services.interactions.usecases import calendar as usecases
from services.interactions.usecases import found

Context = grpc.aio.ServicerContext[Any, Any]

_MOST_OVERLAPS = 20
_MOST_ATTENDEES = 50
_LONGEST_NAME = 200


class CalendarServicer(calendar_service_pb2_grpc.CalendarServiceServicer):
    """Serves `CalendarService`."""

    def __init__(self, sessions: db.Sessions, seal_key: SecretStr) -> None:
        self._sessions = sessions
        self._seal_key = seal_key

    async def ListCalendar(
        self, request: pb2.ListCalendarRequest, context: Context
    ) -> pb2.ListCalendarResponse:
        """Lists what touches a range of time."""
        readable = gate.may("follow_ups", "read")
        wanted = _filter(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        after: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, wanted, readable, page.size + 1, after)
        shown, token = listed[: page.size], ""
        if len(listed) > page.size:
            last = shown[-1]
            token = paging.token([last.start_time, last.id], vars(wanted), self._seal_key)
        return pb2.ListCalendarResponse(
            entries=[messages.out(each) for each in shown], next_page_token=token
        )

    async def CheckOverlaps(
        self, request: pb2.CheckOverlapsRequest, context: Context
    ) -> pb2.CheckOverlapsResponse:
        """Finds what the same people do at the same time."""
        readable, problems = gate.may("follow_ups", "read"), Problems()
        start, end = times.read(request.start_time), times.read(request.end_time)
        span = rules.checked(start, end, problems)
        people = rules.people(request.assignee_ids, problems) or _alone(readable)
        exclude_id = _id(request.exclude_id, "exclude_id", problems)
        team_id = _id(request.team_id, "team_id", problems) or readable.team_id
        problems.raise_if_any()
        if span is None:
            return pb2.CheckOverlapsResponse()
        busy: Sequence[Entry] = ()
        async with self._sessions.begin() as session:
            if people:
                busy = await kept.overlapping(
                    session, Filter(span, people), readable, exclude_id, _MOST_OVERLAPS
                )
            hours = await working.effective(session, team_id)
        answer = pb2.CheckOverlapsResponse(entries=[messages.out(each) for each in busy])
        reason = work.outside(hours, span.start, span.end)
        if reason is not None:
            answer.outside = working_messages.outside(reason)
            answer.next_working_time.FromDatetime(work.next_time(hours, span.start))
        return answer

    async def RescheduleFollowUps(
        self, request: pb2.RescheduleFollowUpsRequest, context: Context
    ) -> pb2.RescheduleFollowUpsResponse:
        """Moves several, all or none."""
        allowed, readable = gate.may("follow_ups", "write"), gate.reach("follow_ups", "read")
        problems = Problems()
        moves, to = _moves(request, problems), _destination(request, problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:

            async def move() -> pb2.RescheduleFollowUpsResponse:
                after = await usecases.reschedule(session, readable, allowed, moves, to)
                return pb2.RescheduleFollowUpsResponse(entries=[messages.out(it) for it in after])

            return await idempotency.once(
                session, "RescheduleFollowUps", request, pb2.RescheduleFollowUpsResponse, move
            )

    async def GetInvitation(
        self, request: pb2.GetInvitationRequest, context: Context
    ) -> pb2.Invitation:
        """Returns a file that invites to a meeting."""
        readable, problems = gate.may("follow_ups", "read"), Problems()
        follow_up_id = found.parsed(request.id, "follow_up")
        if len(request.attendee_emails) > _MOST_ATTENDEES:
            problems.add("attendee_emails", f"more than {_MOST_ATTENDEES}")
        organizer = fields.email(request.organizer_email, "organizer_email", problems)
        name = fields.text(request.organizer_name, "organizer_name", _LONGEST_NAME, problems)
        attendees = [
            fields.email(it, f"attendee_emails[{at}]", problems)
            for at, it in enumerate(request.attendee_emails[:_MOST_ATTENDEES])
        ]
        problems.raise_if_any()
        invited = ics.Invited(organizer, name, list(dict.fromkeys(attendees)))
        async with self._sessions.begin() as session:
            made, method = await usecases.invitation(session, readable, follow_up_id, invited)
        return pb2.Invitation(ics=made, method=method)


def _filter(request: pb2.ListCalendarRequest) -> Filter:
    problems = Problems()
    start, end = times.read(request.range_start), times.read(request.range_end)
    span = rules.span(start, end, problems)
    people = rules.people(request.assignee_ids, problems, rules.MOST_OF_A_RANGE)
    team_id = _id(request.team_id, "team_id", problems)
    problems.raise_if_any()
    if span is None:
        raise AssertionError
    types, statuses = follow_ups.types(request.types), follow_ups.statuses(request.statuses)
    return Filter(span, people, types, statuses, team_id)


def _moves(request: pb2.RescheduleFollowUpsRequest, problems: Problems) -> list[usecases.Move]:
    if not 0 < len(request.follow_ups) <= rules.MOST_MOVES:
        problems.add("follow_ups", f"needs 1 to {rules.MOST_MOVES}")
        return []
    moves: dict[UUID, usecases.Move] = {}
    for at, given in enumerate(request.follow_ups):
        follow_up_id = fields.uuid(given.id, f"follow_ups[{at}].id", problems)
        if follow_up_id in moves:
            problems.add(f"follow_ups[{at}].id", "is there twice")
        elif follow_up_id is not None:
            moves[follow_up_id] = usecases.Move(follow_up_id, given.etag)
    return list(moves.values())


def _destination(request: pb2.RescheduleFollowUpsRequest, problems: Problems) -> rules.To:
    chosen = request.WhichOneof("to")
    offset = None
    if chosen == "offset":
        # Not by the message's own method, which fails for what no timedelta can hold.
        seconds = request.offset.seconds + request.offset.nanos / 1e9
        farthest = rules.FARTHEST_MOVE.total_seconds()
        offset = timedelta(seconds=max(-farthest - 1, min(seconds, farthest + 1)))
    day = request.day if chosen == "day" else None
    return rules.destination(offset, day, request.time_zone, problems)


def _alone(caller: Scope) -> list[UUID]:
    return [caller.user_id] if caller.user_id is not None else []


def _id(text: str, field: str, problems: Problems) -> UUID | None:
    return fields.uuid(text, field, problems) if text else None
