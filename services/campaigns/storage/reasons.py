"""How many recipients of a run are in a state for a reason, counted as reports come."""

from collections.abc import Mapping

from chassis.db import arrays
from services.campaigns.domain.states import RecipientState


def moving(deltas: Mapping[tuple[RecipientState, str], int]) -> tuple[list[str], dict[str, str]]:
    """Return what moves the counts, for `tallies`; those without a reason are in the counters.

    Locks the rows in order.
    """
    rows = sorted((*key, delta) for key, delta in deltas.items() if delta and key[1])
    if not rows:
        return [], {}
    states, reasons, people = zip(*rows, strict=True)
    given = {"states": arrays.of(states), "reasons": arrays.texts(reasons)}
    return [_MOVE], {**given, "people": arrays.numbers(people)}


# As one value, to be read by the statement that reads the run: both are of one moment.
OF_RUN = """coalesce((
    SELECT jsonb_agg(jsonb_build_array(state, reason, people) ORDER BY state, reason)
    FROM run_reasons WHERE run_id = runs.id AND people <> 0), '[]')"""
_MOVE = """
    INSERT INTO run_reasons AS r (run_id, state, reason, people)
    SELECT %(run_id)s, state, reason, people
    FROM unnest(
        CAST(%(states)s AS text[]), CAST(%(reasons)s AS text[]), CAST(%(people)s AS bigint[])
    ) AS given (state, reason, people)
    ON CONFLICT (run_id, state, reason) DO UPDATE SET people = r.people + excluded.people
"""
