"""Logged interactions in their protobuf form."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from crm.interactions.v1 import events_pb2, interaction_pb2
from google.protobuf.duration_pb2 import Duration

from chassis.rpc import times
from services.interactions.domain.interactions import Direction, Interaction, Kind, Result

_KINDS: Mapping[Kind, "interaction_pb2.InteractionKind.ValueType"] = {
    Kind.CALL: interaction_pb2.INTERACTION_KIND_CALL,
    Kind.VISIT: interaction_pb2.INTERACTION_KIND_VISIT,
    Kind.LETTER: interaction_pb2.INTERACTION_KIND_LETTER,
    Kind.WEB: interaction_pb2.INTERACTION_KIND_WEB,
}
_DIRECTIONS: Mapping[Direction, "interaction_pb2.InteractionDirection.ValueType"] = {
    Direction.OUTBOUND: interaction_pb2.INTERACTION_DIRECTION_OUTBOUND,
    Direction.INBOUND: interaction_pb2.INTERACTION_DIRECTION_INBOUND,
}
_RESULTS: Mapping[Result, "interaction_pb2.InteractionResult.ValueType"] = {
    Result.REACHED: interaction_pb2.INTERACTION_RESULT_REACHED,
    Result.NO_ANSWER: interaction_pb2.INTERACTION_RESULT_NO_ANSWER,
    Result.WRONG_ADDRESS: interaction_pb2.INTERACTION_RESULT_WRONG_ADDRESS,
}
_KIND_OF = {number: kind for kind, number in _KINDS.items()}
_DIRECTION_OF = {number: direction for direction, number in _DIRECTIONS.items()}
_RESULT_OF = {number: result for result, number in _RESULTS.items()}


def out(kept: Interaction) -> interaction_pb2.Interaction:
    """Returns an interaction."""
    made = interaction_pb2.Interaction(
        id=str(kept.id),
        revision=kept.revision,
        etag=str(kept.revision),
        contact_id=str(kept.contact_id),
        kind=_KINDS[kept.kind],
        direction=_DIRECTIONS[kept.direction],
        result=_RESULTS[kept.result],
        start_time=times.out(kept.start_time),
        text=kept.text,
        next_follow_up_id=str(kept.next_follow_up_id or ""),
        author_id=kept.author_id,
        create_time=times.out(kept.create_time),
    )
    if kept.duration:
        made.duration.FromTimedelta(kept.duration)
    return made


def fields(given: interaction_pb2.Interaction) -> dict[str, Any]:
    """Returns what was given as plain values; what was not said is None, of a duration zero."""
    return {
        "contact_id": given.contact_id,
        "kind": _KIND_OF.get(given.kind),
        "direction": _DIRECTION_OF.get(given.direction),
        "result": _RESULT_OF.get(given.result),
        "start_time": times.read(given.start_time),
        "duration": _duration(given.duration),
        "text": given.text,
    }


def logged(kept: Interaction) -> events_pb2.InteractionLogged:
    """Returns the event that it was logged."""
    return events_pb2.InteractionLogged(interaction=out(kept))


def _duration(given: Duration) -> timedelta:
    # One that no timedelta holds is as wrong as a day and a second.
    seconds = max(-1, min(given.seconds, 86_401))
    return timedelta(seconds=seconds, microseconds=given.nanos // 1_000)
