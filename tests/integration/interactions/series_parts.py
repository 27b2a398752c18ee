"""What tests of series share: making and changing one, and what it plans."""

from datetime import UTC, datetime, timedelta
from typing import Any

from crm.interactions.v1 import follow_up_pb2, follow_up_service_pb2, series_pb2
from crm.interactions.v1 import series_service_pb2 as pb2
from crm.interactions.v1.series_pb2 import CalendarRule, Series
from google.protobuf.field_mask_pb2 import FieldMask
from sqlalchemy import text

from tests.integration.interactions.house import person, stamp

CALL = follow_up_pb2.FOLLOW_UP_TYPE_CALL
ACTIVE, PAUSED = series_pb2.SERIES_STATE_ACTIVE, series_pb2.SERIES_STATE_PAUSED
ENDED = series_pb2.SERIES_STATE_ENDED
# Seven hours ahead all year round.
TODAY = (datetime.now(UTC) + timedelta(hours=7)).replace(hour=0, minute=0, second=0, microsecond=0)
AHEAD = TODAY.replace(tzinfo=None) + timedelta(days=2, hours=9)
"""Nine o'clock of the day after tomorrow, as clocks in Vietnam show it."""


def rule(rrule: str = "FREQ=DAILY", start: datetime = AHEAD, **more: Any) -> CalendarRule:
    return CalendarRule(rrule=rrule, start=start.isoformat(), **more)


def at(day: int) -> datetime:
    """The instant of nine o'clock so many days after `AHEAD`."""
    return (AHEAD + timedelta(days=day) - timedelta(hours=7)).replace(tzinfo=UTC)


async def make(house: Any, who: Any = None, **given: Any) -> Any:
    said = {"title": "Hỏi thăm", "type": CALL, **given}
    if not said.keys() & {"calendar", "after_order", "invoice_due"}:
        said["calendar"] = rule()
    if "contact_ids" not in said:
        said["contact_ids"] = [house.contact().id]
    request = pb2.CreateSeriesRequest(series=Series(**said))
    return await house.series(who or person()).CreateSeries(request)


async def change(house: Any, given: Series, *paths: str, who: Any = None) -> Any:
    request = pb2.UpdateSeriesRequest(series=given, update_mask=FieldMask(paths=paths))
    return await house.series(who or person()).UpdateSeries(request)


async def planned(house: Any, series_id: str = "") -> list[Any]:
    """Every follow-up of a series, by time."""
    request = follow_up_service_pb2.ListFollowUpsRequest(page_size=1000)
    listed = (await house.follow_ups().ListFollowUps(request)).follow_ups
    return [it for it in listed if it.series_id and it.series_id == (series_id or it.series_id)]


async def times(house: Any, series_id: str = "") -> list[datetime]:
    found = await planned(house, series_id)
    return [it.recurrence_time.ToDatetime(tzinfo=UTC) for it in found]


async def move(house: Any, follow_up: Any, by: timedelta) -> Any:
    start = stamp(follow_up.start_time.ToDatetime(tzinfo=UTC) + by)
    changed = follow_up_pb2.FollowUp(id=follow_up.id, start_time=start)
    request = follow_up_service_pb2.UpdateFollowUpRequest(follow_up=changed)
    return await house.follow_ups().UpdateFollowUp(request)


async def subjects(house: Any) -> list[str]:
    async with house.sessions.begin() as session:
        query = text("SELECT subject FROM outbox WHERE class = 'facts' ORDER BY id")
        return [it.rpartition(".")[2] for it in await session.scalars(query)]
