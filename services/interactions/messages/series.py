"""Series in their protobuf form."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from crm.interactions.v1 import events_pb2, series_pb2
from google.protobuf.duration_pb2 import Duration

from chassis.rpc import times
from services.interactions.domain.recurrence import Calendar
from services.interactions.domain.series import (
    AfterOrder,
    InvoiceDue,
    Planned,
    Rule,
    Series,
    State,
)
from services.interactions.domain.series_fields import RULES
from services.interactions.messages import follow_ups

_STATES: Mapping[State, "series_pb2.SeriesState.ValueType"] = {
    State.ACTIVE: series_pb2.SERIES_STATE_ACTIVE,
    State.PAUSED: series_pb2.SERIES_STATE_PAUSED,
    State.ENDED: series_pb2.SERIES_STATE_ENDED,
}


_SHOWN = (
    *("title", "type", "contact_ids", "segment_id", "message", "assignee_ids", "description"),
    *("category", "team_id", "reminders"),
)


def out(kept: Series) -> series_pb2.Series:
    """Returns a series as others may see it."""
    made = series_pb2.Series(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        title=kept.title,
        type=follow_ups.type_out(kept.type),
        state=_STATES[kept.state],
        contact_ids=[str(each) for each in kept.contact_ids],
        assignee_ids=[str(each) for each in kept.assignee_ids],
        duration=_duration(kept.duration),
        description=kept.description,
        category=kept.category,
        team_id=str(kept.team_id or ""),
        segment_id=str(kept.segment_id or ""),
        previous_series_id=str(kept.previous_series_id or ""),
        creator_id=kept.creator_id,
        create_time=times.out(kept.create_time),
        update_time=times.out(kept.update_time),
    )
    made.reminders.extend(follow_ups.reminder(it) for it in kept.reminders)
    if isinstance(kept.rule, Calendar):
        made.calendar.CopyFrom(_calendar(kept.rule))
    elif isinstance(kept.rule, AfterOrder):
        made.after_order.CopyFrom(series_pb2.AfterOrderRule(**_days(kept.rule)))
    else:
        made.invoice_due.CopyFrom(series_pb2.InvoiceDueRule(**_days(kept.rule)))
    if kept.message is not None:
        made.message.CopyFrom(follow_ups.message(kept.message))
    return made


def fields(given: series_pb2.Series, paths: Sequence[str]) -> dict[str, Any]:
    """Returns the named fields as plain values; of the rules only the one that is given.

    A type or duration that was not said is None; no rule is an empty one.
    """
    named = [path for path in paths if path in RULES]
    rule = given.WhichOneof("rule") or (named[0] if named else None)
    values: dict[str, Any] = {}
    for path in paths:
        if path not in RULES:
            values[path] = _field(given, path)
        elif path == rule:
            values[path] = rule_fields(getattr(given, path))
    return values


def rule_fields(
    given: series_pb2.CalendarRule | series_pb2.AfterOrderRule | series_pb2.InvoiceDueRule,
) -> dict[str, Any]:
    """Returns the fields of a rule as plain values."""
    return {field.name: getattr(given, field.name) for field in given.DESCRIPTOR.fields}


def values(kept: Series) -> dict[str, object]:
    """Returns what the audit log tells of a series."""
    told: dict[str, object] = {name: getattr(kept, name) for name in _SHOWN}
    return {**told, "duration": str(kept.duration), "paused": kept.paused, **_told(kept.rule)}


def occurrence(found: tuple[datetime, datetime]) -> series_pb2.Occurrence:
    """Returns one time that a rule gives: in UTC, and what the clock shows."""
    return series_pb2.Occurrence(time=times.out(found[0]), local_time=found[1].isoformat())


def planned(some: Sequence[Planned]) -> events_pb2.OccurrencesPlanned:
    """Returns the event that follow-ups were planned."""
    told = [
        series_pb2.PlannedOccurrence(
            follow_up_id=str(it.id),
            series_id=str(it.series_id),
            contact_id=str(it.contact_id or ""),
            start_time=times.out(it.start),
        )
        for it in some
    ]
    return events_pb2.OccurrencesPlanned(occurrences=told)


def dropped(some: Sequence[UUID]) -> events_pb2.OccurrencesDropped:
    """Returns the event that follow-ups were taken back."""
    return events_pb2.OccurrencesDropped(follow_up_ids=[str(each) for each in some])


def _field(given: series_pb2.Series, path: str) -> Any:
    value = getattr(given, path)
    if path == "type":
        return follow_ups.type_of(value)
    if path == "duration":
        return _timedelta(value) if given.HasField("duration") else None
    if path == "message":
        return follow_ups.message_fields(value) if given.HasField("message") else None
    if path == "reminders":
        return [follow_ups.reminder_fields(it) for it in value]
    return list(value) if path in ("contact_ids", "assignee_ids") else value


def _timedelta(given: Duration) -> timedelta:
    """Returns the length; one beyond what Python counts is as long as it can count."""
    try:
        return given.ToTimedelta()
    except (OverflowError, ValueError):
        return timedelta.max


def _duration(given: timedelta) -> Duration:
    made = Duration()
    made.FromTimedelta(given)
    return made


def _calendar(rule: Calendar) -> series_pb2.CalendarRule:
    return series_pb2.CalendarRule(
        rrule=rule.rule.text(),
        start=rule.start.isoformat(),
        time_zone=rule.zone,
        exceptions=[it.isoformat() for it in sorted(rule.exceptions)],
    )


def _days(rule: AfterOrder | InvoiceDue) -> dict[str, Any]:
    return {"days": rule.days, "time_of_day": f"{rule.clock:%H:%M}", "time_zone": rule.zone}


def _told(rule: Rule) -> dict[str, object]:
    if isinstance(rule, Calendar):
        made = _calendar(rule)
        return {"rrule": made.rrule, "start": made.start, "time_zone": rule.zone,
                "exceptions": list(made.exceptions)}  # fmt: skip
    name = "days_after_order" if isinstance(rule, AfterOrder) else "days_after_due"
    return {name: rule.days, "time_of_day": f"{rule.clock:%H:%M}", "time_zone": rule.zone}
