"""Recurring follow-ups."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import grpc
from crm.interactions.v1 import series_pb2, series_service_pb2_grpc
from crm.interactions.v1 import series_service_pb2 as pb2
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from chassis import db
from chassis.db import idempotency, paging
from chassis.errors import FieldViolation, InvalidArgument
from chassis.rpc import fieldmask, times
from services.interactions.domain import fields, recurrence
from services.interactions.domain import series_fields as rules
from services.interactions.domain.fields import Problems
from services.interactions.domain.series import Series
from services.interactions.messages import series as messages
from services.interactions.rpc import gate, sending
from services.interactions.rpc.sending import Desk
from services.interactions.storage import follow_ups
from services.interactions.storage import series as kept
from services.interactions.storage.series import Filter
from services.interactions.usecases import found
from services.interactions.usecases import series as usecases

MOST_PREVIEWED = 100

Context = grpc.aio.ServicerContext[Any, Any]
M = TypeVar("M")


class SeriesServicer(series_service_pb2_grpc.SeriesServiceServicer):
    """Serves `SeriesService`."""

    def __init__(
        self, sessions: db.Sessions, contacts: gate.Gate, desk: Desk, seal_key: SecretStr
    ) -> None:
        self._sessions = sessions
        self._contacts = contacts
        self._desk = desk
        self._seal_key = seal_key

    async def CreateSeries(
        self, request: pb2.CreateSeriesRequest, context: Context
    ) -> series_pb2.Series:
        """Makes a series with contacts that the caller may see."""
        caller = gate.may("follow_ups", "write")
        columns = await self._read(request.series, rules.FIELDS)
        async with self._sessions.begin() as session:

            async def create() -> series_pb2.Series:
                return messages.out(await usecases.create(session, caller, columns))

            return await idempotency.once(
                session, "CreateSeries", request, series_pb2.Series, create
            )

    async def GetSeries(self, request: pb2.GetSeriesRequest, context: Context) -> series_pb2.Series:
        """Returns one within reach."""
        readable = gate.may("follow_ups", "read")
        series_id = found.parsed(request.id, usecases.RESOURCE)
        async with self._sessions.begin() as session:
            return messages.out(await usecases.get(session, readable, series_id))

    async def ListSeries(
        self, request: pb2.ListSeriesRequest, context: Context
    ) -> pb2.ListSeriesResponse:
        """Lists those within reach, newest first."""
        readable = gate.may("follow_ups", "read")
        wanted = _filter(request)
        page = paging.read(request.page_size, request.page_token, vars(wanted), self._seal_key)
        before: Any = page.after
        async with self._sessions.begin() as session:
            listed = await kept.page(session, wanted, readable, page.size + 1, before)
        shown = listed[: page.size]
        token = ""
        if len(listed) > page.size:
            last = shown[-1]
            token = paging.token([last.create_time, last.id], vars(wanted), self._seal_key)
        return pb2.ListSeriesResponse(
            series=[messages.out(each) for each in shown], next_page_token=token
        )

    async def UpdateSeries(
        self, request: pb2.UpdateSeriesRequest, context: Context
    ) -> series_pb2.Series:
        """Changes the fields of the mask and plans the future anew."""
        given = request.series
        paths = fieldmask.paths(request.update_mask, given, rules.FIELDS)
        columns = await self._read(given, paths, of=given.id)

        async def update(session: AsyncSession, before: Series) -> series_pb2.Series:
            after = await usecases.update(session, before, given.etag, columns)
            return messages.out(after)

        async with self._sessions.begin() as session:
            return await idempotency.once(
                session,
                "UpdateSeries",
                request,
                series_pb2.Series,
                lambda: _with(session, given.id, "write", update),
            )

    async def DeleteSeries(
        self, request: pb2.DeleteSeriesRequest, context: Context
    ) -> pb2.DeleteSeriesResponse:
        """Deletes one with what nobody touched of its future."""

        async def delete(session: AsyncSession, before: Series) -> pb2.DeleteSeriesResponse:
            count = await usecases.delete(session, before, request.etag)
            return pb2.DeleteSeriesResponse(handed_over_count=count)

        async with self._sessions.begin() as session:
            return await _with(session, request.id, "delete", delete)

    async def PreviewSeries(
        self, request: pb2.PreviewSeriesRequest, context: Context
    ) -> pb2.PreviewSeriesResponse:
        """Returns the next times of a rule that need not be saved."""
        problems = Problems()
        if not 0 <= request.count <= MOST_PREVIEWED:
            problems.add("count", f"must be 0 to {MOST_PREVIEWED}")
        given = messages.rule_fields(request.calendar)
        # In a thread, as a rule that gives nothing takes a while to be known as such.
        rule = await asyncio.to_thread(rules.calendar, given, "calendar", problems)
        problems.raise_if_any()
        async with self._sessions.begin() as session:
            now = await follow_ups.database_time(session)
        if rule is None:
            return pb2.PreviewSeriesResponse()
        since = recurrence.today(now, rule.zone)
        listed = recurrence.occurrences(rule, since, request.count or 10)
        return pb2.PreviewSeriesResponse(occurrences=[messages.occurrence(each) for each in listed])

    async def SkipOccurrence(
        self, request: pb2.SkipOccurrenceRequest, context: Context
    ) -> series_pb2.Series:
        """Leaves out one time."""
        time = _time(request.recurrence_time)

        async def skip(session: AsyncSession, before: Series) -> series_pb2.Series:
            return messages.out(await usecases.skip(session, before, request.etag, time))

        async with self._sessions.begin() as session:
            return await _with(session, request.id, "write", skip)

    async def SplitSeries(
        self, request: pb2.SplitSeriesRequest, context: Context
    ) -> series_pb2.Series:
        """Goes on otherwise from an occurrence on."""
        time = _time(request.recurrence_time)
        paths = fieldmask.paths(request.update_mask, request.series, rules.FIELDS)
        columns = await self._read(request.series, paths, of=request.id)

        async def split(session: AsyncSession, before: Series) -> series_pb2.Series:
            after = await usecases.split(session, before, request.etag, time, columns)
            return messages.out(after)

        async with self._sessions.begin() as session:
            return await idempotency.once(
                session,
                "SplitSeries",
                request,
                series_pb2.Series,
                lambda: _with(session, request.id, "write", split),
            )

    async def PauseSeries(
        self, request: pb2.PauseSeriesRequest, context: Context
    ) -> series_pb2.Series:
        """Plans no more."""

        async def pause(session: AsyncSession, before: Series) -> series_pb2.Series:
            return messages.out(await usecases.pause(session, before, request.etag))

        async with self._sessions.begin() as session:
            return await _with(session, request.id, "write", pause)

    async def ResumeSeries(
        self, request: pb2.ResumeSeriesRequest, context: Context
    ) -> series_pb2.Series:
        """Plans again."""

        async def resume(session: AsyncSession, before: Series) -> series_pb2.Series:
            return messages.out(await usecases.resume(session, before, request.etag))

        async with self._sessions.begin() as session:
            return await _with(session, request.id, "write", resume)

    async def _read(
        self, given: series_pb2.Series, paths: Any, *, of: str | None = None
    ) -> dict[str, Any]:
        """Returns the columns of these fields, of a new series or `of` one that is there.

        Raises unless all is well, contacts and whether a message may be sent included.
        """
        gate.may("follow_ups", "write")
        problems = Problems()
        read = messages.fields(given, paths)
        if "calendar" in paths and given.WhichOneof("rule") is None and "after_order" in paths:
            problems.add("series.calendar", "needs calendar, after_order or invoice_due")
            read = {name: value for name, value in read.items() if name not in rules.RULES}
        # In a thread, as a rule that gives nothing takes a while to be known as such.
        columns = await asyncio.to_thread(rules.columns, read, problems)
        asked = [each for each in columns.get("contact_ids", ()) if each is not None]
        hidden = await self._contacts.hidden(asked) if asked else set()
        for at, each in enumerate(given.contact_ids):
            if fields.uuid(each, "", Problems()) in hidden:
                problems.add(f"series.contact_ids[{at}]", "no such contact")
        sending.may_send_to_segment(columns)
        await sending.check_reminders(self._desk, given.reminders, columns, problems, of="series")
        before, tried = None, dict(columns)
        if of is not None:
            problems.raise_if_any()
            async with self._sessions.begin() as session:
                before = await _with(session, of, "write", _itself)
        message = rules.with_audience(tried, before, problems)
        kind = tried.get("type") or (before.type if before else None)
        await sending.admit(self._desk, message, kind, problems, of="series")
        return tried if of is None else columns


async def _with(
    session: AsyncSession,
    wanted: str,
    action: str,
    work: Callable[[AsyncSession, Series], Awaitable[M]],
) -> M:
    """Does something to a series that the caller may do it to."""
    allowed, readable = gate.may("follow_ups", action), gate.reach("follow_ups", "read")
    series_id = found.parsed(wanted, usecases.RESOURCE)
    return await work(session, await usecases.locked(session, readable, allowed, series_id, action))


async def _itself(session: AsyncSession, found: Series) -> Series:
    return found


def _filter(request: pb2.ListSeriesRequest) -> Filter:
    problems = Problems()
    names = [it for it in ("contact_id", "assignee_id") if getattr(request, it)]
    ids = {name: fields.uuid(getattr(request, name), name, problems) for name in names}
    problems.raise_if_any()
    return Filter(**ids)


def _time(given: Timestamp) -> datetime:
    """Returns the time that was said; raises `InvalidArgument` for none."""
    try:
        time, why = times.read(given), "is required"
    except (ValueError, OverflowError):
        time, why = None, "not a time"
    if time is None:
        refused = FieldViolation("recurrence_time", why)
        raise InvalidArgument("FIELDS_INVALID", "a time is needed", violations=[refused])
    return time
