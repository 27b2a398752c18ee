"""Which kinds of work have come due: one look, for all that several workers would ask apart."""

from enum import StrEnum

from chassis.db import Sessions, look


class Kind(StrEnum):
    """What a worker waits for."""

    OPENING = "opening"
    REMINDERS = "reminders"
    PROPOSALS = "proposals"
    MOVES = "moves"
    SERIES = "series"
    RESOLUTIONS = "resolutions"
    BATCHES = "batches"
    REVERTING = "reverting"
    DELIVERIES = "deliveries"
    CONTACT_REMINDERS = "contact_reminders"
    REMINDER_LETTERS = "reminder_letters"


async def due(sessions: Sessions) -> set[Kind]:
    """Returns the kinds of which something is due by the database's clock; locks nothing."""
    row = await look(sessions, _DUE) or ()
    return {kind for kind, is_due in zip(Kind, row, strict=True) if is_due}


def _is_past(table: str, time: str, where: str = "true") -> str:
    """Whether the earliest has come: by the order that the index has which claims read."""
    return f"""coalesce((
        SELECT {time} <= clock_timestamp() FROM {table}
        WHERE {where} AND {time} IS NOT NULL ORDER BY {time} LIMIT 1), false)"""  # noqa: S608


_WAITING = "state = 'waiting'"
_PAST = {
    Kind.OPENING: _is_past("follow_ups", "start_time", "status = 'scheduled'"),
    Kind.REMINDERS: _is_past("reminders", "due_time"),
    Kind.PROPOSALS: " OR ".join(
        (
            _is_past("proposals", "expire_time", "state IN ('sending', 'sent', 'viewed')"),
            _is_past("proposals", "remind_time"),
            _is_past("proposal_letters", "next_time", _WAITING),
        )
    ),
    Kind.MOVES: _is_past("proposals", "move_time", "stage_move = 'waiting'"),
    Kind.SERIES: _is_past("series", "due_time", "NOT paused"),
    Kind.RESOLUTIONS: _is_past("resolutions", "try_time"),
    Kind.BATCHES: _is_past("follow_up_batches", "try_time", "state = 'running'"),
    Kind.REVERTING: "EXISTS (SELECT 1 FROM follow_up_batches WHERE state = 'reverting')",
    Kind.DELIVERIES: _is_past("deliveries", "try_time", _WAITING),
    Kind.CONTACT_REMINDERS: _is_past("contact_reminders", "try_time", _WAITING),
    Kind.REMINDER_LETTERS: _is_past("reminder_letters", "next_time", _WAITING),
}
_DUE = f"SELECT {', '.join(_PAST[it] for it in Kind)}"
