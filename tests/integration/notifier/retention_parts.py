"""Old days of messages, and the worker that lets go of them."""

import uuid
from datetime import date
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY

from services.notifier.domain.states import State
from services.notifier.workers.retention import Retention
from tests.integration.notifier.notifier_parts import (
    House,
    people,
)

if TYPE_CHECKING:
    pass


OLD = date(2020, 1, 2)
PEOPLE = list(people(4))


def retention(house: House, days: int = 40) -> Retention:
    """A worker that keeps so many days."""
    return Retention(house.settings.model_copy(update={"messages_keep_days": days}), house.sessions)


async def over(house: House, *, state: State = State.ACCEPTED) -> uuid.UUID:
    """A run of long ago; one of its people bounced, the others came to `state`."""
    run = await house.take(PEOPLE, run_date=OLD)
    await house.sql(
        "UPDATE messages SET state = CASE seq WHEN 1 THEN 10 ELSE :state END,"
        " reason = CASE seq WHEN 1 THEN 'NOT_DELIVERED' ELSE '' END, revision = 3"
        " WHERE run_id = :run",
        run=run,
        state=int(state),
    )
    await house.sql(
        "UPDATE runs SET busy = false, updated_at = '2020-01-03' WHERE run_id = :run", run=run
    )
    await house.sql("UPDATE cursors SET claimed_to = 4 WHERE run_id = :run", run=run)
    return run


async def tables(house: House) -> set[str]:
    """Which of the old day's tables there are."""
    found = await house.sql("SELECT relname FROM pg_class WHERE relname LIKE '%s_20200102'")
    return {it.relname for it in found}


async def until_gone(house: House, worker: Retention) -> None:
    """Lets go of all days that are due; those before may be of other tests."""
    while await worker.round():
        pass
    gone = await house.sql("SELECT 1 FROM gone_days WHERE run_date = :day", day=OLD)
    assert gone, "the day has to be gone"


def counted(counter: str, /, **labels: str) -> float:
    """A counter's value."""
    return REGISTRY.get_sample_value(f"mekong_notifier_{counter}_total", labels) or 0.0
