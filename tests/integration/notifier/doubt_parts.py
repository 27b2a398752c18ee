"""Messages in doubt as tests make and ask for them, and who asks."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from crm.notifier.v1 import doubt_pb2, events_pb2
from crm.notifier.v1 import doubt_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from chassis.context import Principal
from tests.integration.notifier.notifier_parts import House

OPERATOR = Principal(str(uuid.uuid4()), "user", rights={"doubts": {"read": "all", "write": "all"}})
READER = Principal(str(uuid.uuid4()), "user", rights={"doubts": {"read": "all"}})
MARKETER = Principal(str(uuid.uuid4()), "user", rights={"messages": {"read": "all"}})
ACCEPTED, FAILED = doubt_pb2.DOUBT_ACT_ACCEPTED, doubt_pb2.DOUBT_ACT_FAILED
ABANDONED = doubt_pb2.DOUBT_ACT_ABANDONED


async def in_doubt(
    house: House,
    addresses: list[str],
    *,
    provider: str = "smtp",
    reason: str = "ANSWER_LOST",
    hours: float = 0,
    **told: Any,
) -> uuid.UUID:
    """A run all of whose messages are in doubt since so many hours."""
    run = await house.take(addresses, **told)
    await house.sql(
        "UPDATE messages SET state = 7, reason = :reason, attempts = 1, provider = :provider,"
        " worker = 'w1', attempt_started_at = now(), attempt_ended_at = now(),"
        " attempt_outcome = 7, answer = 'closed', revision = 3,"
        " doubt_since = now() - make_interval(secs => :seconds) WHERE run_id = :run",
        run=run,
        reason=reason,
        provider=provider,
        seconds=hours * 3600,
    )
    await house.sql("UPDATE cursors SET claimed_to = 1000000 WHERE run_id = :run", run=run)
    return run


async def ids(house: House, run: uuid.UUID) -> list[str]:
    """Ids of a run's messages, in its order."""
    rows = await house.sql(
        "SELECT message_id FROM messages WHERE run_id = :run ORDER BY seq", run=run
    )
    return [str(it.message_id) for it in rows]


async def one(house: House, **told: Any) -> str:
    """A message in doubt."""
    return (await ids(house, await in_doubt(house, ["dao@example.vn"], **told)))[0]


async def audited(house: House) -> list[dict[str, Any]]:
    """The audit entries so far."""
    rows = await house.sql("SELECT payload FROM outbox WHERE class = 'audit' ORDER BY id")
    return [dict(Struct.FromString(bytes(it.payload))) for it in rows]


async def reported(house: House) -> list[events_pb2.ProgressGroup]:
    """What campaigns was told, a message at a time."""
    rows = await house.sql(
        "SELECT payload FROM outbox WHERE subject LIKE '%MessagesProgressed' ORDER BY id"
    )
    return [
        group
        for it in rows
        for group in events_pb2.MessagesProgressed.FromString(bytes(it.payload)).groups
        for _ in range(0, len(group.message_ids), 16)
    ]


def settling(message_id: str, act: Any = ACCEPTED, **given: Any) -> pb.SettleDoubtRequest:
    """A request that may be granted."""
    return pb.SettleDoubtRequest(
        **{"message_id": message_id, "act": act, "reason": "asked the provider", **given}
    )


def resending(message_id: str, **given: Any) -> pb.ResendDoubtRequest:
    """A request that may be granted."""
    return pb.ResendDoubtRequest(
        **{
            "message_id": message_id,
            "reason": "she waits for it",
            "accept_duplicate": True,
            **given,
        }
    )


def until(seconds: float = 60) -> Timestamp:
    """A time so many seconds from now."""
    stamp = Timestamp()
    stamp.FromDatetime(datetime.now(UTC) + timedelta(seconds=seconds))
    return stamp
