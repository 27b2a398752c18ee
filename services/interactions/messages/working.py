"""Working hours in their protobuf form."""

from collections.abc import Mapping, Sequence
from typing import Any

from crm.interactions.v1 import working_hours_pb2

from chassis.rpc import times
from services.interactions.domain.working import Hours, Outside

_REASONS: Mapping[Outside, "working_hours_pb2.OutsideReason.ValueType"] = {
    Outside.HOURS: working_hours_pb2.OUTSIDE_REASON_HOURS,
    Outside.DAY_OFF: working_hours_pb2.OUTSIDE_REASON_DAY_OFF,
    Outside.HOLIDAY: working_hours_pb2.OUTSIDE_REASON_HOLIDAY,
}


def out(kept: Hours) -> working_hours_pb2.WorkingHours:
    """Returns working hours as others may see them."""
    return working_hours_pb2.WorkingHours(
        team_id=str(kept.team_id or ""),
        revision=kept.revision,
        etag=str(kept.revision) if kept.revision else "",
        time_zone=kept.zone,
        intervals=[
            working_hours_pb2.WorkingInterval(
                weekday=it.weekday, start=f"{it.start:%H:%M}", end=f"{it.end:%H:%M}"
            )
            for it in sorted(kept.intervals)
        ],
        holidays=[
            working_hours_pb2.Holiday(date=day.isoformat(), name=name)
            for day, name in sorted((kept.holidays or {}).items())
        ],
        update_time=times.out(kept.update_time),
    )


def fields(given: working_hours_pb2.WorkingHours, paths: Sequence[str]) -> dict[str, Any]:
    """Returns the named fields as plain values."""
    values: dict[str, Any] = {}
    for path in paths:
        if path == "intervals":
            values[path] = [(it.weekday, it.start, it.end) for it in given.intervals]
        elif path == "holidays":
            values[path] = [(it.date, it.name) for it in given.holidays]
        else:
            values[path] = getattr(given, path)
    return values


def values(kept: Hours) -> dict[str, object]:
    """Returns what the audit log tells of working hours."""
    return {
        "time_zone": kept.zone,
        "intervals": [f"{it.weekday} {it.start:%H:%M}-{it.end:%H:%M}" for it in kept.intervals],
        "holidays": [day.isoformat() for day in kept.holidays or {}],
    }


def outside(reason: Outside | None) -> "working_hours_pb2.OutsideReason.ValueType":
    """Returns why a time is no working time."""
    return _REASONS[reason] if reason else working_hours_pb2.OUTSIDE_REASON_UNSPECIFIED
