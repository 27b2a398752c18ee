"""Runs that were handed over, and what notifiers tell of them."""

from uuid import UUID

from crm.campaigns.v1 import campaign_pb2, run_pb2, run_service_pb2
from crm.notifier.v1 import message_pb2, work_pb2

from services.campaigns.messages import work
from services.campaigns.usecases import handover, progress
from tests.integration.campaigns import desk as desks
from tests.integration.campaigns.house import House, member

STATES = campaign_pb2.RunState


async def handed_over(house: House, count: int) -> tuple[run_pb2.Run, list[bytes]]:
    """Plan a run and hand all of it over; returns it and its message ids."""
    run = await house.planned([member(n) for n in range(1, count + 1)])
    async with house.sessions.begin() as session:
        made = await handover.hand_over(session, UUID(run.id), backlog=100)
    rows = await house.rows("SELECT message_id FROM recipients ORDER BY contact_id")
    assert len(made) == 1
    return run, [row[0].bytes for row in rows]  # type: ignore[attr-defined]


async def tell(
    house: House,
    run: run_pb2.Run,
    message_ids: list[bytes],
    state: message_pb2.MessageState.ValueType,
    *,
    revision: int = 2,
    reason: str = "",
) -> int:
    """Apply a report; returns how many recipients moved."""
    event = desks.report(run, message_ids, state, revision=revision, reason=reason)
    async with house.sessions.begin() as session:
        return await progress.apply(session, [work.report(event.SerializeToString())])


COMPLETED = campaign_pb2.RUN_STATE_COMPLETED


def pause(run: run_pb2.Run) -> run_service_pb2.PauseRunRequest:
    return run_service_pb2.PauseRunRequest(id=run.id)


async def packed(house: House) -> list[work_pb2.Chunk]:
    """Return what the chunks of the plan carry."""
    rows = await house.rows("SELECT payload FROM chunks ORDER BY region, to_ordinal")
    return [work_pb2.Chunk.FromString(data) for (data,) in rows]  # type: ignore[arg-type]
